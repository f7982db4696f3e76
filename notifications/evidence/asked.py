"""Each inquiry and its answer as a record: the address as a keyed hash, as everywhere in the bundle."""

from collections.abc import Iterator

from django.db.models import OuterRef

from incidents.models import Incident
from notifications.evidence.rows import CHUNK, _inner, moment
from notifications.models import Inquiry, InquiryAttempt, InquiryMail

MAIL = {
    "case": "mailing__case", "text": "mailing__version__sha256", "code": "code", "message_id": "message_id",
    "state": "state", "state_at": "state_at", "reason": "reason", "event": "event",
}  # fmt: skip
ATTEMPT = {
    "number": "number", "claimed_at": "claimed_at", "ended_at": "ended_at", "outcome": "outcome", "sha256": "sha256",
    "provider_id": "provider_id",
}  # fmt: skip


def inquiries(incident: Incident) -> Iterator[dict]:
    """In the order in which they were asked. recipient: the notice that went again, in recipients.jsonl."""
    mails = InquiryMail.objects.filter(inquiry=OuterRef("pk")).order_by("pk")
    tries = InquiryAttempt.objects.filter(recipient__inquiry=OuterRef("pk")).order_by("recipient", "number")
    rows = Inquiry.objects.filter(incident=incident).order_by("pk").values(
        "id", "lookup", "language", "at", "outcome", "outcome_at", "recipient_id", messages=_inner(mails, MAIL),
        tries=_inner(tries, ATTEMPT),
    )  # fmt: skip
    for row in rows.iterator(chunk_size=CHUNK):
        yield {
            "id": row["id"], "address": bytes(row["lookup"]).hex(), "language": row["language"],
            "at": moment(row["at"]), "outcome": row["outcome"], "outcome_at": moment(row["outcome_at"]),
            "recipient": row["recipient_id"], "messages": row["messages"], "message_attempts": row["tries"],
        }  # fmt: skip
