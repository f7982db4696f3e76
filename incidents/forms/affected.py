"""Forms of the room "Affected accounts"."""

from django import forms


class LookUpForm(forms.Form):
    text = forms.CharField(
        label="Find an account",
        max_length=320,
        strip=True,
        help_text="An id, a name or an address, or how it begins. It is recorded that you looked, not for what.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type an account id, a name or an address."},
    )


class DealtWithForm(forms.Form):
    because = forms.CharField(
        max_length=1000,
        strip=True,
        label="These rows are dealt with, because",
        help_text="For instance: imported corrected as import 3; or: told by telephone on 5 January.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ConfirmForm(forms.Form):
    beyond_estimate = forms.BooleanField(required=False)
