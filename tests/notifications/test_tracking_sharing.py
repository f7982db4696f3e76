"""Calls that come at the same time go to the database together; none is answered before its own events are stored."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DataError, OperationalError, connection, connections

from notifications import tracking
from notifications.models import DeliveryEvent
from notifications.tracking import sharing
from tests.factories import NOON

WAIT = 10  # seconds


def heard(key: str) -> tracking.Heard:
    return tracking.Heard("Mailgun", key, DeliveryEvent.Type.DELIVERED, NOON, "somebody-elses@other.example")


class Database:
    """Stands in for keep: the first call to it waits until it may go on."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.entered, self.may_go_on = threading.Event(), threading.Event()
        self.fails: Exception | None = None

    def keep(self, events) -> int:
        keys = [one.key for one in events]
        self.calls.append(keys)
        if len(self.calls) == 1:
            self.entered.set()
            assert self.may_go_on.wait(WAIT)
        if self.fails and len(keys) > 1:
            raise self.fails
        if "poison" in keys:
            raise DataError("invalid byte sequence")
        return len(keys)


@pytest.fixture
def database(monkeypatch) -> Database:
    stand_in = Database()
    monkeypatch.setattr(sharing, "keep", stand_in.keep)
    return stand_in


def all_at_once(gate: sharing.Gate, database: Database, keys: list[str]) -> list[Exception | None]:
    """The first key is at the database when the others come; how each of them ended."""
    with ThreadPoolExecutor(len(keys)) as hands:
        first = hands.submit(gate.keep, [heard(keys[0])])
        assert database.entered.wait(WAIT)
        others = [hands.submit(gate.keep, [heard(key)]) for key in keys[1:]]
        while len(gate._waiting) < len(others):
            assert not any(one.done() for one in others)
        database.may_go_on.set()
        return [one.exception(WAIT) for one in [first, *others]]


def test_whoever_comes_meanwhile_goes_together(database):
    ends = all_at_once(sharing.Gate(), database, ["a", "b", "c", "d"])

    assert ends == [None] * 4
    assert [sorted(call) for call in database.calls] == [["a"], ["b", "c", "d"]]


def test_while_the_database_is_away_each_of_them_says_so(database):
    database.fails = OperationalError("terminating connection")
    gate = sharing.Gate()

    first, *others = all_at_once(gate, database, ["a", "b", "c"])

    assert first is None
    assert [type(one) for one in others] == [OperationalError] * 2
    database.fails = None
    gate.keep([heard("e"), heard("f")])  # and the next ones pass again
    assert database.calls[-1] == ["e", "f"]


def test_one_poisoned_event_takes_no_other_with_it(database, caplog):
    database.fails = DataError("invalid byte sequence")

    ends = all_at_once(sharing.Gate(), database, ["a", "poison", "c"])

    assert ends == [None] * 3
    assert sorted(map(str, database.calls[2:])) == ["['c']", "['poison']"]
    assert "could not be kept" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_meanwhile_loses_nothing_and_is_not_asked_first(monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()

    sharing.keep_with_others([heard("a")])

    assert DeliveryEvent.objects.count() == 1
    connection.close_if_unusable_or_obsolete()  # as at the start of each request
    monkeypatch.setattr(connections["default"], "is_usable", lambda: pytest.fail("asked"))
    sharing.keep_with_others([heard("b")])


@pytest.mark.django_db(transaction=True)
def test_many_threads_lose_nothing():
    def tell(number: int) -> None:
        try:
            sharing.keep_with_others([heard(f"{number}-{part}") for part in range(3)] + [heard("the same")])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as hands:
        list(hands.map(tell, range(40)))

    assert DeliveryEvent.objects.count() == 40 * 3 + 1
