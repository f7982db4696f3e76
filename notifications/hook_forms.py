"""The form that asks for a webhook."""

from django import forms

from notifications import hooks
from notifications.models import Hook


class HookForm(forms.Form):
    address = forms.CharField(
        label="Address", max_length=500, widget=forms.URLInput,
        help_text="Where your own system listens, such as https://hooks.example.com/incidents.",
    )  # fmt: skip
    events = forms.MultipleChoiceField(
        label="What it is told of",
        choices=Hook.Event.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick at least one: it would never be told anything."},
    )

    def clean_address(self) -> str:
        address = self.cleaned_data["address"].strip()
        try:
            hooks.check(address)
        except hooks.Unfit as no:
            raise forms.ValidationError(str(no)) from no
        return address
