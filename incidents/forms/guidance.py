"""One form for each section of the guidance. What the database would refuse is said here in words first."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from incidents import veris
from incidents.audience import rules
from incidents.forms.moments import MomentForm, NotAMoment, parse
from incidents.forms.rows import EditForm, Moments
from incidents.models import (
    Contact,
    Exposure,
    FAQEntry,
    Indicator,
    Measure,
    Reference,
    ScopeEstimate,
    Segment,
    Step,
    TimelineEvent,
)

MARKDOWN = "Markdown: **bold**, lists, [words](https://…)."
IN_UTC = "In UTC."
KINDS_OF_DATA = list(veris.VARIETIES.values())


def text(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class Suggested(forms.TextInput):
    """Any words, with some of ours to choose from."""

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__()
        self.words = list(words)

    def render(self, name: str, value: Any, attrs: dict | None = None, renderer: Any = None) -> SafeString:
        choices = f"{(attrs or {}).get('id', name)}_words"
        words = format_html_join("", '<option value="{}">', ((word,) for word in self.words))
        field = super().render(name, value, (attrs or {}) | {"list": choices}, renderer)
        return format_html('{}<datalist id="{}">{}</datalist>', field, choices, words)


class RuleField(forms.CharField):
    """One condition in a line; see audience.rules."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> str:
        return rules.in_words(value) if isinstance(value, dict) else value or ""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, dict):
            return value
        try:
            return rules.read(value or "")
        except rules.NotARule as problem:
            raise forms.ValidationError(str(problem)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return (initial or {}) != self.to_python(data)
        except forms.ValidationError:
            return True

    def run_validators(self, value: Any) -> None:
        """Reading it was all there is to check."""


class ExposureForm(EditForm):
    field_words = {
        "data_class": ("What kind of data", "API keys, email addresses, card data …"),
        "segment": ("Whose", ""),
        "status": ("Was it exposed?", "“Not exposed” is news, too: readers fear for it."),
        "note": ("In a few words", "What limits it, or what it rests on."),
        "veris": ("Counted in statistics as", f"After VERIS {veris.SCHEMA}; the page does not say it."),
    }
    veris = forms.ChoiceField(required=False, choices=[("", "Not said"), *veris.choices()])

    class Meta:
        model = Exposure
        fields = ["data_class", "segment", "status", "note", "veris"]
        widgets = {"data_class": Suggested(KINDS_OF_DATA)}

    def clean_veris(self) -> str:
        """Our own words for a kind of data carry its code with them."""
        return self.cleaned_data["veris"] or veris.code_of(self.cleaned_data.get("data_class", ""))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("data_class") and self.taken(data_class=data["data_class"], segment=data.get("segment")):
            self.add_error(
                "data_class", "This kind of data already stands in the list for these accounts. Edit that one."
            )
        return data


class SegmentForm(EditForm):
    field_words = {
        "name": ("Name", "As these people would call themselves: API customers."),
        "key": (
            "Word in the import file",
            "Small letters, digits and hyphens; it stands in the file's segment column.",
        ),
        "guidance": ("What we say to them", MARKDOWN),
        "receives_notice": ("They get a notice", "No: the page speaks to them and nobody writes to them."),
        "rule": (
            "Who is in it by rule",
            "One condition in a line; all must hold: plan is enterprise · plan is one of pro, enterprise · last_used"
            " after 2018-01-01 · calls more than 100 · certainty is possible · country is DE, AT · security address at"
            " example.com. Empty: only the file says who is in it.",
        ),
    }
    rule = RuleField(required=False, max_length=4000)

    class Meta:
        model = Segment
        fields = ["name", "key", "guidance", "receives_notice", "rule"]
        widgets = {"guidance": text(6)}

    def clean_key(self) -> str:
        key = self.cleaned_data["key"]
        if self.taken(key=key):
            raise forms.ValidationError(f"Another segment of this incident already has the word “{key}”.")
        return key


class StepForm(EditForm):
    field_words = {
        "title": ("Step", "A verb first: Rotate your API keys."),
        "segment": ("For whom", ""),
        "how": ("How", "Where to go, what to press. " + MARKDOWN),
        "why": ("Why", ""),
        "if_not": ("If it is not done", "What happens then."),
        "url": ("Where it is done", "The address of one of our own pages."),
        "due_at": ("Due", IN_UTC),
        "cut_off": ("Concerns what was made before", IN_UTC + " For keys and passwords made before a moment."),
        "ends_exposure": ("While this is open, an exposed key still works", "Counted on the overview as still live."),
        "for_affected_only": ("Only for those affected", "No: everyone should do it."),
    }

    class Meta:
        model = Step
        fields = [
            "title", "segment", "how", "why", "if_not", "url", "due_at", "cut_off", "ends_exposure",
            "for_affected_only",
        ]  # fmt: skip
        widgets = {
            "how": text(5), "why": text(3), "if_not": text(3), "due_at": Moments(), "cut_off": Moments(),
        }  # fmt: skip


class MeasureForm(MomentForm):
    field_words = {
        "text": ("What we did", "One or two sentences. " + MARKDOWN),
        "promised": ("Promised, not done yet", "It stands on the page as a promise, and here until it is kept."),
        "due_at": ("Promised by", IN_UTC),
    }
    field_order = ["started_from", "text", "date", "time", "zone", "unknown_because", "promised", "due_at"]

    class Meta:
        model = Measure
        fields = ["text", "promised", "due_at"]
        widgets = {"text": text(4), "due_at": Moments()}

    def clean(self) -> dict[str, Any]:
        # A promise has no moment yet, and needs no reason for that.
        self.when_is_required = not self.cleaned_data.get("promised")
        data = super().clean()
        if data.get("due_at") and not data.get("promised"):
            self.add_error("due_at", "Only a promise falls due. Tick “Promised” or leave this empty.")
        return data


class IndicatorForm(EditForm):
    field_words = {
        "kind": ("Kind", ""),
        "value": ("Value", "As it is, not defanged: the page makes it harmless."),
        "note": ("In a few words", "Where to look for it, and what it means."),
    }

    class Meta:
        model = Indicator
        fields = ["kind", "value", "note"]

    def clean_value(self) -> str:
        value = self.cleaned_data["value"].strip()
        return (
            value.replace("[.]", ".").replace("hxxp", "http") if self.data.get("kind") in {"domain", "url"} else value
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("value") and self.taken(kind=data.get("kind"), value=data["value"]):
            self.add_error("value", "This indicator already stands in the list.")
        return data


class EstimateForm(MomentForm):
    field_words = {
        "of_what": ("What is counted", "customers, users, projects …"),
        "bound": ("How many", ""),
        "value": ("Number", "Empty for all, most and not known yet."),
        "unit": ("Unit", "percent, or the thing itself."),
        "certainty": ("How sure we are", ""),
        "words": ("In words", "Only where numbers do not say it."),
        "basis": ("What it rests on", "Our own investigation, somebody's statement …"),
        "revises": (
            "Replaces the earlier estimate",
            "A newer estimate revises; it does not say the earlier one was wrong.",
        ),
    }
    field_order = [
        "started_from", "bound", "value", "unit", "of_what", "certainty", "date", "time", "zone", "unknown_because",
        "words", "basis", "revises",
    ]  # fmt: skip

    class Meta:
        model = ScopeEstimate
        fields = ["bound", "value", "unit", "of_what", "certainty", "words", "basis", "revises"]
        widgets = {
            "words": text(3),
            "value": forms.NumberInput(attrs={"class": "input-short", "step": "any"}),
        }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["date"].label = "As of"
        revises: Any = self.fields["revises"]
        revises.queryset, revises.empty_label = self.incident.estimates.exclude(pk=self.instance.pk), "None"

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        bound, value = data.get("bound"), data.get("value")
        if value is None and bound not in {"all", "most", "not_known"} and "value" not in self.errors:
            self.add_error("value", "Write the number; only all, most and not known yet go without one.")
        if value is not None and value < 0:
            self.add_error("value", "Fewer than nobody cannot be affected.")
        elif value is not None and data.get("unit") == "percent" and value > 100:
            self.add_error("value", "More than 100 percent cannot be affected.")
        if data.get("revises") and self.taken(revises=data["revises"]):
            self.add_error("revises", "Another estimate already replaces that one. Choose the newest.")
        return data


class EventForm(MomentForm):
    field_words = {
        "text": ("What happened", "One or two sentences. " + MARKDOWN),
        "kind": ("Kind", ""),
        "marks": ("Key date", "Every incident has these six, known or not."),
        "uncertain": ("Believed, not established", "The page says so."),
        "note": ("In a few words", "What the moment rests on."),
    }
    field_order = [
        "started_from", "text", "kind", "date", "time", "zone", "ends", "unknown_because", "uncertain", "marks", "note",
    ]  # fmt: skip

    ends = forms.CharField(
        required=False, max_length=20, label="Until",
        help_text="For what lasted: 2018-01-03, or 2018-01-03 18:00, in the same zone.",
        widget=forms.TextInput(attrs={"class": "input-short", "autocomplete": "off"}),
    )  # fmt: skip

    class Meta:
        model = TimelineEvent
        fields = ["text", "kind", "uncertain", "marks", "note"]
        widgets = {"text": text(3)}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        until, at = self.instance.until, self.instance.as_written()
        if until and at:
            form = "%Y-%m-%d %H:%M" if self.initial.get("time") else "%Y-%m-%d"
            self.initial["ends"] = until.astimezone(at.tzinfo).strftime(form)
        marks: Any = self.fields["marks"]
        marks.choices = [("", "None of them"), *TimelineEvent.Marks.choices]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        event = self.instance
        event.until = self._end(data)
        if event.until and event.at and event.until < event.at:
            self.add_error("ends", "It ends before it began.")
        if data.get("marks") and self.taken(marks=data["marks"]):
            self.add_error("marks", "Another event already is this key date. Change that one first.")
        return data

    def _end(self, data: dict[str, Any]) -> Any:
        ends = data.get("ends", "").strip()
        if not ends:
            return None
        if self.instance.at is None:
            self.add_error("ends", "An end needs a beginning: write the date above.")
            return None
        date, _, time = ends.replace("T", " ").partition(" ")
        try:
            return parse(date=date, time=time.strip(), zone=data.get("zone", "")).at
        except NotAMoment as problem:
            self.add_error("ends", str(problem))
            return None


class FAQForm(EditForm):
    field_words = {
        "question": ("Question", "As a reader would ask it."),
        "answer": ("Answer", "Empty: it waits here, and stays off the page. " + MARKDOWN),
    }

    class Meta:
        model = FAQEntry
        fields = ["question", "answer"]
        widgets = {"answer": text(8)}


class ContactForm(EditForm):
    field_words = {
        "role": ("Who", "security, media, support …"),
        "value": ("How to reach them", "An email address, a phone number or the address of a page."),
        "label": ("For what", "Questions about this incident."),
    }

    class Meta:
        model = Contact
        fields = ["role", "value", "label"]


class ReferenceForm(EditForm):
    field_words = {
        "url": ("Address", "https://…"),
        "label": ("Its words on the page", ""),
    }

    class Meta:
        model = Reference
        fields = ["url", "label"]
