"""From an event of Anymail's `tracking` signal to what we keep of it."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.db import DataError
from django.utils import timezone

from notifications.outcomes import words
from notifications.tracking.keeping import Heard, keep
from notifications.tracking.sharing import keep_with_others
from notifications.tracking.table import TYPES, Type

logger = logging.getLogger(__name__)

ODD = (ValueError, TypeError, AttributeError, LookupError, OverflowError, DataError)

_collected: ContextVar[list[Heard] | None] = ContextVar("events of this call", default=None)


def record(event: Any, esp_name: str) -> Heard | None:
    """Keep one event and let it move its recipient; None where there is nothing to keep.

    An event nobody can read is logged and dropped: an error would make the provider send its whole batch again, for
    ever. A database that is away is an error, so that it does come again.
    """
    try:
        heard = _heard(event, esp_name)
        if heard is None:
            return None
        collected = _collected.get()
        if collected is None:
            keep([heard])
        else:
            collected.append(heard)
        return heard
    except ODD:
        logger.exception("An event of %s could not be read", words(esp_name))
        return None


@contextmanager
def together() -> Iterator[None]:
    """Events recorded within are kept at its end, in one go; where it ends with an error, none of them.

    It ends after their commit. Calls of other threads may share it.
    """
    token = _collected.set([])
    try:
        yield
        heard = _collected.get() or []
    finally:
        _collected.reset(token)
    keep_with_others(heard)


def _heard(event: Any, esp_name: str) -> Heard | None:
    type_ = _type(event)
    if type_ is None:
        return None
    message_id = _text(event.message_id)
    return Heard(
        provider=_text(esp_name)[:40], key=_key(event, esp_name, type_, message_id), type=type_, at=_moment(event),
        message_id=message_id[:200], opaque=_text((event.metadata or {}).get("recipient"))[:200],
        reason=_text(event.reject_reason)[:40], words=words(event.mta_response or event.description or ""),
    )  # fmt: skip


def _type(event: Any) -> Type | None:
    type_ = TYPES.get(event.event_type)
    if type_ is Type.BOUNCED and _is_soft(event.esp_event):
        return Type.SOFT_BOUNCED
    if _inner(event.esp_event, "payload", "status") == "Held":  # Postal: on its suppression list, until let go
        return Type.DEFERRED
    return type_


def _is_soft(raw: Any) -> bool:
    """Whether a bounce is one for now: providers say it in fields that Anymail folds into `bounced`.

    Where a provider says nothing, or that it cannot tell, it is one for good: a missed notice is worse than a letter.
    """
    if not isinstance(raw, dict):
        return False
    return (
        raw.get("Type") == "SoftBounce"  # Postmark
        or raw.get("event") == "soft_bounce"  # Brevo, Mandrill
        or (raw.get("event") == "bounce" and raw.get("hard_bounce") is False)  # Mailjet
        or (raw.get("event") == "bounce" and raw.get("type") == "blocked")  # SendGrid: refused this time
        or _inner(raw, "data", "type") == "soft_bounced"  # MailerSend
        or _inner(raw, "data", "bounce", "type") in ("Transient", "Temporary")  # Resend
        or (_inner(raw, "bounce", "bounceType") == "Transient")  # Amazon SES
        or _is_soft_at_sparkpost(raw)
    )


# Soft bounces, DNS failures, full mailboxes, messages too large for now, time-outs, and what passes by itself.
SPARKPOST_SOFT = {"20", "21", "22", "24", "70"}


def _is_soft_at_sparkpost(raw: dict) -> bool:
    return str(_inner(raw, "msys", "message_event", "bounce_class")) in SPARKPOST_SOFT


def _inner(raw: Any, *names: str) -> Any:
    for name in names:
        raw = raw.get(name) if isinstance(raw, dict) else None
    return raw


def _key(event: Any, esp_name: str, type_: Type, message_id: str) -> str:
    """The provider's id of the event; where it gives none, one made of what makes it this event."""
    if event.event_id and len(str(event.event_id)) <= 180:
        # Mailgun signs its token and nothing else of the call: a token counts once, whatever body comes with it.
        kind = "token" if esp_name == "Mailgun" and "signature" in (event.esp_event or ()) else str(type_)
        return f"{kind}:{_text(event.event_id)}"
    parts = (message_id, _text(event.recipient), str(type_), str(event.timestamp), _text(event.event_id))
    return "made:" + hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _moment(event: Any) -> datetime:
    at = event.timestamp
    if not isinstance(at, datetime):
        return timezone.now()
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _text(value: object) -> str:
    return "" if value is None else str(value).replace("\0", "").encode("utf-8", "replace").decode()
