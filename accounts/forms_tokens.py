"""The form that makes a token."""

from datetime import timedelta

from django import forms

from accounts.models import Scope

LIVES = {90: "90 days", 7: "One week", 30: "30 days", 365: "One year"}


class TokenForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=80, help_text="What uses it, such as: key service, warehouse export."
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(value, f"{label} ({value})") for value, label in Scope.choices],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick at least one: a token without any opens nothing."},
    )
    incident = forms.SlugField(
        label="Only for this incident",
        max_length=80,
        required=False,
        help_text="The last part of its address, such as march-2026. Empty: for all incidents.",
    )
    lives = forms.TypedChoiceField(
        label="Ends by itself after", choices=list(LIVES.items()), initial=90, coerce=int,
        help_text="A machine that goes on gets a new token before that day.",
    )  # fmt: skip

    def clean_lives(self) -> timedelta:
        return timedelta(days=self.cleaned_data["lives"])
