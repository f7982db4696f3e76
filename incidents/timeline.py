"""Moments in words: as exactly as they are known, in the zone they were written in."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol, TypeVar

from django.utils.dates import MONTHS
from django.utils.translation import gettext, pgettext

NEVER = datetime.max.replace(tzinfo=UTC)
"""Sorts what has no moment behind everything that has one."""


class Placed(Protocol):
    at: datetime | None
    position: int
    pk: int


Event = TypeVar("Event", bound=Placed)


def in_order(events: Iterable[Event]) -> list[Event]:
    """By moment, then by their order in the source.

    What has no known moment stands behind what its source names before it: at the end it would read as the latest
    thing to happen. An attack whose beginning nobody knows stands before all.
    """
    events = list(events)
    placed = sorted((event for event in events if event.at), key=lambda event: (event.at, *_in_source(event)))
    for event in sorted((event for event in events if not event.at), key=_in_source):
        before = [other for other in placed if _in_source(other) < _in_source(event)]
        begins = getattr(event, "marks", "") == "attack_start"
        placed.insert(0 if begins or not before else placed.index(max(before, key=_in_source)) + 1, event)
    return placed


def _in_source(event: Placed) -> tuple[int, int]:
    return event.position, event.pk


def say(at: datetime | None, precision: str, zone: str = "UTC", *, utc_offset: int = 0, until: datetime | None = None,
        uncertain: bool = False, unknown_because: str = "", bare: bool = False) -> str:  # fmt: skip
    """ "on 3 January 2018", "at 16:35 UTC on 3 January 2018", "between … and …".

    bare: without the preposition, for a table: "3 January 2018", "16:35 UTC, 3 January 2018".
    A moment written in another zone than UTC says both. In the language that is active; " (" stands in it only
    before what is said beside the moment.
    """
    if at is None or precision == "unknown":
        not_known = gettext("not known") if bare else gettext("at a time not known")
        return _unknown(not_known, unknown_because.strip())
    if until is not None:
        words = _between(at, until, precision, zone, utc_offset, bare=bare)
    else:
        words = _one(at, precision, zone, utc_offset, bare=bare)
    return words + (f" ({gettext('believed')})" if uncertain else "")


def _unknown(words: str, because: str) -> str:
    """A reason that is a sentence of its own stands as one."""
    if because.endswith((".", "!", "?")):
        return f"{words}. {because}"
    return f"{words} ({because})" if because else words


def day(at: datetime) -> str:
    if at.day == 1:
        return pgettext("first of a month", "%(day)s %(month)s %(year)s") % _calendar(at)
    return gettext("%(day)s %(month)s %(year)s") % _calendar(at)


def day_of_its_year(at: datetime) -> str:
    if at.day == 1:
        return pgettext("first of a month", "%(day)s %(month)s") % _calendar(at)
    return gettext("%(day)s %(month)s") % _calendar(at)


def _calendar(at: datetime) -> dict[str, object]:
    return {"day": at.day, "month": MONTHS[at.month], "year": at.year}


def machine(at: datetime, precision: str, utc_offset: int = 0) -> str:
    """What stands in <time datetime>: UTC for a moment; the day, month or year as written otherwise."""
    if precision in {"second", "minute"}:
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    written = _written(at, utc_offset)
    return written.strftime({"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}[precision])


def _written(at: datetime, utc_offset: int) -> datetime:
    return at.astimezone(timezone(timedelta(minutes=utc_offset)) if utc_offset else UTC)


def _clock(at: datetime, precision: str) -> str:
    return at.strftime("%H:%M:%S" if precision == "second" else "%H:%M")


def _one(at: datetime, precision: str, zone: str, utc_offset: int, *, bare: bool) -> str:
    written = _written(at, utc_offset)
    match precision:
        case "year":
            return str(written.year) if bare else pgettext("year", "in %(when)s") % {"when": written.year}
        case "month":
            month = gettext("%(month)s %(year)s") % _calendar(written)
            return month if bare else pgettext("month", "in %(when)s") % {"when": month}
        case "day":
            return day(written) if bare else pgettext("day", "on %(when)s") % {"when": day(written)}
    values = {"clock": _clock(written, precision), "zone": zone, "day": day(written)}
    pattern = gettext("%(clock)s %(zone)s, %(day)s") if bare else gettext("at %(clock)s %(zone)s on %(day)s")
    return pattern % values + _in_utc(at, written, precision, zone, utc_offset)


def _in_utc(at: datetime, written: datetime, precision: str, zone: str, utc_offset: int) -> str:
    if zone in {"UTC", "GMT", "Z"} and not utc_offset:
        return ""
    utc = at.astimezone(UTC)
    if utc.date() == written.date():
        return f" ({_clock(utc, precision)} UTC)"
    return f" ({gettext('%(clock)s UTC on %(day)s') % {'clock': _clock(utc, precision), 'day': day(utc)}})"


def _between(at: datetime, until: datetime, precision: str, zone: str, utc_offset: int, *, bare: bool) -> str:
    start, end = _written(at, utc_offset), _written(until, utc_offset)
    if precision in {"second", "minute"} and start.date() == end.date():
        values = {"start": _clock(start, precision), "end": _clock(end, precision), "zone": zone, "day": day(start)}
        if bare:
            return gettext("between %(start)s and %(end)s %(zone)s, %(day)s") % values
        return gettext("between %(start)s and %(end)s %(zone)s on %(day)s") % values
    first, last = (_one(moment, precision, zone, utc_offset, bare=True) for moment in (at, until))
    if first == last:
        return first
    span = {"first": first, "last": last}
    if precision in {"month", "year"}:
        return pgettext("months or years", "between %(first)s and %(last)s") % span
    return pgettext("days or moments", "between %(first)s and %(last)s") % span
