from django import forms
from django.core.validators import validate_email
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from incidents.models import Incident
from notifications.subscriptions import words

SCOPES = [("this", _("This incident")), ("all", _("Every security incident of ours"))]


class FollowForm(forms.Form):
    """What is typed is looked at, never looked up: only its shape is judged here."""

    address = forms.CharField(
        label=_("Email address"), max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false", "dir": "ltr"}),
        error_messages={
            "required": _("Type the email address that updates shall go to."),
            "max_length": _("This is too long for an email address. Look at it once more."),
        },
    )  # fmt: skip
    what = forms.ChoiceField(label=_("What to follow"), choices=SCOPES, initial="this", widget=forms.RadioSelect)
    language = forms.ChoiceField(
        label=_("Language of the words around each update"), choices=words.CHOICES, initial=get_language,
        help_text=_("The update itself comes in the language of its page."),
    )  # fmt: skip

    def __init__(self, *args, incident: Incident | None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if incident is None:
            del self.fields["what"]

    def clean_address(self) -> str:
        address = self.cleaned_data["address"].strip()
        try:
            validate_email(address)
        except forms.ValidationError as error:
            words = _("This does not look like an email address: it needs a name, an @ and a domain.")
            raise forms.ValidationError(words) from error
        return address

    @property
    def follows_all(self) -> bool:
        return self.cleaned_data.get("what", "all") == "all"


class FollowerForm(forms.Form):
    """For staff, when somebody calls."""

    address = forms.CharField(
        label="Email address", max_length=254, help_text="It is recorded that you looked, not for whom.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type an email address."},
    )  # fmt: skip
