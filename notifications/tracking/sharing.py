"""Calls that come at the same time share one statement: many small ones cost little more than one.

Whoever comes while another thread is at the database waits, and goes with the next. All are answered after the
commit that holds their events.
"""

import logging
import threading
from collections.abc import Sequence

from django.db import DataError, InterfaceError, OperationalError, connection

from notifications.tracking.keeping import Heard, keep

logger = logging.getLogger(__name__)


class Call:
    """One call's events, on their way into the database."""

    def __init__(self, heard: Sequence[Heard]) -> None:
        self.heard = heard
        self.woken = threading.Lock()
        """Held until then."""
        self.woken.acquire()
        self.leads = False
        """Woken to take all that wait to the database; otherwise somebody has taken it along."""
        self.is_kept = False
        self.error: Exception | None = None


class NotKept(Exception):
    """The thread that took this call along ended half-way: the provider has to tell us again."""


class Gate:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_busy = False
        """Some call's thread is at the database, or on its way there."""
        self._waiting: list[Call] = []

    def keep(self, heard: Sequence[Heard]) -> None:
        """Returns once they are committed; raises what went wrong, of which nothing was kept then."""
        mine = Call(heard)
        with self._lock:
            self._waiting.append(mine)
            mine.leads = not self._is_busy
            self._is_busy = True
        if not mine.leads:
            mine.woken.acquire()
        if mine.leads:
            self._lead()
        if not mine.is_kept:
            raise mine.error or NotKept

    def _lead(self) -> None:
        with self._lock:
            together, self._waiting = self._waiting, []
        try:
            _keep_all(together)
        finally:
            with self._lock:
                following = next(iter(self._waiting), None)
                self._is_busy = following is not None
            if following:
                following.leads = True
                following.woken.release()
            for call in together:
                if not call.leads:
                    call.woken.release()


def _keep_all(calls: Sequence[Call]) -> None:
    heard = [one for call in calls for one in call.heard]
    try:
        try:
            _keep_asking_nothing_first(heard)
        except DataError:  # one of them holds what PostgreSQL cannot: the others must not go down with it
            for one in heard:
                _keep_alone(one)
    except Exception as error:  # noqa: BLE001  (each of the calls raises it, in its own thread)
        for call in calls:
            call.error = error
    else:
        for call in calls:
            call.is_kept = True


def _keep_asking_nothing_first(heard: Sequence[Heard]) -> None:
    """Django asks a kept connection at each call whether it still lives: as long a way as keeping the events.

    One that has died says so when they are kept, and they may be told twice: each has its key.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        keep(heard)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        keep(heard)


def _keep_alone(heard: Heard) -> None:
    try:
        keep([heard])
    except DataError:
        logger.exception("An event of %s could not be kept", heard.provider)


gate = Gate()


def keep_with_others(heard: Sequence[Heard]) -> None:
    """Within a transaction of the caller's they go alone: another thread's commit is not this one's."""
    if heard:
        (Gate() if connection.in_atomic_block else gate).keep(heard)
