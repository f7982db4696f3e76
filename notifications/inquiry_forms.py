from typing import ClassVar

from django import forms
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from notifications.forms import BODY_HELP, TextForm
from notifications.inquiries.keys import LONGEST
from notifications.models import NoticeText


class InquiryForm(forms.Form):
    """What is typed is looked at, never looked up: only its shape is judged here."""

    address = forms.CharField(
        label=_("Email address"), max_length=LONGEST,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false", "dir": "ltr"}),
        error_messages={
            "required": _("Type the email address of your account."),
            "max_length": _("This is too long for an email address. Look at it once more."),
        },
    )  # fmt: skip
    wants_news = forms.BooleanField(
        label=_("Write to me if the answer changes"), required=False,
        help_text=_("We then keep the address, encrypted, until the list of affected accounts is final."),
    )  # fmt: skip

    def clean_address(self) -> str:
        address = self.cleaned_data["address"].strip()
        try:
            validate_email(address)
        except forms.ValidationError as error:
            words = _("This does not look like an email address: it needs a name, an @ and a domain.")
            raise forms.ValidationError(words) from error
        return address


class AnswerTextForm(TextForm):
    """One answer in one language."""

    class Meta:
        model = NoticeText
        fields: ClassVar = ["subject", "body"]
        widgets: ClassVar = {
            "subject": forms.TextInput(attrs={"dir": "auto"}),
            "body": forms.Textarea(attrs={"rows": 16, "dir": "auto"}),
        }  # fmt: skip
        labels: ClassVar = {"body": "Text"}
        help_texts: ClassVar = {
            "subject": "Let it be the same in every answer: it then tells nothing to whoever sees a list of messages.",
            "body": BODY_HELP,
        }
