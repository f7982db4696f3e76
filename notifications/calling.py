"""Calls of HTTP providers through Anymail's backends, and what their answers mean."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3.exceptions
from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from django.core.mail import EmailMessage

from notifications.outcomes import Outcome, Result, words
from notifications.providers import Adapter


def call(connection: Any, message: EmailMessage, adapter: Adapter) -> Result:
    """One message through one of Anymail's backends, or whatever else EMAIL_BACKEND names."""
    if adapter.is_anymail:
        dress(message, adapter)
    try:
        with _under_its_key(connection, message, adapter):
            connection.send_messages([message])
    except Exception as error:  # noqa: BLE001  (each error means something: see meaning)
        return meaning(error)
    return accepted(message)


@contextmanager
def _under_its_key(connection: Any, message: Any, adapter: Adapter) -> Iterator[None]:
    """The idempotency key of this hand-over, where the provider keeps such: the same call again changes nothing."""
    key = getattr(message, "idempotency_key", "")
    if not key or not adapter.replay_within:
        yield
    elif adapter.name == "brevo":  # among the message's headers, as Brevo wants it
        message.extra_headers["idempotencyKey"] = key
        yield
    else:
        connection.session.headers["Idempotency-Key"] = key
        try:
            yield
        finally:
            connection.session.headers.pop("Idempotency-Key", None)


def dress(message: Any, adapter: Adapter) -> None:
    """Only an opaque id travels as metadata, and nothing is tracked."""
    if adapter.returns_metadata:
        message.metadata = {"recipient": message.extra_headers["Message-ID"].strip("<>")}
    if adapter.tracking_can_be_off:
        message.track_clicks = message.track_opens = False


def accepted(message: Any, *, alone: bool = True) -> Result:
    """What a call that was taken says. alone: the id it gave is this message's own, not that of many."""
    status = getattr(message, "anymail_status", None)
    said = status.status if status else None
    if said and said <= {"rejected", "failed", "invalid"}:
        return Result(Outcome.FAILED, reply=f"The provider took the call and said: {', '.join(sorted(said))}")
    given = status.message_id if status and isinstance(status.message_id, str) else ""
    if not alone:  # kept as words only: an event that names it may be anybody's of the call
        return Result(Outcome.ACCEPTED, reply=words(f"Taken in one call: {given.strip('<>').partition('@')[0]}"))
    return Result(Outcome.ACCEPTED, provider_id=given[:200])


NOT_SENT = (AnymailInvalidAddress, AnymailSerializationError, AnymailUnsupportedFeature, AnymailRecipientsRefused)
NEVER_CONNECTED = (
    urllib3.exceptions.NewConnectionError,  # refused; DNS failures are a kind of it
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.SSLError,
)


def meaning(error: Exception) -> Result:
    if isinstance(error, AnymailConfigurationError):
        return _paused(None, "The mail provider's settings are not complete.")
    if isinstance(error, NOT_SENT):
        return Result(Outcome.FAILED, reply=words(error))
    if isinstance(error, AnymailAPIError) and error.status_code:
        return _meaning_of_status(error)
    if _never_connected(error):
        return Result(Outcome.RETRY, reply="No connection to the provider", throttled=True, rest=Outcome.RETRY)
    return Result(Outcome.UNKNOWN, reply=type(error).__name__, rest=Outcome.RELEASED)


def _meaning_of_status(error: AnymailAPIError) -> Result:
    code, wait = error.status_code, _retry_after(error.response)
    reply = words(_body(error))
    if code in (401, 402, 403, 404):  # 404: the provider does not know our domain or stream
        return _paused(code, f"The mail provider refused our account (HTTP {code}). Check its key and its standing.")
    if code == 429 or (code == 503 and wait):
        return Result(Outcome.RETRY, code, reply, retry_after=wait, throttled=True, rest=Outcome.RELEASED)
    if code == 408:
        return Result(Outcome.RETRY, code, reply)
    if 400 <= code < 500:
        return Result(Outcome.FAILED, code, reply)
    return Result(Outcome.UNKNOWN, code, reply, rest=Outcome.RELEASED)  # 5xx, or a 2xx that cannot be read


def _paused(code: int | None, because: str) -> Result:
    return Result(Outcome.RELEASED, code, because, pause=because, refuses_us=True, rest=Outcome.RELEASED)


def _never_connected(error: Exception) -> bool:
    if isinstance(error, ConnectionRefusedError | requests.ConnectTimeout):
        return True
    cause: Any = error.__cause__ or error
    reason = getattr(cause.args[0], "reason", cause.args[0]) if getattr(cause, "args", None) else None
    return isinstance(cause, requests.ConnectionError) and isinstance(reason, NEVER_CONNECTED)


def _body(error: AnymailAPIError) -> str:
    response = error.response
    return response.text[:1000] if response is not None else str(error)


def _retry_after(response: Any) -> timedelta | None:
    """Retry-After as a span: seconds or an HTTP date (RFC 9110, 10.2.3); None where it is missing or unreadable."""
    said = response.headers.get("Retry-After", "") if response is not None else ""
    if said.strip().isdigit():
        return timedelta(seconds=min(int(said), 86_400))
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, TypeError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(timedelta(0), until - datetime.fromtimestamp(time.time(), UTC))
