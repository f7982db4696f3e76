"""Composing the messages of a window, each for its one reader."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.core.mail import EmailMessage

from notifications import composing, handover, providers
from notifications.dispatch.claiming import Batch
from notifications.handover import Outcome, Result
from notifications.models import Mailing, Recipient

logger = logging.getLogger(__name__)


@dataclass
class Written:
    """Messages written and ready, and the results of those that cannot go."""

    messages: dict[int, EmailMessage] = field(default_factory=dict)
    hashes: dict[int, str] = field(default_factory=dict)
    not_sent: dict[int, Result] = field(default_factory=dict)


def write(batch: Batch) -> Written:
    """Every message of the window, outside any transaction. One that cannot be written fails; the rest goes on."""
    written = Written()
    recipients = list(Recipient.objects.filter(pk__in=batch.numbers).select_related("address", "link").order_by("pk"))
    mailings = Mailing.objects.select_related("version__notice", "incident").in_bulk(
        {recipient.mailing_id for recipient in recipients}
    )
    closed = _exposed_mailings(mailings.values())
    for recipient in recipients:
        # One mailing for all its recipients: whatever is prepared for a version is prepared once.
        recipient.mailing = mailings[recipient.mailing_id]
        recipient.incident = recipient.mailing.incident
        if because := closed.get(recipient.mailing_id):
            written.not_sent[recipient.pk] = Result(Outcome.RELEASED, reply=because, pause=because)
            continue
        try:
            message = composing.compose(recipient)
            email = composing.to_email(message)
            email.extra_headers["Message-ID"] = f"<{recipient.message_id}>"
            handover.require_one_reader(email)
        except Exception as error:  # noqa: BLE001  (a poison row: only this row fails)
            written.not_sent[recipient.pk] = _cannot_be_written(recipient, error)
        else:
            written.messages[recipient.pk], written.hashes[recipient.pk] = email, message.sha256
    return written


def _exposed_mailings(mailings: Iterable[Mailing]) -> dict[int, str]:
    closed = {}
    for mailing in mailings:
        try:
            providers.refuse_exposed(mailing.incident, sender=mailing.sender)
        except providers.Exposed as error:
            closed[mailing.pk] = str(error)
    return closed


def _cannot_be_written(recipient: Recipient, error: Exception) -> Result:
    if not isinstance(error, composing.CannotCompose | handover.NotOneReader):
        logger.exception("Message of %s cannot be written", recipient)
    said = str(error) if isinstance(error, composing.CannotCompose) else type(error).__name__
    return Result(Outcome.FAILED, reply=handover.words(f"The message could not be written: {said}"))
