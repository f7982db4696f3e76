"""All a request does: one row, the same for every address. What it finds shows in that mailbox alone, later."""

from accounts.addresses import lookup_hash, normalise
from accounts.models import Organisation
from incidents.models import Incident
from notifications.inquiries import keys
from notifications.models import Inquiry, InquirySwitch, Retention
from notifications.subscriptions.asking import is_followable


def ask(*, incident: Incident, address: str, language: str, wants_news: bool) -> None:
    """Write down that somebody asked. Nothing is looked up, and nothing is counted by address."""
    lookup = lookup_hash(normalise(address))
    key_id, sealed = keys.seal(address, incident=incident.pk, lookup=lookup)
    Inquiry.objects.create(
        incident=incident, lookup=lookup, key_id=key_id, sealed=sealed, language=language, wants_news=wants_news
    )


def has_form(incident: Incident) -> bool:
    """Where the page is public and real; of every other incident nobody learns here that it exists."""
    return is_followable(incident)


def is_on(incident: Incident) -> bool:
    """Whether it may be asked now: the organisation answers, this incident is neither switched off nor forgotten."""
    if not Organisation.get().inquiries_by_mail or InquirySwitch.objects.filter(pk=incident.pk).exists():
        return False
    return not Retention.objects.begun().filter(pk=incident.pk).exists()  # or "not on the list" would be a lie
