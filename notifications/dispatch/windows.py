"""A worker's lane is window after window, at the pace the provider allows."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from notifications import handover, lanes, pace, providers
from notifications.dispatch.claiming import claim
from notifications.dispatch.marking import mark
from notifications.dispatch.recording import record, record_surely
from notifications.dispatch.writing import write
from notifications.models import Mailing, Outbox

WINDOW_ENDS = timedelta(seconds=5)
"""A window still on the wire by then releases what is left of it: a deploy waits for it, and so does its lease."""


def run_lane(*, seconds: float = 5) -> int:
    """Work windows until time is up, a stop is asked for or nothing is ready; how many messages were dealt with.

    At most SENDING_LANES lanes run at a time in the whole house; one more comes back at once with 0.
    """
    until = time.monotonic() + seconds
    dealt_with = 0
    with lanes.one() as mine, lanes.stops_between_messages() as may_go_on, handover.line() as line:
        while mine and may_go_on() and time.monotonic() < until:
            granted = pace.take(providers.current().name, wanted=settings.SENDING_WINDOW)
            if not granted:
                if not is_work_ready():
                    break
                time.sleep(0.05)
                continue
            done = run_window(granted, line=line, go_on=may_go_on)
            if not done:
                break
            dealt_with += done
    return dealt_with


def is_work_ready() -> bool:
    return Outbox.objects.filter(
        state=Outbox.State.READY, not_before__lte=Now(), mailing__state=Mailing.State.RUNNING
    ).exists()


def run_window(size: int, *, line: Any = None, go_on: Callable[[], bool] = handover.always) -> int:
    """One window of up to `size` messages; how many were claimed."""
    batch = claim(size)
    if batch is None:
        return 0
    written = write(batch)
    if written.not_sent:
        record(batch, written.not_sent)
    if written.messages and mark(batch, written.hashes):
        ends = time.monotonic() + min(WINDOW_ENDS, settings.SENDING_LEASE / 3).total_seconds()
        results = handover.hand_over(
            list(written.messages.values()), connection=line, go_on=lambda: go_on() and time.monotonic() < ends
        )
        record_surely(batch, dict(zip(written.messages, results, strict=True)))
    return len(batch.numbers)
