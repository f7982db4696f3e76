"""A template, with the fields of its kind."""

from typing import Any

from django import forms

from incidents import templates
from incidents.models import Template
from notifications import composing
from notifications.composing import CannotCompose


class TemplateForm(forms.ModelForm):
    started_from = forms.IntegerField(widget=forms.HiddenInput, initial=0)

    class Meta:
        model = Template
        fields = ("name", "case")
        labels = {"name": "Name", "case": "For which case"}
        help_texts = {"name": "For staff only: it stands in the list to choose from."}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.initial["started_from"] = self.instance.edits
        for name, label in templates.FIELDS[self.instance.kind].items():
            is_line = name in templates.ONE_LINE
            rows = 18 if self.instance.kind == Template.Kind.NOTICE else 5
            self.fields[name] = forms.CharField(
                label=label, required=name not in templates.MAY_STAY_EMPTY, initial=self._stands(name),
                max_length=200 if is_line else 20_000,
                widget=forms.TextInput() if is_line else forms.Textarea(attrs={"rows": rows}),
            )  # fmt: skip

    def _stands(self, name: str) -> str:
        return (self.instance.words or {}).get(name, "")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        names = templates.FIELDS[self.instance.kind]
        for name in names:
            data[name] = (data.get(name) or "").replace("\r\n", "\n")
            try:
                self._refuse_variables(name, data[name])
            except (templates.UnknownVariable, CannotCompose) as problem:
                self.add_error(name, str(problem))
        self.instance.words = {name: data[name] for name in names if data.get(name)}
        return data

    def _refuse_variables(self, name: str, text: str) -> None:
        if self.instance.kind != Template.Kind.NOTICE:
            templates.check(text)
        elif name == "subject":
            composing.check_subject(text)
        else:
            composing.check_body(text, segments=())
