from datetime import date

from django import forms

from accounts.addresses import normalise
from notifications.models import PersonRequest

BECAUSE = "How did they show who they are?"
NAMES_NOBODY = "Such as “called back at the number of the contract”. It stands in the log: no name, number or address."


class CorrectionForm(forms.Form):
    value = forms.EmailField(label="The right address", max_length=254)
    because = forms.CharField(label=BECAUSE, help_text=NAMES_NOBODY, max_length=300)

    def clean_value(self) -> str:
        return normalise(self.cleaned_data["value"])


class PersonForm(forms.Form):
    kind = forms.ChoiceField(
        label="What do they ask for?", choices=PersonRequest.Kind.choices, widget=forms.RadioSelect
    )
    because = forms.CharField(label=BECAUSE, help_text=NAMES_NOBODY, max_length=300)


class RetentionForm(forms.Form):
    forget_on = forms.DateField(
        label="Forget them on", help_text="At least a week ahead.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip

    def day(self) -> date:
        return self.cleaned_data["forget_on"]


class ReportForm(forms.Form):
    """A message somebody takes for a fake: words alone, no file."""

    sender = forms.CharField(max_length=254, required=False, strip=True)
    words = forms.CharField(max_length=5000, strip=True)


class LookedAtForm(forms.Form):
    state = forms.ChoiceField(
        label="What was it?", choices=[("fake", "A fake"), ("ours", "It was ours"), ("nothing", "Neither")],
        widget=forms.RadioSelect,
    )  # fmt: skip
    note = forms.CharField(label="Note", max_length=300, required=False, help_text="For staff. Names nobody.")
