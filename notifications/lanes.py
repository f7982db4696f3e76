"""Lanes are the concurrency of sending: who may run one, and how it stops in time."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import Error, connection

LANE_LOCKS = 0x4C414E45  # first key of the advisory locks, one per lane
stop_asked = threading.Event()
"""This worker is shutting down (see receivers.py)."""


@contextmanager
def one(*, of: int = LANE_LOCKS, at_most: int | None = None) -> Iterator[bool]:
    """Whether one of so many lanes (None: SENDING_LANES) is free; it is held until the end.

    Or until this connection to PostgreSQL ends. So bells may ring as often as they like: the lanes do not become more.
    """
    number = _free_lane(of, settings.SENDING_LANES if at_most is None else at_most)
    try:
        yield number is not None
    finally:
        if number is not None:
            _give_back(of, number)


def _free_lane(of: int, at_most: int) -> int | None:
    with connection.cursor() as cursor:
        for number in range(at_most):
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [of, number])
            if cursor.fetchone()[0]:
                return number
    return None


def _give_back(of: int, number: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [of, number])
    except Error:
        connection.close()  # a connection that broke has let go of it; one that is confused must


@contextmanager
def stops_between_messages() -> Iterator[Callable[[], bool]]:
    """May we go on? No, once the worker shuts down.

    A worker's child processes die of SIGTERM, and some process runners send it to the whole group: while a lane
    runs it only asks to stop, so that the message on the wire gets its outcome and the rest is released.
    """
    asked = threading.Event()
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set()) if in_main_thread else None
    try:
        yield lambda: not (asked.is_set() or stop_asked.is_set())
    finally:
        if in_main_thread:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
