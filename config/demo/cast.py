"""The people of people.py as users, and their organisation."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Group

from accounts.models import Organisation, User
from config.demo.people import PASSWORD, Person


def enter(person: Person) -> User:
    """The user of that person; made at the first call."""
    found = User.objects.filter(email=person.email).first()
    if found:
        return found
    user = User.objects.create_user(person.email, PASSWORD, name=person.name, is_staff=True)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    user.groups.add(Group.objects.get(name=person.role))
    if not Authenticator.objects.filter(user=user).exists():
        TOTP.activate(user, person.totp_secret)
    return user


def found_organisation() -> Organisation:
    """Relaypost's row; an organisation that somebody already set up by hand stays as it is."""
    organisation = Organisation.get()
    if organisation.domain == "example.com":
        organisation.name, organisation.legal_name, organisation.mark = "Relaypost", "Relaypost Ltd.", "R"
        organisation.domain = "relaypost.example"
        organisation.sender_name, organisation.sender_address = "Relaypost Security", "security@relaypost.example"
        organisation.reply_to = organisation.security_email = "security@relaypost.example"
        organisation.support_email, organisation.press_email = "help@relaypost.example", "media@relaypost.example"
        organisation.customers_total = 250_000
        organisation.save()
    return organisation
