"""A worker's lane is window after window, at the pace each provider allows."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import connection

from notifications import handover, lanes, pace, providers
from notifications.dispatch.claiming import Batch, claim
from notifications.dispatch.marking import mark
from notifications.dispatch.recording import record, record_surely
from notifications.dispatch.writing import write
from notifications.outcomes import RELEASED

WINDOW_ENDS = timedelta(seconds=5)
"""A window still on the wire by then releases what is left of it: a deploy waits for it, and so does its lease."""
LOOK_EVERY = timedelta(seconds=1)
"""So often a window on the wire looks whether its mailing was paused, or everything stopped."""


def run_lane(*, seconds: float = 5) -> int:
    """Work windows until time is up, a stop is asked for or nothing is ready; how many messages were dealt with.

    At most SENDING_LANES lanes run at a time in the whole house; one more comes back at once with 0.
    """
    until = time.monotonic() + seconds
    dealt_with = 0
    with lanes.one() as mine, lanes.stops_between_messages() as may_go_on, handover.lines() as lines:
        while mine and may_go_on() and time.monotonic() < until:
            done, waits = _one_round(lines, may_go_on)
            dealt_with += done
            if done:
                continue
            if not waits or not is_work_ready():
                break
            time.sleep(0.05)
    return dealt_with


def _one_round(lines: handover.Lines, go_on: Callable[[], bool]) -> tuple[int, bool]:
    """A window through each channel: a provider that rests holds up nobody else's messages.

    How many messages were dealt with, and whether a provider has to be waited for.
    """
    done, waits = 0, False
    for channel in providers.all_channels():
        granted = pace.take(channel.name, wanted=window_size(channel))
        if granted:
            done += run_window(granted, lines=lines, channel=channel, go_on=go_on)
        waits = waits or not granted
    return done, waits


def window_size(channel: providers.Channel) -> int:
    """Messages that may become unknown together; where a call takes many, that many."""
    return channel.adapter.batch if handover.goes_together(channel.name) else settings.SENDING_WINDOW


# LATERAL, so that only running mailings are looked into, each by one probe of the index outbox_ready.
IS_WORK_READY = """
SELECT EXISTS (
  SELECT FROM notifications_mailing m CROSS JOIN LATERAL (
    SELECT 1 FROM notifications_outbox o
    WHERE o.mailing_id = m.id AND o.state = 'ready' AND o.not_before <= statement_timestamp() LIMIT 1
  ) next WHERE m.state = 'running'
) AND NOT EXISTS (SELECT FROM notifications_sendingstop WHERE lifted_at IS NULL)
"""


def is_work_ready() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(IS_WORK_READY)
        return cursor.fetchone()[0]


def run_window(
    size: int, *, lines: handover.Lines | None = None, channel: providers.Channel | None = None,
    go_on: Callable[[], bool] = handover.always,
) -> int:  # fmt: skip
    """One window of up to `size` messages; how many were claimed."""
    channel = channel or providers.first()
    batch = claim(size, provider=channel.name)
    if batch is None:
        return 0
    written = write(batch)
    if written.not_sent:
        record(batch, written.not_sent)
    going = mark(batch, written.hashes) if written.messages else None
    if going is not None:
        results = dict.fromkeys(written.messages.keys() - going, RELEASED)  # an event has settled them meanwhile
        messages = {pk: message for pk, message in written.messages.items() if pk in going}
        ended = handover.hand_over(
            list(messages.values()), connection=lines.to(channel) if lines else None, channel=channel,
            go_on=_while_it_may(batch, go_on),
        )  # fmt: skip
        record_surely(batch, results | dict(zip(messages, ended, strict=True)))
    return len(batch.numbers)


MAY_GO_ON = """
SELECT EXISTS (SELECT FROM notifications_mailing WHERE id = %s AND state = 'running')
  AND NOT EXISTS (SELECT FROM notifications_sendingstop WHERE lifted_at IS NULL)
"""


def _while_it_may(batch: Batch, go_on: Callable[[], bool]) -> Callable[[], bool]:
    """Asked between messages: no once the window's time is up, or its mailing was paused meanwhile."""
    ends = time.monotonic() + min(WINDOW_ENDS, settings.SENDING_LEASE / 3).total_seconds()
    look_at = time.monotonic() + LOOK_EVERY.total_seconds()

    def may_go_on() -> bool:
        nonlocal look_at
        now = time.monotonic()
        if now >= look_at:
            look_at = now + LOOK_EVERY.total_seconds()
            with connection.cursor() as cursor:
                cursor.execute(MAY_GO_ON, [batch.mailing.pk if batch.mailing else None])
                if not cursor.fetchone()[0]:
                    return False
        return now < ends and go_on()

    return may_go_on
