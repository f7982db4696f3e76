"""When a term ends: hours, days, business days and months, each as its law counts."""

from datetime import UTC, datetime, time

import pytest

from incidents.obligations import reckoning
from incidents.obligations.reckoning import Way, ends_at


def way(amount, unit, **more):
    given = {
        "counts_from": "next_day", "ends": "end_of_day", "ends_clock": None, "rolls": False, "calendar": "",
        "zone": "UTC",
    }  # fmt: skip
    return Way(amount, unit, **{**given, **more})


def at(*moment):
    return datetime(*moment, tzinfo=UTC)


def test_seventy_two_hours_end_to_the_minute_over_a_weekend():
    friday = at(2026, 3, 13, 16, 35)
    assert ends_at(way(72, "hours", counts_from="moment", ends="moment"), friday) == at(2026, 3, 16, 16, 35)


def test_hours_are_hours_where_the_clocks_change():
    eve = at(2026, 3, 28, 12, 0)
    assert ends_at(way(24, "hours", counts_from="moment", zone="Europe/Berlin"), eve) == at(2026, 3, 29, 12, 0)


def test_the_hour_of_the_event_is_left_out_and_an_end_on_a_day_off_moves():
    """Regulation 1182/71: known at 16:35 on a Thursday, 72 hours end on Sunday, so the term goes on through Monday."""
    thursday = at(2026, 3, 12, 16, 35)
    assert ends_at(way(72, "hours", counts_from="next_hour", rolls=True), thursday) == at(2026, 3, 17)
    tuesday = at(2026, 3, 10, 16, 35)
    assert ends_at(way(72, "hours", counts_from="next_hour", rolls=True), tuesday) == at(2026, 3, 13, 17, 0)


def test_calendar_days_leave_out_the_first_and_end_with_the_last():
    assert ends_at(way(30, "calendar_days"), at(2026, 1, 1, 9)) == at(2026, 2, 1)


def test_days_are_those_of_the_place():
    """Seven in the morning UTC is still the evening before in Los Angeles."""
    california = way(30, "calendar_days", zone="America/Los_Angeles")
    assert ends_at(california, at(2026, 1, 2, 7)) == at(2026, 2, 1, 8)


def test_four_business_days_of_america_leave_out_thanksgiving():
    """Decided on Tuesday 24 November 2026: Wednesday, Friday, Monday, Tuesday, to 17:30 in New York."""
    filing = way(4, "business_days", calendar="US", zone="America/New_York", ends_clock=time(17, 30))
    assert ends_at(filing, at(2026, 11, 24, 15)) == at(2026, 12, 1, 22, 30)


def test_business_days_without_a_calendar_leave_out_weekends_alone():
    assert ends_at(way(4, "business_days"), at(2026, 11, 24, 15)) == at(2026, 12, 1)


def test_a_month_ends_on_the_same_day_or_the_last_there_is():
    assert ends_at(way(1, "months"), at(2026, 1, 31, 9)) == at(2026, 3, 1)
    assert ends_at(way(1, "months"), at(2026, 12, 15, 9)) == at(2027, 1, 16)


def test_small_breaches_are_told_sixty_days_after_the_year():
    assert ends_at(way(60, "calendar_days", counts_from="year_end"), at(2026, 5, 5)) == at(2027, 3, 2)


def test_a_calendar_that_nobody_keeps_is_named():
    reckoning.check_calendar("US-CA")
    reckoning.check_calendar("NYSE")
    with pytest.raises(reckoning.NoSuchCalendar, match="Atlantis"):
        reckoning.check_calendar("Atlantis")
