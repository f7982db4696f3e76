"""When a term ends: hours, days and months as laws count them. Knows nothing of incidents."""

import calendar as months
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from incidents.models import LawRule

Unit, CountsFrom, Ends = LawRule.Unit, LawRule.CountsFrom, LawRule.Ends
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class NoSuchCalendar(ValueError):
    """Nobody keeps holidays under this name."""


@dataclass(frozen=True)
class Way:
    """How a term is counted; `words` and `source` where it is one of several readings."""

    amount: int
    unit: str
    counts_from: str
    ends: str
    ends_clock: time | None
    rolls: bool
    calendar: str
    zone: str
    words: str = ""
    source: str = ""

    def in_words(self) -> str:
        """ "4 business days, from the next day …, to 17:30 of the last day"."""
        unit = Unit(self.unit).label if self.amount != 1 else Unit(self.unit).label.removesuffix("s")
        said = [f"{self.amount} {unit}", CountsFrom(self.counts_from).label]
        if self.unit != Unit.HOURS:
            at = f"at {self.ends_clock:%H:%M} of the last day" if self.ends_clock else Ends(self.ends).label
            said.append(at)
        if self.rolls:
            said.append("an end on a day off moves to the next business day")
        if self.unit == Unit.BUSINESS_DAYS or self.rolls:
            said.append(f"holidays: {self.calendar or 'weekends alone'}")
        if self.zone:
            said.append(f"days of {self.zone}")
        return ", ".join(said)


def ways(rule: LawRule) -> list[Way]:
    """The rule's own way first, then each other reading of it. Empty: without a fixed term."""
    if rule.amount is None:
        return []
    own: dict[str, Any] = {name: getattr(rule, name) for name in LawRule.COUNTED}
    return [Way(**own), *(Way(**own | _read(reading)) for reading in rule.readings)]


def ends_at(way: Way, start: datetime, *, written_in: tzinfo = UTC) -> datetime:
    """In UTC. written_in: whose days count where the rule names no zone."""
    zone = ZoneInfo(way.zone) if way.zone else written_in
    if way.unit == Unit.HOURS:
        return _hours(way, start, zone)
    day = _first(way, start.astimezone(zone))
    match way.unit:
        case Unit.BUSINESS_DAYS:
            day = _business_days(way, day)
        case Unit.MONTHS:
            day = _months(day, way.amount)
        case _:
            day += DAY * way.amount
    if way.rolls:
        day = _rolled(way, day)
    if way.ends == Ends.MOMENT:
        return datetime.combine(day, start.astimezone(zone).time(), zone).astimezone(UTC)
    return _end_of(day, zone, way.ends_clock)


def is_business_day(day: date, calendar: str) -> bool:
    return day.weekday() < 5 and (not calendar or day not in _holidays(calendar))


def check_calendar(name: str) -> None:
    """Raises NoSuchCalendar."""
    if name:
        _holidays(name)


def _hours(way: Way, start: datetime, zone: tzinfo) -> datetime:
    if way.counts_from == CountsFrom.NEXT_HOUR:
        start = start.replace(minute=0, second=0, microsecond=0) + HOUR
    end = start + HOUR * way.amount
    last = (end - timedelta(microseconds=1)).astimezone(zone).date()
    if way.rolls and not is_business_day(last, way.calendar):
        return _end_of(_rolled(way, last), zone, None)
    return end.astimezone(UTC)


def _first(way: Way, start: datetime) -> date:
    return date(start.year, 12, 31) if way.counts_from == CountsFrom.YEAR_END else start.date()


def _business_days(way: Way, day: date) -> date:
    left = way.amount
    while left:
        day += DAY
        left -= is_business_day(day, way.calendar)
    return day


def _months(day: date, amount: int) -> date:
    """The same day of that month; the last one where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + amount, 12)
    return date(year, month + 1, min(day.day, months.monthrange(year, month + 1)[1]))


def _rolled(way: Way, day: date) -> date:
    while not is_business_day(day, way.calendar):
        day += DAY
    return day


def _end_of(day: date, zone: tzinfo, clock: time | None) -> datetime:
    """The first moment that is too late, where the day has no clock of its own."""
    end = datetime.combine(day, clock, zone) if clock else datetime.combine(day + DAY, time.min, zone)
    return end.astimezone(UTC)


def _read(reading: dict[str, Any]) -> dict[str, Any]:
    read = dict(reading)
    if read.get("ends_clock"):
        read["ends_clock"] = time.fromisoformat(read["ends_clock"])
    return read


@cache
def _holidays(name: str) -> Any:
    country, _, part = name.partition("-")
    try:
        if name in holidays.list_supported_financial():
            return holidays.financial_holidays(name)
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError as problem:
        raise NoSuchCalendar(f"Nobody keeps holidays under “{name}”. Write US, US-CA, DE or NYSE.") from problem
