from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from incidents import timeline

AT = datetime(2018, 1, 3, 16, 35, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("precision", "words", "bare"),
    [
        ("second", "at 16:35:20 UTC on 3 January 2018", "16:35:20 UTC, 3 January 2018"),
        ("minute", "at 16:35 UTC on 3 January 2018", "16:35 UTC, 3 January 2018"),
        ("day", "on 3 January 2018", "3 January 2018"),
        ("month", "in January 2018", "January 2018"),
        ("year", "in 2018", "2018"),
    ],
)
def test_a_moment_is_said_as_exactly_as_it_is_known(precision, words, bare):
    assert timeline.say(AT, precision) == words
    assert timeline.say(AT, precision, bare=True) == bare


def test_an_unknown_moment_says_why():
    said = timeline.say(None, "unknown", unknown_because="the logs were gone")

    assert said == "at a time not known (the logs were gone)"
    assert timeline.say(None, "unknown", bare=True) == "not known"


def test_a_reason_that_is_a_sentence_stands_as_one():
    said = timeline.say(None, "unknown", unknown_because="We have not established it.", bare=True)

    assert said == "not known. We have not established it."


def test_what_is_believed_says_so():
    assert timeline.say(AT, "day", uncertain=True) == "on 3 January 2018 (believed)"


def test_a_range_names_a_shared_day_once():
    until = AT + timedelta(minutes=35)

    assert timeline.say(AT, "minute", until=until) == "between 16:35 and 17:10 UTC on 3 January 2018"


def test_a_range_over_days_names_both():
    until = AT + timedelta(days=2)

    assert timeline.say(AT, "day", until=until) == "between 3 January 2018 and 5 January 2018"
    assert timeline.say(AT, "minute", until=until) == (
        "between 16:35 UTC, 3 January 2018 and 16:35 UTC, 5 January 2018"
    )


def test_a_zone_stands_as_it_was_written_with_utc_beside_it():
    late = datetime(2018, 1, 4, 3, 5, tzinfo=UTC)

    assert timeline.say(late, "minute", "PT", utc_offset=-480) == (
        "at 19:05 PT on 3 January 2018 (03:05 UTC on 4 January 2018)"
    )
    assert timeline.say(AT, "minute", "Europe/Berlin", utc_offset=60) == (
        "at 17:35 Europe/Berlin on 3 January 2018 (16:35 UTC)"
    )


def test_a_day_is_the_day_where_it_was_written():
    midnight_in_california = datetime(2018, 1, 3, 8, 0, tzinfo=UTC)

    assert timeline.say(midnight_in_california, "day", "PT", utc_offset=-480) == "on 3 January 2018"
    assert timeline.machine(midnight_in_california, "day", -480) == "2018-01-03"


def test_machines_read_moments_in_utc():
    assert timeline.machine(AT, "minute", 60) == "2018-01-03T16:35:20Z"
    assert timeline.machine(AT, "month") == "2018-01"


def test_events_stand_by_moment_then_by_their_order_in_the_source():
    first, second, tied = (
        SimpleNamespace(at=at, position=position, pk=pk)
        for at, position, pk in (
            (AT, 0, 9),
            (AT + timedelta(days=1), 1, 8),
            (AT + timedelta(days=1), 2, 7),
        )
    )

    assert timeline.in_order([tied, second, first]) == [first, second, tied]


def test_an_event_without_a_moment_stands_where_its_source_has_it():
    def event(at, position, marks=""):
        return SimpleNamespace(at=at, position=position, pk=position, marks=marks)

    second, unknown, first = event(AT + timedelta(days=1), 1), event(None, 2), event(AT, 3)
    before_all, begins = event(None, 0), event(None, 9, "attack_start")

    assert timeline.in_order([first, unknown, second]) == [first, second, unknown]
    assert timeline.in_order([first, unknown, second, before_all]) == [before_all, first, second, unknown]
    assert timeline.in_order([first, begins, second]) == [begins, first, second]
