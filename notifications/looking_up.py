"""Asking a provider what became of messages whose hand-over got no answer.

What it finds is heard as a delivery event, like any other. What it does not find proves nothing: logs lag behind, so
the message stays unknown. Where a provider keeps idempotency keys, the same call again under the same key is the
question, and it cannot send twice.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
import requests
from anymail.signals import AnymailTrackingEvent, EventType
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Now

from notifications import calling, composing, handover, pace, providers, stopping, tracking
from notifications.models import Attempt, Mailing, Recipient
from notifications.outcomes import Outcome, key_of

logger = logging.getLogger(__name__)

AFTER = timedelta(minutes=1)
"""Time for the provider's own events first."""
AGAIN_AFTER = timedelta(minutes=5)
AT_A_TIME = 20  # recipients a call; the next tick goes on
MARGIN = timedelta(minutes=2)
"""A key that is about to be forgotten is not used any more."""

Event = Any
"""Anymail's AnymailTrackingEvent, which carries no types."""


def ask_providers() -> int:
    """Look up the unknown; how many were settled by it."""
    found = 0
    with handover.lines() as lines:
        for recipient in _unknown():
            channel = _channel(recipient.handed_to)
            look_up = LOOK_UPS.get(channel.adapter.look_up) if channel else None
            if channel is None or look_up is None or not _is_my_turn(recipient.pk):
                continue
            try:
                found += _hear(look_up(recipient, lines.to(channel), channel.adapter), channel)
            except (requests.RequestException, ValueError, KeyError, TypeError):
                logger.warning("%s could not be asked about %s", channel.name, recipient)
    return found


def _unknown() -> Iterator[Any]:
    """Oldest first, with the channel, batch and hand-over of their last attempt."""
    last = Attempt.objects.filter(recipient=OuterRef("pk")).order_by("-number")
    rows = Recipient.objects.filter(state=Recipient.State.UNKNOWN, state_at__lt=Now() - AFTER).annotate(
        handed_to=Subquery(last.values("batch__provider")[:1]), batch=Subquery(last.values("batch")[:1]),
        handed_over_at=Subquery(last.values("batch__handed_over_at")[:1]), age=Now() - F("state_at"),
    )  # fmt: skip
    with_parts = rows.select_related("mailing__version__notice", "mailing__incident", "address", "link").order_by(
        "state_at", "pk"
    )
    return iter(with_parts[:AT_A_TIME])


def _channel(name: str | None) -> providers.Channel | None:
    try:
        return providers.channel(name or "")
    except providers.NoSuchChannel:
        return None


def _is_my_turn(pk: int) -> bool:
    """Nobody has asked about it lately. Without Redis nobody asks: a provider's API must not be flooded."""
    try:
        return bool(pace._redis().set(f"candor:asked:{pk}", "1", nx=True, ex=int(AGAIN_AFTER.total_seconds())))
    except redis.RedisError:
        return False


def _hear(events: list[Event], channel: providers.Channel) -> int:
    kept = [tracking.record(event, channel.adapter.name.title()) for event in events]
    return int(any(kept))


# How each of them is asked ----------------------------------------------------------------------------------------


def in_mailgun_events(recipient: Any, connection: Any, adapter: providers.Adapter) -> list[Event]:
    """GET /v3/{domain}/events, which Mailgun keeps for three days at least."""
    domain = connection.sender_domain or providers.domain_of(recipient.mailing.sender)
    asked = {
        "recipient": recipient.address.value, "limit": 100, "ascending": "yes",
        "begin": int((recipient.handed_over_at - timedelta(minutes=5)).timestamp()),
    }  # fmt: skip
    answer = connection.session.get(
        f"{connection.api_url}{domain}/events", params=asked, auth=("api", connection.api_key),
        timeout=connection.timeout,
    )  # fmt: skip
    answer.raise_for_status()
    ours = [item for item in answer.json()["items"] if _opaque_id(item) == recipient.message_id]
    return [
        _event(recipient, kind, item["id"], datetime.fromtimestamp(item["timestamp"], UTC), item)
        for item in ours
        if (kind := _mailgun_kind(item))
    ]


def _opaque_id(item: dict) -> str:
    said = item.get("user-variables") or {}
    headers = (item.get("message") or {}).get("headers") or {}
    return said.get("recipient") or headers.get("message-id", "")


def _mailgun_kind(item: dict) -> str | None:
    if item["event"] == "failed":
        return EventType.BOUNCED if item.get("severity") == "permanent" else EventType.DEFERRED
    return {"accepted": EventType.QUEUED, "delivered": EventType.DELIVERED, "rejected": EventType.REJECTED,
            "complained": EventType.COMPLAINED}.get(item["event"])  # fmt: skip


def in_postmark_messages(recipient: Any, connection: Any, adapter: providers.Adapter) -> list[Event]:
    """GET /messages/outbound, by the opaque id that went along as metadata."""
    asked = {"count": 10, "offset": 0, "recipient": recipient.address.value, "metadata_recipient": recipient.message_id}
    answer = connection.session.get(
        f"{connection.api_url}messages/outbound", params=asked, timeout=connection.timeout,
        headers={"Accept": "application/json", "X-Postmark-Server-Token": connection.server_token},
    )  # fmt: skip
    answer.raise_for_status()
    return [
        _event(recipient, EventType.SENT, f"found:{message['MessageID']}", None, message)
        for message in answer.json()["Messages"]
        if (message.get("Metadata") or {}).get("recipient") == recipient.message_id
    ]


def by_the_same_call_again(recipient: Any, connection: Any, adapter: providers.Adapter) -> list[Event]:
    """Only while the provider surely remembers the key; only a clear yes counts.

    If the first call never got there this one sends, so it is made only where sending goes on.
    """
    if not recipient.handed_over_at or recipient.age > adapter.replay_within - MARGIN or not _may_be_sent(recipient):
        return []
    email = composing.to_email(composing.compose(recipient))
    handover.require_one_reader(email)
    email.idempotency_key = key_of(recipient.batch, recipient.message_id)  # type: ignore[attr-defined]
    result = calling.call(connection, email, adapter)
    if result.outcome != Outcome.ACCEPTED:
        return []
    return [_event(recipient, EventType.QUEUED, f"replay:{email.idempotency_key}", None, {})]  # type: ignore[attr-defined]


def _may_be_sent(recipient: Any) -> bool:
    mailing = recipient.mailing
    if mailing.state not in {Mailing.State.RUNNING, Mailing.State.FINISHED} or stopping.standing():
        return False
    try:
        providers.refuse_exposed(mailing.incident, sender=mailing.sender, provider=recipient.handed_to)
    except providers.Exposed:
        return False
    return True


def _event(recipient: Any, kind: str, key: str, at: datetime | None, said: dict) -> Event:
    return AnymailTrackingEvent(
        event_type=kind, event_id=key, timestamp=at, esp_event=said, message_id=recipient.message_id,
        metadata={"recipient": recipient.message_id}, description="Found by asking the provider",
    )  # fmt: skip


LOOK_UPS: dict[providers.LookUp, Callable[[Any, Any, providers.Adapter], list[Event]]] = {
    providers.LookUp.EVENTS: in_mailgun_events,
    providers.LookUp.MESSAGES: in_postmark_messages,
    providers.LookUp.REPLAY: by_the_same_call_again,
}
