"""The lane of subscriber mail: the same windows as notices, and only while no notice is ready to go.

At most one runs in the whole house. It ends as soon as a notice waits: between windows at once, within a window when
it next looks, a second later at most, and gives back what it has not spoken of.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction

from accounts.models import Organisation
from notifications import awake, dispatch, handover, lanes, outcomes, pace, providers
from notifications.bounces import return_path
from notifications.composing import message as composed
from notifications.dispatch import claiming, windows
from notifications.dispatch.claiming import Batch
from notifications.dispatch.ledger import Ledger
from notifications.dispatch.windows import Window
from notifications.dispatch.writing import Written
from notifications.models import Announcement, Subscriber, UpdateAttempt, UpdateMail, UpdateOutbox
from notifications.outcomes import Outcome, Result
from notifications.subscriptions import asking, letters, tokens

UPDATES = Ledger(Announcement, UpdateMail, UpdateOutbox, UpdateAttempt)
LANE_LOCK = 0x464F4C4D  # advisory lock: the one lane
SHARE = 0.25
"""Of a provider's pace that subscribers may have, also while nobody else wants it: its limits are for all of us."""

STATUS = re.compile(r"\s*5\.\d{1,3}\.\d{1,3}\b")
MAILBOX = re.compile(r"\s*5\.(1\.\d+|2\.1)\Z")

WHAT_UPDATES_NEED = """
SELECT s.id, s.attempt_no, s.message_id, s.mailing_id, s.subscriber_id FROM sending s ORDER BY s.id
"""


def run_lane(*, seconds: float = 5) -> int:
    """Work windows until time is up, a stop is asked for, nothing is ready, or a notice is; how many were dealt with.

    One more lane comes back at once with 0, and so does any while following by mail is switched off.
    """
    until, dealt_with = time.monotonic() + seconds, 0
    with lanes.one(of=LANE_LOCK, at_most=1) as mine, lanes.stops_between_messages() as may_go_on:
        if not mine or not Organisation.get().following_by_mail or not awake.beat_has_looked():
            return 0
        with handover.lines() as lines, ThreadPoolExecutor(1) as hand:
            while may_go_on() and time.monotonic() < until and no_notice_waits():
                done = sum(_window(channel, lines, hand, may_go_on) for channel in providers.all_channels())
                dealt_with += done
                if not done:
                    break
    return dealt_with


def no_notice_waits() -> bool:
    return not dispatch.is_work_ready()


def _window(channel: providers.Channel, lines: handover.Lines, hand: Executor, may_go_on: Callable[[], bool]) -> int:
    wanted = pace.take(f"{channel.name}.updates", wanted=settings.SENDING_WINDOW, share=SHARE)
    granted = pace.take(channel.name, wanted=wanted) if wanted else 0
    batch = claim(granted, provider=channel.name) if granted else None
    if batch is None:
        return 0
    window = windows.prepared(batch, write(batch), channel)
    if not no_notice_waits():
        windows.release(window)
        return 0
    windows.hand_over(window, lines, hand, go_on=may_go_on)
    _end_where_no_mailbox_is(window, windows.end(window, may_stay=no_notice_waits))
    return len(batch.numbers)


def _end_where_no_mailbox_is(window: Window, results: list[Result]) -> None:
    """The mail server said at once what a bounce says later: nobody is there, so nobody follows any more."""
    refused = [pk for pk, result in zip(window.going, results, strict=True) if _says_no_mailbox(result)]
    if refused:
        with transaction.atomic():
            gone = UpdateMail.objects.filter(pk__in=refused).values_list("subscriber", flat=True)
            asking.end_all(list(gone), because=Subscriber.Ended.BOUNCED)


def _says_no_mailbox(result: Result) -> bool:
    """5.1.x and 5.2.1 are about the mailbox (RFC 3463); without such a code 550, 551 and 553 are. Other refusals are
    about us, or about the message: a blocked sender must not end everybody's subscription.
    """
    if result.outcome != Outcome.FAILED or not 500 <= (result.code or 0) < 600:
        return False
    status = STATUS.match(result.reply)
    return bool(MAILBOX.match(status[0])) if status else result.code in (550, 551, 553)


def claim(size: int, *, provider: str) -> Batch | None:
    """Lease up to `size` messages of one announcement; None where none is ready."""
    batch_id, rows = claiming.lease(size, provider=provider, ledger=UPDATES, then=WHAT_UPDATES_NEED)
    if not rows:
        return None
    mailing = Announcement.objects.select_related("incident", "version").get(pk=rows[0][3])
    subscribers = Subscriber.objects.select_related("incident").in_bulk([row[4] for row in rows])
    batch = Batch(batch_id, provider, mailing, ledger=UPDATES)
    for pk, number, message_id, _, subscriber in rows:
        batch.numbers[pk] = number
        if subscriber in subscribers:
            batch.writable.append((UpdateMail(pk=pk, message_id=message_id), subscribers[subscriber]))
    return batch


def write(batch: Batch) -> Written:
    """Every message of the window. One that cannot be written fails; the rest goes on."""
    written = Written()
    if because := _exposed(batch):
        written.not_sent = {pk: Result(Outcome.RELEASED, reply=because, pause=because) for pk in batch.numbers}
        return written
    for mail, subscriber in batch.writable:
        try:
            email = letters.write(mail, batch.mailing, subscriber)
            handover.require_one_reader(email)
        except Exception as error:  # noqa: BLE001  (a poison row: only this row fails)
            said = str(error) if isinstance(error, letters.CannotWrite) else type(error).__name__
            written.not_sent[mail.pk] = Result(Outcome.FAILED, reply=handover.words(f"Not written: {said}"))
        else:
            email.idempotency_key = outcomes.key_of(batch.id, mail.message_id)  # type: ignore[attr-defined]
            email.return_path = return_path.of(return_path.UPDATES + mail.pk)  # type: ignore[attr-defined]
            written.messages[mail.pk], written.hashes[mail.pk] = email, _hash_of(email, subscriber)
    return written


def _hash_of(email: EmailMultiAlternatives, subscriber: Subscriber) -> str:
    """As of a notice; the tokens are masked."""
    said = {
        "subject": email.subject, "text": email.body, "html": str(email.alternatives[0][0]), "to": email.to,
        "from_email": email.from_email, "headers": email.extra_headers,
    }  # fmt: skip
    text = repr(said)
    for purpose in tokens.Purpose:
        text = text.replace(tokens.token(subscriber, purpose), composed.TOKEN_MASK)
    return composed.hash_of({"said": text}, token="")  # noqa: S106


def _exposed(batch: Batch) -> str:
    if batch.mailing.incident is None:
        return ""
    try:
        providers.refuse_exposed(batch.mailing.incident, sender=batch.mailing.sender, provider=batch.provider)
    except providers.Exposed as error:
        return str(error)
    return ""
