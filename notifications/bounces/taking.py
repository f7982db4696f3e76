"""From a message that came back to delivery events of the provider `smtp`."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum

from notifications import tracking
from notifications.bounces import reports
from notifications.bounces.mailboxes import Mailbox
from notifications.bounces.reports import Kind, Report, Said
from notifications.bounces.return_path import ANSWERS, UPDATES
from notifications.models import InquiryMail, Recipient, UpdateMail
from notifications.outcomes import words

logger = logging.getLogger(__name__)

PROVIDER = "smtp"
OLDEST = timedelta(days=60)  # a date beyond it is a clock that is wrong


class Verdict(Enum):
    KEPT = "reports"
    AUTOMATIC = "automatic replies"
    NOT_OURS = "about messages that are not ours"
    LEFT = "left for a person to read"


def empty(mailbox: Mailbox, *, at: datetime) -> Counter[Verdict]:
    """Take in what is new in a mailbox; each message is put away only after its events are stored."""
    counts: Counter[Verdict] = Counter()
    for message in mailbox.new():
        verdict = take(message.raw, at=at)
        if verdict in (Verdict.KEPT, Verdict.AUTOMATIC):
            mailbox.put_away(message)
        else:
            mailbox.leave(message)
        counts[verdict] += 1
    if left := counts[Verdict.LEFT] + counts[Verdict.NOT_OURS]:
        logger.warning("%d messages among the bounces are none that we can read: a person has to look at them", left)
    return counts


def take(raw: bytes, *, to: str = "", at: datetime) -> Verdict:
    """One message, read and its events stored. to: the envelope's recipient, where the mail server told it."""
    report = reports.read(raw, to=to)
    if report.kind == Kind.AUTOMATIC:
        return Verdict.AUTOMATIC
    if report.kind == Kind.NOTHING or not report.said:
        return Verdict.LEFT
    recipient = _recipient(report)
    if recipient is None:
        return Verdict.NOT_OURS
    tracking.keep([_heard(said, report, recipient, at) for said in report.said])
    return Verdict.KEPT


Ours = Recipient | UpdateMail | InquiryMail
KINDS: list[tuple[int, type[Ours]]] = [(UPDATES, UpdateMail), (ANSWERS, InquiryMail), (0, Recipient)]
"""What is added to the ids of each, the largest first: see return_path."""


def _recipient(report: Report) -> Ours | None:
    for pk in report.recipients:
        added, model = next((added, model) for added, model in KINDS if pk > added)
        if found := model.objects.only("pk", "message_id").filter(pk=pk - added).first():
            return found
    named = [_clean(one) for one in report.message_ids if one]
    for _, model in reversed(KINDS):
        if found := model.objects.only("pk", "message_id").filter(message_id__in=named).first():
            return found
    return None


def _heard(said: Said, report: Report, recipient: Ours, at: datetime) -> tracking.Heard:
    made = "\0".join((str(recipient.pk), said.type, said.whom, report.own_id))
    when = said.at if said.at and at - OLDEST <= said.at <= at else at
    return tracking.Heard(
        provider=PROVIDER, key="report:" + hashlib.sha256(made.encode("utf-8", "replace")).hexdigest(), type=said.type,
        at=when, message_id=recipient.message_id, opaque=recipient.message_id, words=_clean(words(said.words)),
    )  # fmt: skip


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def in_words(counts: Counter[Verdict] | Iterable[Verdict]) -> str:
    """What became of the messages: "3 reports, 1 automatic replies"."""
    counted = Counter(counts)
    return ", ".join(f"{counted[one]:,} {one.value}" for one in Verdict if counted[one]) or "nothing new"
