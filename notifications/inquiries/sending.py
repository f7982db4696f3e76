"""The lane of answers: the same windows as notices, one in the whole house, and only while no notice is ready to go."""

import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from types import SimpleNamespace

from django.conf import settings

from notifications import awake, composing, handover, lanes, outcomes, pace, providers
from notifications.bounces import return_path
from notifications.dispatch import claiming, windows
from notifications.dispatch.claiming import Batch
from notifications.dispatch.ledger import Ledger
from notifications.dispatch.writing import Written
from notifications.inquiries import keys
from notifications.inquiries.answering import address_of
from notifications.models import InquiryAnswer, InquiryAttempt, InquiryMail, InquiryOutbox
from notifications.outcomes import Outcome, Result
from notifications.subscriptions.sending import no_notice_waits

ANSWERS = Ledger(
    InquiryAnswer, InquiryMail, InquiryOutbox, InquiryAttempt,
    comes_last="m.replaced_at IS NULL",  # what was queued under a text that is in use no more goes first
)  # fmt: skip
LANE_LOCK = 0x494E514C  # advisory lock: the one lane
SHARE = 0.25
"""Of a provider's pace that answers may have: nobody who asks in great numbers shall use it up."""

WHAT_ANSWERS_NEED = "SELECT s.id, s.attempt_no, s.mailing_id FROM sending s ORDER BY s.id"


def run_lane(*, seconds: float = 5) -> int:
    """Work windows until time is up, a stop is asked for, or a notice is ready; how many messages were dealt with."""
    until, dealt_with = time.monotonic() + seconds, 0
    with lanes.one(of=LANE_LOCK, at_most=1) as mine, lanes.stops_between_messages() as may_go_on:
        if not mine or not awake.beat_has_looked():
            return 0
        with handover.lines() as lines, ThreadPoolExecutor(1) as hand:
            while may_go_on() and time.monotonic() < until and no_notice_waits():
                done = sum(_window(channel, lines, hand, may_go_on) for channel in providers.all_channels())
                dealt_with += done
                if not done:
                    break
    return dealt_with


def _window(channel: providers.Channel, lines: handover.Lines, hand: Executor, may_go_on: Callable[[], bool]) -> int:
    wanted = pace.take(f"{channel.name}.answers", wanted=settings.SENDING_WINDOW, share=SHARE)
    granted = pace.take(channel.name, wanted=wanted) if wanted else 0
    batch = claim(granted, provider=channel.name) if granted else None
    if batch is None:
        return 0
    window = windows.prepared(batch, write(batch), channel)
    if not no_notice_waits():
        windows.release(window)
        return 0
    windows.hand_over(window, lines, hand, go_on=may_go_on)
    windows.end(window, may_stay=no_notice_waits)
    return len(batch.numbers)


def claim(size: int, *, provider: str) -> Batch | None:
    """Lease up to `size` messages of one text; None where none is ready."""
    batch_id, rows = claiming.lease(size, provider=provider, ledger=ANSWERS, then=WHAT_ANSWERS_NEED)
    if not rows:
        return None
    answer = InquiryAnswer.objects.select_related("incident", "version__notice").get(pk=rows[0][2])
    mails = InquiryMail.objects.select_related("inquiry").in_bulk([row[0] for row in rows])
    batch = Batch(batch_id, provider, answer, ledger=ANSWERS)
    for pk, number, _ in rows:
        batch.numbers[pk] = number
        batch.writable.append(mails[pk])
    return batch


def write(batch: Batch) -> Written:
    """Every message of the window. One that cannot be written fails; the rest goes on."""
    written, answer = Written(), batch.mailing
    try:
        providers.refuse_exposed(answer.incident, sender=answer.sender, provider=batch.provider)
    except providers.Exposed as exposed:
        because = str(exposed)
        written.not_sent = {pk: Result(outcome=Outcome.RELEASED, reply=because, pause=because) for pk in batch.numbers}
        return written
    for mail in batch.writable:
        try:
            message = composing.compose(as_recipient(mail, answer))
            email = composing.to_email(message)
            handover.require_one_reader(email)
        except Exception as error:  # noqa: BLE001  (a poison row: only this row fails)
            known = isinstance(error, composing.CannotCompose | keys.CannotOpen)
            said = str(error) if known else type(error).__name__
            written.not_sent[mail.pk] = Result(Outcome.FAILED, reply=handover.words(f"Not written: {said}"))
        else:
            email.idempotency_key = outcomes.key_of(batch.id, mail.message_id)  # type: ignore[attr-defined]
            email.return_path = return_path.of(return_path.ANSWERS + mail.pk)  # type: ignore[attr-defined]
            written.messages[mail.pk], written.hashes[mail.pk] = email, hash_of(message)
    return written


def as_recipient(mail: InquiryMail, answer: InquiryAnswer) -> SimpleNamespace:
    """What composing reads of a Recipient; the address is opened for this moment alone. Raises CannotOpen."""
    return SimpleNamespace(
        mailing=answer, address=SimpleNamespace(value=address_of(mail.inquiry)), link=None, merge=mail.merge,
        code=mail.code, message_id=mail.message_id,
    )  # fmt: skip


ADDRESS_MASK = "<address>"


def hash_of(message: composing.Message) -> str:
    """As of a notice, the address masked: it is forgotten, and the message can be composed again without it."""
    parts = {name: getattr(message, name) for name in ("subject", "text", "html", "from_email", "reply_to", "headers")}
    return composing.hash_of(parts | {"to": [ADDRESS_MASK]}, token="")  # noqa: S106
