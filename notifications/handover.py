"""Hands messages to the provider, one reader per message, and says how each of them ended.

Every error is put into one of the outcomes of sending.md ("What a failure means"). What we cannot place is
`unknown`: to call it a no would send it twice.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses, parsedate_to_datetime
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
from django.core.mail import EmailMessage, get_connection

from accounts.redaction import redact
from notifications import providers
from notifications.models import Attempt

Outcome = Attempt.Outcome


class NotOneReader(Exception):
    """A message that would show its readers to each other, or reach somebody beside its reader."""


@dataclass(frozen=True)
class Result:
    """How the hand-over of one message ended."""

    outcome: Outcome
    code: int | None = None
    reply: str = ""
    provider_id: str = ""
    retry_after: timedelta | None = None
    throttled: bool = False
    """The provider asks us to go slower."""
    pause: str = ""
    """Why nothing more may go through this provider, in words; nothing was burnt."""
    rest: Outcome | None = None
    """How the rest of the window ends, unspoken; None: go on with it."""


RELEASED = Result(Outcome.RELEASED)


def always() -> bool:
    return True


def hand_over(
    messages: Sequence[EmailMessage], *, connection: Any = None, go_on: Callable[[], bool] = always
) -> list[Result]:
    """One Result per message, in their order. Once `go_on` says no the rest is released: surely not sent.

    Raises NotOneReader before anything is sent.
    """
    for message in messages:
        require_one_reader(message)
    connection = connection or get_connection()
    if hasattr(connection, "hand_over"):  # ours: a window at a time
        return connection.hand_over(messages, go_on=go_on)
    return one_by_one(messages, lambda message: _through(connection, message), go_on)


@contextmanager
def line() -> Iterator[Any]:
    """A connection for many windows; closed at the end, whatever state it is in."""
    connection = get_connection()
    try:
        if providers.current().is_anymail:
            connection.open()  # a session that is kept; the others open when they are needed
        yield connection
    finally:
        connection.close()


def require_one_reader(message: EmailMessage) -> None:
    """Raises NotOneReader. Through a backend that knows no merge, several `to` become one mail for all to see."""
    one = len(message.to) == 1 and len(getaddresses(message.to)) == 1 and message.to[0].isprintable()
    if (
        not one
        or message.cc
        or message.bcc
        or getattr(message, "merge_data", None)
        or getattr(message, "merge_metadata", None)
    ):
        raise NotOneReader("a notice has exactly one reader: one To, no Cc, no Bcc, no merge data")


def one_by_one(
    messages: Sequence[EmailMessage], send_one: Callable[[EmailMessage], Result], go_on: Callable[[], bool]
) -> list[Result]:
    results: list[Result] = []
    for message in messages:
        if not go_on():
            break
        results.append(send_one(message))
        if results[-1].rest:
            rest = Result(results[-1].rest, results[-1].code, results[-1].reply)
            return results + [rest] * (len(messages) - len(results))
    return results + [RELEASED] * (len(messages) - len(results))


def words(reply: object) -> str:
    """A provider's words as we keep them: one line, no address, no NUL, not too long."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)
    return redact(" ".join(text.replace("\0", "").split()))[:300]


# HTTP providers, and whatever else EMAIL_BACKEND names -----------------------------------------------------------


def _through(connection: Any, message: EmailMessage) -> Result:
    if providers.current().is_anymail:
        _dress(message)
    try:
        connection.send_messages([message])
    except Exception as error:  # noqa: BLE001  (each error means something: see _meaning)
        return _meaning(error)
    return _accepted(message)


def _dress(message: Any) -> None:
    """Only an opaque id travels as metadata, and nothing is tracked."""
    adapter = providers.current()
    if adapter.returns_metadata:
        message.metadata = {"recipient": message.extra_headers["Message-ID"].strip("<>")}
    if adapter.tracking_can_be_off:
        message.track_clicks = message.track_opens = False


def _accepted(message: Any) -> Result:
    status = getattr(message, "anymail_status", None)
    said = status.status if status else None
    if said and said <= {"rejected", "failed", "invalid"}:
        return Result(Outcome.FAILED, reply=f"The provider took the call and said: {', '.join(sorted(said))}")
    provider_id = status.message_id if status and isinstance(status.message_id, str) else ""
    return Result(Outcome.ACCEPTED, provider_id=provider_id[:200])


NOT_SENT = (AnymailInvalidAddress, AnymailSerializationError, AnymailUnsupportedFeature, AnymailRecipientsRefused)
NEVER_CONNECTED = (
    urllib3.exceptions.NewConnectionError,  # refused; DNS failures are a kind of it
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.SSLError,
)


def _meaning(error: Exception) -> Result:
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
    return Result(Outcome.RELEASED, code, because, pause=because, rest=Outcome.RELEASED)


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
