"""One window: what is claimed, written, marked, handed over and recorded together."""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from notifications import handover, providers
from notifications.dispatch.claiming import Batch, claim
from notifications.dispatch.dropping import drop_who_have_done_it
from notifications.dispatch.marking import mark
from notifications.dispatch.recording import record, record_surely
from notifications.dispatch.writing import Written, write
from notifications.models import SendBatch
from notifications.outcomes import RELEASED, Result

WINDOW_ENDS = timedelta(seconds=5)
"""A window still on the wire by then releases what is left of it: a deploy waits for it, and so does its lease."""
LOOK_EVERY = timedelta(seconds=1)
"""So often it is looked whether the mailing of a window on the wire was paused, or everything stopped."""


@dataclass
class Window:
    channel: providers.Channel
    batch: Batch
    written: Written
    going: list[int] = field(default_factory=list)
    """Whose messages are on the wire, in their order."""
    wire: "Future[list[Result]] | None" = None
    is_stopped: Event = field(default_factory=Event)


def run_window(
    size: int, *, lines: handover.Lines | None = None, channel: providers.Channel | None = None,
    go_on: Callable[[], bool] = handover.always,
) -> int:  # fmt: skip
    """One window of up to `size` messages from its claim to its record; how many were claimed."""
    window = begin(size, channel or providers.first())
    if window is None:
        return 0
    with handover.lines() as own:
        hand_over(window, lines or own, AtOnce(), go_on=go_on)
        end(window)
    return len(window.batch.numbers)


def begin(size: int, channel: providers.Channel) -> Window | None:
    """Claim and write. Nothing has been said yet: a crash from here on loses nothing."""
    drop_who_have_done_it(size)
    batch = claim(size, provider=channel.name)
    return None if batch is None else prepared(batch, write(batch), channel)


def prepared(batch: Batch, written: Written, channel: providers.Channel) -> Window:
    """What can go is ready to be handed over; what could not be written is over."""
    if written.not_sent:
        record(batch, written.not_sent)
    return Window(channel, batch, written)


def hand_over(window: Window, lines: handover.Lines, hands: Executor, *, go_on: Callable[[], bool]) -> None:
    """Mark, then speak, by `hands`: the wire asks the database nothing, so the next window can be written meanwhile."""
    messages = window.written.messages
    try:
        going = mark(window.batch, window.written.hashes) if messages else set()
    except (OperationalError, InterfaceError):
        # Whether the mark is there nobody can say; that nothing was spoken after it we can, so nothing is unknown.
        connection.close()
        record_surely(window.batch, dict.fromkeys(messages, RELEASED))
        return
    if going is None:
        release(window)
        return
    settled = messages.keys() - going  # by an event since the claim
    if settled:
        record(window.batch, dict.fromkeys(settled, RELEASED))
    window.going = [pk for pk in messages if pk in going]
    if window.going:
        spoken = [messages[pk] for pk in window.going]
        ends = time.monotonic() + min(WINDOW_ENDS, settings.SENDING_LEASE / 3).total_seconds()

        def may_go_on() -> bool:
            return time.monotonic() < ends and not window.is_stopped.is_set() and go_on()

        window.wire = hands.submit(
            lambda: handover.hand_over(
                spoken, connection=lines.to(window.channel), channel=window.channel, go_on=may_go_on
            )
        )


def end(window: Window, *, may_stay: Callable[[], bool] = handover.always) -> list[Result]:
    """Wait for the wire and write down how the messages ended; looks meanwhile whether the mailing was paused.

    may_stay: asked as often; once it says no, what was not spoken of yet is released.
    """
    if window.wire is None:
        return []
    while wait([window.wire], timeout=LOOK_EVERY.total_seconds()).not_done:
        if not (_may_still_go(window.batch) and may_stay()):
            window.is_stopped.set()
    results = window.wire.result()
    record_surely(window.batch, dict(zip(window.going, results, strict=True)))
    return results


def release(window: Window) -> None:
    """Give back what was claimed and never marked."""
    if SendBatch.objects.filter(pk=window.batch.id, handed_over_at=None).exists():
        record(window.batch, dict.fromkeys(window.written.messages, RELEASED))


MAY_STILL_GO = """
SELECT EXISTS (SELECT FROM notifications_mailing WHERE id = %s AND state = 'running')
  AND NOT EXISTS (SELECT FROM notifications_sendingstop WHERE lifted_at IS NULL)
"""


def _may_still_go(batch: Batch) -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute(batch.ledger.over(MAY_STILL_GO), [batch.mailing.pk])
            return cursor.fetchone()[0]
    except (OperationalError, InterfaceError):
        # The database is away: this window may end as it was allowed to, or its answers would be lost with the lane.
        connection.close()
        return True


class AtOnce(Executor):
    """Does what it is given before it returns."""

    def submit(self, fn, /, *args, **kwargs):
        done: Future = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  (whoever waits for it gets it)
            done.set_exception(error)
        return done
