"""Whether a reference code is that of an answer which left the house."""

from dataclasses import dataclass
from datetime import datetime

from incidents.models import Incident
from notifications.models import InquiryMail, Recipient

State = Recipient.State
LEFT_THE_HOUSE = (State.ACCEPTED, State.DELIVERED, State.BOUNCED, State.UNKNOWN, State.SENDING)


@dataclass(frozen=True)
class Sent:
    incident: Incident
    at: datetime
    sender: str
    subject: str
    """As it was written: the subject of an answer names nobody."""


def sent(code: str) -> Sent | None:
    """What may be said of the answer with this code; None where none left the house."""
    rows = InquiryMail.objects.filter(code=code, state__in=LEFT_THE_HOUSE)
    mail = rows.select_related("mailing__incident", "mailing__version").first()
    if mail is None:
        return None
    organisation = mail.mailing.version.guidance.get("organisation", {})
    subject, _ = mail.mailing.version.text_in(mail.merge.get("language", ""))
    for name, value in {"code": code, **organisation}.items():
        subject = subject.replace(f"{{{{ {name} }}}}", str(value))
    return Sent(mail.mailing.incident, mail.state_at, mail.mailing.sender, subject)
