"""What every form of the staff room's drafts shares: it knows which edit it was opened with, and shows a conflict."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from django import forms
from django.db import models
from django.http import QueryDict
from django.utils import timezone

from incidents.models import Incident


class EditForm(forms.ModelForm):
    """For an Incident or a row of one. Saving is `drafting`'s work; the form only fills its instance."""

    started_from = forms.IntegerField(widget=forms.HiddenInput, required=False)
    field_words: dict[str, tuple[str, str]] = {}  # by field name: label, hint

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.data = _with_plain_line_ends(self.data)
        self.label_suffix = ""
        self.initial["started_from"] = getattr(self.instance, "edits", 0)
        for name, (label, hint) in self.field_words.items():
            if name in self.fields:
                self.fields[name].label, self.fields[name].help_text = label, hint
        for field in self.fields.values():
            if isinstance(field, forms.TypedChoiceField) and not isinstance(field.widget, forms.RadioSelect):
                choices: Any = field.choices
                field.choices = [(key, "Choose one" if key == "" else label) for key, label in choices]
        if "segment" in self.fields:
            segment: Any = self.fields["segment"]
            segment.queryset, segment.empty_label = self.incident.segments.all(), "Everyone affected"

    @property
    def incident(self) -> Incident:
        return self.instance if isinstance(self.instance, Incident) else self.instance.incident

    def clean_next_update_by(self) -> datetime | None:
        """Where a form has this field. An older promise that is left as it is stays, though it may have passed."""
        promise = self.cleaned_data["next_update_by"]
        if promise and "next_update_by" in self.changed_data and promise <= timezone.now():
            raise forms.ValidationError(
                f"{promise:%-d %B %Y, %H:%M} UTC has passed already. Promise a moment that is still to come, or none."
            )
        return promise

    @property
    def changes(self) -> list[str]:
        """Names of the fields that were changed."""
        return [name for name in self.changed_data if name != "started_from"]

    def taken(self, **fields: object) -> bool:
        """Whether another row of this incident has exactly these values."""
        rows = self._meta.model._default_manager.filter(incident=self.incident, **fields)
        return rows.exclude(pk=self.instance.pk).exists()

    def differences(self, theirs: models.Model) -> list[dict[str, str]]:
        """For a conflict: each field whose text here and there differs."""
        other = type(self)(instance=theirs)
        pairs = (
            {"label": str(bound.label), "theirs": _words(other[bound.name]), "yours": _words(bound)}
            for bound in self.visible_fields()
        )
        return [pair for pair in pairs if pair["theirs"] != pair["yours"]]

    def take_over(self, theirs: models.Model) -> None:
        """The next save goes on top of what stands there now: somebody has seen both texts."""
        self.data = dict(self.data.items()) | {self.add_prefix("started_from"): str(getattr(theirs, "edits", 0))}


def _with_plain_line_ends(data: Any) -> Any:
    """Browsers end lines with CR and LF: a text saved as it was opened would count as changed."""
    if not isinstance(data, QueryDict):
        return data
    plain = data.copy()
    for name, values in data.lists():
        plain.setlist(name, [value.replace("\r\n", "\n") for value in values])
    return plain


class Moments(forms.DateTimeInput):
    """A day and a clock in UTC, with the browser's own picker."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M", attrs={"class": "input-short"})


class Lines(forms.CharField):
    """A short list, one entry a line."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> str:
        return "\n".join(value) if isinstance(value, list | tuple) else value or ""

    def to_python(self, value: Any) -> Any:
        lines = value if isinstance(value, list) else (value or "").splitlines()
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(initial) != self.to_python(data)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if any(len(line) > 120 for line in value):
            raise forms.ValidationError("One of the lines is longer than 120 characters. Shorten it.")

    def run_validators(self, value: Any) -> None:
        """Each line was checked above."""


def _words(bound: forms.BoundField) -> str:
    """What stands in a field, as people read it."""
    value, field = bound.value(), bound.field
    if isinstance(field, forms.BooleanField):
        return "yes" if field.to_python(value) else "no"
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        return next((str(label) for key, label in choices if str(key) == str(value or "")), str(value or ""))
    if isinstance(field, forms.DateTimeField) and value:
        with suppress(forms.ValidationError):
            return f"{field.to_python(value):%Y-%m-%d %H:%M} UTC"
    return str(field.prepare_value(value) or "").replace("\r\n", "\n")
