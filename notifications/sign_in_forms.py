from django import forms
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _


class MailboxForm(forms.Form):
    """What is typed is looked at, never looked up: only its shape is judged here."""

    address = forms.CharField(
        label=_("Email address"), max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false", "dir": "ltr"}),
        error_messages={
            "required": _("Type the email address that we may have written to."),
            "max_length": _("This is too long for an email address. Look at it once more."),
        },
    )  # fmt: skip

    def clean_address(self) -> str:
        address = self.cleaned_data["address"].strip()
        try:
            validate_email(address)
        except forms.ValidationError as error:
            words = _("This does not look like an email address: it needs a name, an @ and a domain.")
            raise forms.ValidationError(words) from error
        return address


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code from the message"), max_length=40,
        help_text=_("Small letters, spaces and missing dashes do not matter."),
        widget=forms.TextInput(
            attrs={
                "class": "input-code input-short", "dir": "ltr", "autocomplete": "one-time-code",
                "autocapitalize": "characters", "spellcheck": "false", "inputmode": "text",
            }
        ),
        error_messages={"required": _("Type the code that stands in our message.")},
    )  # fmt: skip
