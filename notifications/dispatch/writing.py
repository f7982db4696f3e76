"""Composing the messages of a window, each for its one reader."""

import logging
from dataclasses import dataclass, field
from functools import lru_cache

from django.core.mail import EmailMessage

from notifications import composing, handover, outcomes, providers
from notifications.bounces import return_path
from notifications.composing import Personal
from notifications.dispatch.claiming import Batch, Writable
from notifications.models import Mailing, NoticeVersion
from notifications.outcomes import Outcome, Result
from notifications.smtp.mime import PLAIN_ADDRESS

logger = logging.getLogger(__name__)


@dataclass
class Written:
    """Messages written and ready, and the results of those that cannot go."""

    messages: dict[int, EmailMessage | Personal] = field(default_factory=dict)
    hashes: dict[int, str] = field(default_factory=dict)
    not_sent: dict[int, Result] = field(default_factory=dict)


def write(batch: Batch) -> Written:
    """Every message of the window, outside any transaction. One that cannot be written fails; the rest goes on."""
    written = Written()
    mailing = batch.mailing
    mailing.version = _version(mailing.version_id)
    if because := _exposed(mailing, batch.provider):
        written.not_sent = {pk: Result(Outcome.RELEASED, reply=because, pause=because) for pk in batch.numbers}
        return written
    for pk, because in batch.not_any_more.items():
        written.not_sent[pk] = Result(Outcome.RELEASED, reply=because, cancels=because)
    together = handover.goes_together(batch.provider)
    for recipient in batch.writable:
        try:
            message, sha256 = _one(recipient, batch, together=together)
        except Exception as error:  # noqa: BLE001  (a poison row: only this row fails)
            written.not_sent[recipient.pk] = _cannot_be_written(recipient, error)
        else:
            written.messages[recipient.pk], written.hashes[recipient.pk] = message, sha256
    return written


def _one(recipient: Writable, batch: Batch, *, together: bool) -> tuple[EmailMessage | Personal, str]:
    """The message and its hash; where a call takes many, this one's part of it."""
    if together and recipient.address and PLAIN_ADDRESS.fullmatch(recipient.address.value):
        try:
            part = composing.personal(recipient)
        except composing.CannotShare:
            pass  # it goes by itself
        else:
            return part, part.sha256
    message = composing.compose(recipient)
    email = composing.to_email(message)
    handover.require_one_reader(email)
    email.idempotency_key = outcomes.key_of(batch.id, recipient.message_id)  # type: ignore[attr-defined]
    email.return_path = return_path.of(recipient.pk)  # type: ignore[attr-defined]
    return email, message.sha256


@lru_cache(maxsize=64)
def _version(pk: int) -> NoticeVersion:
    """Kept, since a version never changes (a trigger): its text is most of what a window would load."""
    return NoticeVersion.objects.select_related("notice").get(pk=pk)


def _exposed(mailing: Mailing, provider: str) -> str:
    try:
        providers.refuse_exposed(mailing.incident, sender=mailing.sender, provider=provider)
    except providers.Exposed as error:
        return str(error)
    return ""


def _cannot_be_written(recipient: Writable, error: Exception) -> Result:
    if not isinstance(error, composing.CannotCompose | handover.NotOneReader):
        logger.exception("Message of %s cannot be written", recipient)
    said = str(error) if isinstance(error, composing.CannotCompose) else type(error).__name__
    return Result(Outcome.FAILED, reply=handover.words(f"The message could not be written: {said}"))
