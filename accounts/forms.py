"""Forms of the house's own pages: people and the organisation."""

import re
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib.postgres.forms import SimpleArrayField

from accounts.models import Organisation, User
from accounts.roles import ROLES

BREAKS_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
A_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
ROLE_CHOICES = [(role, role) for role in ROLES]


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label="Email address",
        max_length=254,
        help_text="The invitation goes there, with a link to set a password.",
        error_messages={"invalid": "This does not look like an address: name@company.example."},
    )
    name = forms.CharField(label="Name", max_length=120, help_text="As it stands in the log and on approvals.")
    role = forms.ChoiceField(label="Role", choices=ROLE_CHOICES, widget=forms.RadioSelect)


class PersonForm(forms.ModelForm):
    role = forms.ChoiceField(label="Role", choices=ROLE_CHOICES)

    class Meta:
        model = User
        fields: ClassVar = ["name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = True


class OrganisationForm(forms.ModelForm):
    languages = forms.MultipleChoiceField(
        label="Languages of the public pages", choices=settings.LANGUAGES, widget=forms.CheckboxSelectMultiple,
        help_text="Each page stands in its own language and in every one you tick. A page that is public already gets "
        "the others with its next publication.",
    )  # fmt: skip
    first_language = forms.ChoiceField(
        label="Language of the first page", choices=settings.LANGUAGES, required=False,
        help_text="Of the page people come to by your address alone. One of those ticked above.",
    )  # fmt: skip
    link_hosts = SimpleArrayField(
        forms.CharField(max_length=253), label="Other hosts that notices and steps may link to", delimiter="\n",
        required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line, as login.example.com. Our own domain and all below it need no line.",
    )  # fmt: skip
    fewer_eyes = forms.BooleanField(
        label="The house shall be weaker than before",
        help_text="Tick it if you lower the number of people who say yes, let one person import more, or stop "
        "demanding passkeys. Where a second person is asked for, it waits for their yes. Log and evidence say who did.",
        required=False,
    )

    class Meta:
        model = Organisation
        fields: ClassVar = [
            "name", "legal_name", "mark", "domain", "sender_name", "sender_address", "reply_to", "security_email",
            "support_email", "press_email", "phone", "postal_address", "customers_total", "import_limit", "sign_offs",
            "passkeys_demanded", "link_hosts", "following_by_mail", "inquiries_by_mail", "languages",
            "only_complete_languages",
        ]  # fmt: skip
        labels: ClassVar = {
            "legal_name": "Name in law", "sender_name": "Name of the sender", "sender_address": "Address of the sender",
            "reply_to": "Address for answers", "security_email": "Address of the security team",
            "support_email": "Address of support", "press_email": "Address for the press", "phone": "Telephone",
            "customers_total": "All customers", "import_limit": "Accounts that one person may import",
            "sign_offs": "Other people who must say yes", "following_by_mail": "Following by mail",
            "passkeys_demanded": "Staff must sign in with a passkey",
            "inquiries_by_mail": "Answers to “was I affected?”",
            "only_complete_languages": "Only languages in which everything is translated",
        }  # fmt: skip
        help_texts: ClassVar = {
            "name": "Stands on every page and message.",
            "sender_address": "Every notice comes from it. People are told to look for exactly this address.",
            "reply_to": "Empty: answers go to the sender.",
            "import_limit": "An import that adds, changes or rules out more accounts needs a second person's yes.",
            "passkeys_demanded": "Codes of an authenticator app can be talked out of somebody; a passkey cannot. "
            "Whoever has none is asked to make one at the next click.",
            "following_by_mail": "Readers of public pages may ask to get updates by email. Off: nobody gets any.",
            "inquiries_by_mail": "Readers of public pages may ask whether their address is affected; each gets a "
            "message. Off: nobody can ask, of any incident.",
            "only_complete_languages": "Ticked: an incident's page stands in another language once all of it is "
            "translated. Else what is not translated stands there in its own language, with a note.",
        }
        widgets: ClassVar = {"postal_address": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["first_language"].initial = self.instance.languages[0]

    def clean_link_hosts(self) -> list[str]:
        hosts = sorted({host.strip().lower().rstrip(".") for host in self.cleaned_data["link_hosts"] if host.strip()})
        if wrong := [host for host in hosts if not A_HOST.fullmatch(host)]:
            raise forms.ValidationError(f"This is no name of a host: {wrong[0]}. Write it as login.example.com.")
        return hosts

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, ticked = cleaned.get("first_language") or self.instance.languages[0], cleaned.get("languages")
        if ticked:
            if first not in ticked:
                self.add_error("first_language", "It is not ticked above: tick it, or choose one that is.")
            cleaned["languages"] = sorted(ticked, key=lambda code: code != first)
        for name, said in list(cleaned.items()):
            if name not in {"postal_address", "link_hosts"} and isinstance(said, str) and BREAKS_A_LINE.search(said):
                self.add_error(name, "This is one line: take the line break or other control character out.")
        before, after = self.initial.get("sign_offs", 0), cleaned.get("sign_offs")
        if after is not None and after < before and not cleaned.get("fewer_eyes"):
            self.add_error("fewer_eyes", f"You go from {before} to {after}: tick this if you mean it.")
        if self.initial.get("passkeys_demanded") and not cleaned.get("passkeys_demanded") and not cleaned["fewer_eyes"]:
            self.add_error("fewer_eyes", "Passkeys are no longer demanded: tick this if you mean it.")
        before, after = self.initial.get("import_limit", 0), cleaned.get("import_limit")
        if after is not None and after > before and not cleaned.get("fewer_eyes"):
            self.add_error("fewer_eyes", f"One person may import {after:,} instead of {before:,}: tick it if so.")
        return cleaned
