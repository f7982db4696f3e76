"""A worker's lane is window after window, at the pace each provider allows.

Two windows are in flight: while one is on the wire the next is claimed and written. Only the first is marked, so a
killed worker leaves no more unknown than one window, and the second goes back.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connection

from notifications import awake, handover, lanes, pace, providers
from notifications.dispatch.ledger import NOTICES, Ledger
from notifications.dispatch.windows import Window, begin, end, hand_over, release


def run_lane(*, seconds: float = 5) -> int:
    """Work windows until time is up, a stop is asked for or nothing is ready; how many messages were dealt with.

    At most SENDING_LANES lanes run at a time in the whole house; one more comes back at once with 0, and so does
    any before beat has looked at what is going out.
    """
    until = time.monotonic() + seconds
    with lanes.one() as mine, lanes.stops_between_messages() as may_go_on, handover.lines() as lines:
        if not mine or not awake.beat_has_looked():
            return 0
        with ThreadPoolExecutor(len(providers.all_channels())) as hands:
            work = _Work(lines, hands, may_go_on)
            try:
                while may_go_on() and time.monotonic() < until and work.goes_on():
                    pass
            finally:
                work.end_all()
    return work.dealt_with


class _Work:
    """What a lane has in its hands: at most one window on the wire for each channel."""

    def __init__(self, lines: handover.Lines, hands: ThreadPoolExecutor, may_go_on: Callable[[], bool]) -> None:
        self.lines, self.hands, self.may_go_on = lines, hands, may_go_on
        self.on_wire: dict[str, Window] = {}
        self.dealt_with = 0

    def goes_on(self) -> bool:
        """One round: the next window of each channel, so that a provider that rests holds up nobody else's."""
        begun = waits = False
        for channel in providers.all_channels():
            granted = pace.take(channel.name, wanted=window_size(channel))
            window = begin(granted, channel) if granted else None
            waits = waits or not granted
            begun = begun or window is not None
            self._next(channel, window)
        if begun:
            return True
        if not waits or not is_work_ready():
            return False
        time.sleep(0.05)
        return True

    def _next(self, channel: providers.Channel, window: Window | None) -> None:
        """The one on the wire ends, then this one goes; not where the first says that nothing more may."""
        before = self.on_wire.pop(channel.name, None)
        ended = end(before) if before else []
        if window is None:
            return
        if any(result.rest is not None for result in ended) or not self.may_go_on():
            release(window)
            return
        self.dealt_with += len(window.batch.numbers)
        hand_over(window, self.lines, self.hands, go_on=self.may_go_on)
        self.on_wire[channel.name] = window

    def end_all(self) -> None:
        for window in self.on_wire.values():
            end(window)


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


def is_work_ready(ledger: Ledger = NOTICES) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(ledger.over(IS_WORK_READY))
        return cursor.fetchone()[0]
