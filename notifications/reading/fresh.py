"""A fresh link for whoever holds one that opens no more: to the mailbox it was sent to, and nowhere else."""

import logging
from datetime import datetime

from django.db import transaction

from notifications import links, resending
from notifications.models import FreshLinkRequest, ReaderLink, SentAgain

logger = logging.getLogger(__name__)


def ask(token: str) -> None:
    """Write down that somebody asked behind this token, whatever it is: nothing is looked up here."""
    FreshLinkRequest.objects.create(sha256=links.sha256(token))


def answer(*, at: datetime, limit: int = 200) -> int:
    """Send what was asked for; how many rows were taken away. At most one a day goes to an address."""
    dealt_with = 0
    while dealt_with < limit and _answer_one(at):
        dealt_with += 1
    return dealt_with


@transaction.atomic
def _answer_one(at: datetime) -> bool:
    row = FreshLinkRequest.objects.select_for_update(skip_locked=True).first()
    if row is None:
        return False
    rows = ReaderLink.objects.with_shut().select_related("affected_account__incident", "address")
    link = rows.filter(sha256=bytes(row.sha256)).first()
    row.delete()
    if link is not None and _opens_no_more(link, at):
        try:
            with transaction.atomic():
                resending.send_again(
                    affected=link.affected_account, address=link.address, because=SentAgain.Because.FRESH_LINK,
                    by=None, at=at,
                )  # fmt: skip
        except resending.NotSentAgain as no:
            logger.info("A fresh link was asked for and not sent: %s", type(no).__name__)
    return True


def _opens_no_more(link: ReaderLink, at: datetime) -> bool:
    """Whoever holds one that opens needs none."""
    return link.shut or link.expires_at <= at  # type: ignore[attr-defined]  # annotated
