"""Forms of what happens to accounts after they are on the list: ruled out, undone, distrusted."""

from typing import Any

from django import forms

from incidents.audience import distrusting, ruling_out
from incidents.models import AddressRule, Incident


class EvidenceForm(forms.Form):
    evidence = forms.CharField(
        label="What shows that they were not affected",
        max_length=4000,
        help_text="In a sentence at least: what was looked at, and where it can be found. It stands in the log and in"
        " the evidence, so name no person.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean_evidence(self) -> str:
        text = self.cleaned_data["evidence"]
        if not ruling_out.is_evidence(text):
            raise forms.ValidationError("This is too short to convince anybody. Write a sentence at least.")
        return text


class UndoForm(forms.Form):
    because = forms.CharField(
        label="Why it is undone",
        max_length=1000,
        help_text="It stands in the log. Name no person.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class AddressRuleForm(forms.Form):
    kind = forms.ChoiceField(label="Which addresses", choices=AddressRule.Kind.choices, widget=forms.RadioSelect)
    value = forms.CharField(
        label="Domain, role or segment",
        max_length=253,
        help_text="A domain as addresses have it, such as example.com; owner, administrator, security or billing; or a"
        " segment's word in the import file.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    because = forms.CharField(
        label="Why", max_length=400, help_text="For instance: mailboxes at example.com were themselves exposed."
    )

    def __init__(self, *args: Any, incident: Incident, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.incident = incident

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "kind" in data and "value" in data:
            try:
                data["value"] = distrusting.normal(self.incident, data["kind"], data["value"])
            except distrusting.NotOne as problem:
                self.add_error("value", str(problem))
        return data
