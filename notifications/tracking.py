"""What providers say later: stored once, in whatever order it comes; the state follows from the set of it.

Events arrive twice, late, out of order, before our own commit, or for messages we do not know.
"""

import hashlib
import logging
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from django.db import DataError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from notifications.handover import words
from notifications.models import Attempt, DeliveryEvent, Outbox, Recipient
from notifications.models.recipients import State

logger = logging.getLogger(__name__)

Type = DeliveryEvent.Type
Outcome = Attempt.Outcome

# Anymail's words that say something about one message. Opens and clicks are not asked for and not kept.
TYPES = {
    "queued": Type.ACCEPTED,
    "sent": Type.ACCEPTED,
    "deferred": Type.DEFERRED,
    "delivered": Type.DELIVERED,
    "bounced": Type.BOUNCED,
    "rejected": Type.REJECTED,
    "failed": Type.FAILED,
    "complained": Type.COMPLAINED,
}

# The transition table, in two parts; the first that applies wins.
#
# 1. Events, the more cautious first: whoever is both delivered and bounced (a mailbox that took the message and
#    returned it later, a forwarder) counts as not told, since a missed notice is unlawful and a second merely awkward.
BY_EVENTS = [
    (Type.BOUNCED, State.BOUNCED),
    (Type.REJECTED, State.FAILED),  # dropped by the provider: an old unsubscription, a suppression list
    (Type.FAILED, State.FAILED),
    (Type.DELIVERED, State.DELIVERED),
    (Type.COMPLAINED, State.DELIVERED),  # whoever complains has it before them; the complaint stands beside the state
    (Type.SOFT_BOUNCED, State.ACCEPTED),  # any event proves that the provider had accepted it
    (Type.DEFERRED, State.ACCEPTED),
    (Type.ACCEPTED, State.ACCEPTED),
]
# 2. No event: what the latest attempt came to.
BY_OUTCOME = {
    "": State.SENDING,
    Outcome.ACCEPTED: State.ACCEPTED,
    Outcome.RETRY: State.QUEUED,
    Outcome.RELEASED: State.QUEUED,
    Outcome.FAILED: State.FAILED,
    Outcome.UNKNOWN: State.UNKNOWN,
}


def derive(attempt_outcome: str, event_types: Collection[str]) -> State:
    """The state of a recipient: a function of the latest attempt's outcome and the set of events, not their order.

    A person's decision about an unknown one (`unconfirmed`, or queued again) holds until an event says more.
    """
    for type_, state in BY_EVENTS:
        if type_ in event_types:
            return state
    return BY_OUTCOME[attempt_outcome]


# Hearing -------------------------------------------------------------------------------------------------------


def record(event: Any, esp_name: str) -> DeliveryEvent | None:
    """Keep one event of Anymail's `tracking` signal and let it move its recipient; None where there is nothing to keep.

    An event nobody can read is logged and dropped: an error would make the provider send its whole batch again, for
    ever. A database that is away is an error, so that it does come again.
    """
    try:
        return _record(event, esp_name)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, DataError):
        logger.exception("An event of %s could not be read", words(esp_name))
        return None


def _record(event: Any, esp_name: str) -> DeliveryEvent | None:
    type_ = _type(event)
    if type_ is None:
        return None
    message_id = _text(event.message_id)
    with transaction.atomic():
        recipient = _find(message_id, (event.metadata or {}).get("recipient"))
        kept, new = DeliveryEvent.objects.get_or_create(
            provider=_text(esp_name)[:40], key=_key(event, message_id),
            defaults={
                "recipient_id": recipient, "message_id": message_id[:200], "type": type_, "at": _moment(event),
                "reason": _text(event.reject_reason)[:40],
                "words": words(event.mta_response or event.description or ""),
            },
        )  # fmt: skip
        if new and recipient is not None:
            settle(recipient)
    if new and recipient is None:
        logger.info("An event of %s is about a message we do not know (yet)", kept.provider)
    return kept


def settle(recipient_id: int) -> None:
    """Bring a recipient's state in line with its events, in the transaction that stored one of them."""
    # In the order outbox, recipient, as everywhere.
    waiting = Outbox.objects.select_for_update().filter(pk=recipient_id, state=Outbox.State.READY).first()
    recipient = Recipient.objects.select_for_update().get(pk=recipient_id)
    events = list(recipient.events.all())
    if not events or recipient.state == State.PREPARED:
        return
    state = derive("", {event.type for event in events})
    if waiting is not None:  # the message got there by an earlier try: it must not go again
        waiting.delete()
    complaints = [event.at for event in events if event.type == Type.COMPLAINED]
    if complaints and not recipient.complained_at:
        Recipient.objects.filter(pk=recipient_id).update(complained_at=min(complaints))
    if state != recipient.state:
        Recipient.objects.filter(pk=recipient_id).update(state=state, state_at=Now(), reason=_reason(state, events))


def match_orphans() -> int:
    """Events that came before we knew their message find it; how many did. A week's worth: older ones are not ours."""
    matched = 0
    with connection.cursor() as cursor:
        cursor.execute(ORPHANS)
        found = cursor.fetchall()
    for event, recipient in found:
        with transaction.atomic():
            matched += DeliveryEvent.objects.filter(pk=event, recipient=None).update(recipient_id=recipient)
            settle(recipient)
    return matched


# Some providers' ids stand in angle brackets, in some of their events and answers.
ORPHANS = """
SELECT DISTINCT ON (e.id) e.id, known.recipient_id FROM notifications_deliveryevent e CROSS JOIN LATERAL (
  SELECT a.recipient_id FROM notifications_attempt a WHERE a.provider_id <> '' AND a.provider_id IN
    (e.message_id, btrim(e.message_id, '<>'), '<' || btrim(e.message_id, '<>') || '>')
  UNION ALL SELECT r.id FROM notifications_recipient r WHERE r.message_id = btrim(e.message_id, '<>')
) known WHERE e.recipient_id IS NULL AND e.message_id <> ''
  AND e.received_at > statement_timestamp() - interval '7 days'
"""


def _find(message_id: str, opaque: object) -> int | None:
    """The recipient an event is about: by the opaque id we gave along, else by Message-ID or the provider's own id."""
    bare = message_id.strip("<>")
    ids = {text for text in (_text(opaque), bare) if text}
    known = Recipient.objects.filter(message_id__in=ids).values_list("pk", flat=True).first()
    if known is None and bare:
        spellings = Q(provider_id=bare) | Q(provider_id=f"<{bare}>")
        known = Attempt.objects.filter(spellings).values_list("recipient", flat=True).first()
    return known


def _type(event: Any) -> Type | None:
    type_ = TYPES.get(event.event_type)
    if type_ is Type.BOUNCED and _is_soft(event.esp_event):
        return Type.SOFT_BOUNCED
    return type_


def _is_soft(raw: Any) -> bool:
    """Postmark and Brevo say it in a field that Anymail folds into `bounced`."""
    said = raw if isinstance(raw, dict) else {}
    return said.get("Type") == "SoftBounce" or said.get("event") == "soft_bounce"


def _key(event: Any, message_id: str) -> str:
    """The provider's id of the event; where it gives none, one made of what makes it this event."""
    if event.event_id and len(str(event.event_id)) <= 180:
        return f"{event.event_type}:{_text(event.event_id)}"
    parts = (message_id, _text(event.recipient), event.event_type, str(event.timestamp), _text(event.event_id))
    return "made:" + hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _moment(event: Any) -> datetime:
    at = event.timestamp
    if not isinstance(at, datetime):
        return timezone.now()
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _reason(state: State, events: list[DeliveryEvent]) -> str:
    if state not in {State.BOUNCED, State.FAILED}:
        return ""
    said = [event.words or event.reason for event in events if (event.type, state) in BY_EVENTS]
    return next(filter(None, said), "The provider gave no reason")[:300]


def _text(value: object) -> str:
    return "" if value is None else str(value).replace("\0", "").encode("utf-8", "replace").decode()
