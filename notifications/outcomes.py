"""How the hand-over of a message ended: the outcomes of sending.md, "What a failure means".

What we cannot place is `unknown`: to call it a no would send it twice.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.core.mail import EmailMessage

from accounts.redaction import redact
from notifications.models import Attempt

Outcome = Attempt.Outcome


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
    refuses_us: bool = False
    """It is our account that is refused, so no mailing can go through this provider."""
    cancels: str = ""
    """Why the message must not go to this reader any more, in words: nothing was said, and it waits no longer."""
    rest: Outcome | None = None
    """How the rest of the window ends, unspoken; None: go on with it."""


RELEASED = Result(Outcome.RELEASED)


def rest_of(result: Result) -> Result:
    """How what stood behind this one ends."""
    return Result(result.rest or Outcome.RELEASED, result.code, result.reply)


def one_by_one(
    messages: Sequence[EmailMessage], send_one: Callable[[EmailMessage], Result], go_on: Callable[[], bool]
) -> list[Result]:
    results: list[Result] = []
    for message in messages:
        if not go_on():
            break
        results.append(send_one(message))
        if results[-1].rest:
            return results + [rest_of(results[-1])] * (len(messages) - len(results))
    return results + [RELEASED] * (len(messages) - len(results))


def words(reply: object) -> str:
    """A provider's words as we keep them: one line, no address, no NUL, not too long."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)
    return redact(" ".join(text.replace("\0", "").split()))[:300]


def key_of(batch: uuid.UUID, message_id: str) -> str:
    """The idempotency key of a hand-over: the same however often it is repeated, another one for the next attempt."""
    return str(uuid.uuid5(batch, message_id))
