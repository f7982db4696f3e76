"""A moment as people type it: as much of the date as is known, a time if there is one, the zone it is written in."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms

from incidents.forms.rows import EditForm
from incidents.models import Moment, Precision

DATES = {"%Y-%m-%d": Precision.DAY, "%Y-%m": Precision.MONTH, "%Y": Precision.YEAR}
TIMES = {"%H:%M:%S": Precision.SECOND, "%H:%M": Precision.MINUTE}
OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?")

# What people write in America and Europe. A zone with a fixed offset is that offset; PT and its like follow the year.
ABBREVIATED: dict[str, tzinfo] = {
    **dict.fromkeys(("UTC", "GMT", "Z"), UTC),
    **{
        name: timezone(timedelta(hours=hours))
        for name, hours in {
            "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5, "EST": -5, "EDT": -4,
            "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "JST": 9,
        }.items()
    },
    "PT": ZoneInfo("America/Los_Angeles"),
    "MT": ZoneInfo("America/Denver"),
    "CT": ZoneInfo("America/Chicago"),
    "ET": ZoneInfo("America/New_York"),
}  # fmt: skip


class NotAMoment(ValueError):
    """What is wrong and what to write instead; `field` is the field it was typed into."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


@dataclass(frozen=True)
class Typed:
    at: datetime
    precision: Precision
    zone: str
    utc_offset: int  # minutes east


def parse(*, date: str, time: str = "", zone: str = "UTC") -> Typed:
    """The beginning of the stretch it is known to. Raises NotAMoment."""
    zone = zone.strip() or "UTC"
    written, precision = _parsed(
        "date", date, DATES, "Write the date as 2018-01-03, or 2018-01 or 2018 if that is all."
    )
    if time:
        if precision is not Precision.DAY:
            raise NotAMoment("time", "A time needs a whole date: year, month and day.")
        clock, precision = _parsed("time", time, TIMES, "Write the time as 16:35 or 16:35:20, in 24 hours.")
        written = datetime.combine(written.date(), clock.time())
    at = _placed(written, named_zone(zone), exact=bool(time))
    offset = at.utcoffset() or timedelta()
    return Typed(at, precision, zone, int(offset.total_seconds()) // 60)


def named_zone(name: str) -> tzinfo:
    if name.upper() in ABBREVIATED:
        return ABBREVIATED[name.upper()]
    if found := OFFSET.fullmatch(name.upper()):
        sign, hours, minutes = found.groups()
        east = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if east <= timedelta(hours=14):
            return timezone(-east if sign == "-" else east)
    if name in available_timezones():
        return ZoneInfo(name)
    raise NotAMoment("zone", f"We do not know the zone “{name}”. Write UTC, Europe/Berlin, PT or +02:00.")


def _parsed(field: str, typed: str, forms_of_it: dict[str, Precision], words: str) -> tuple[datetime, Precision]:
    for form, precision in forms_of_it.items():
        try:
            return datetime.strptime(typed.strip(), form), precision  # noqa: DTZ007  (its zone is typed beside it)
        except ValueError:
            continue
    raise NotAMoment(field, words)


def _placed(written: datetime, zone: tzinfo, *, exact: bool) -> datetime:
    """In its zone. An hour that exists twice or never there is refused: the offset says which is meant."""
    at, other = (written.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if exact and at.utcoffset() != other.utcoffset():
        raise NotAMoment(
            "zone", "The clocks change at that hour. Write the offset instead of the zone, such as +02:00."
        )
    return at


class MomentForm(EditForm):
    """For rows with a moment. An empty date means that it is not known, and asks for the reason."""

    when_is_required = True  # either a date or the reason why there is none

    date = forms.CharField(
        required=False, max_length=10, label="Date",
        help_text="2018-01-03, or 2018-01 or 2018 if that is all we know. Empty: not known.",
        widget=forms.TextInput(attrs={"class": "input-short", "inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip
    time = forms.CharField(
        required=False, max_length=8, label="Time",
        help_text="16:35 or 16:35:20. Empty: only the day is known.",
        widget=forms.TextInput(attrs={"class": "input-short", "inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip
    zone = forms.CharField(
        required=False, max_length=40, label="Zone", initial="UTC",
        help_text="As it was written: UTC, PT, Europe/Berlin or +02:00.",
        widget=forms.TextInput(attrs={"class": "input-short", "autocomplete": "off"}),
    )  # fmt: skip
    unknown_because = forms.CharField(
        required=False, max_length=300, label="Why the date is not known", help_text="Only where the date is empty."
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        moment: Moment = self.instance
        written = moment.as_written()
        if written is not None:
            self.initial.update({"date": written.strftime(_form_of(moment.precision)), "zone": moment.zone})
            if moment.precision in TIMES.values():
                self.initial["time"] = written.strftime("%H:%M:%S" if moment.precision == "second" else "%H:%M")
        self.initial.setdefault("unknown_because", moment.unknown_because)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        date, time = data.get("date", ""), data.get("time", "")
        moment: Moment = self.instance
        moment.at, moment.precision = None, Precision.UNKNOWN
        moment.unknown_because = data.get("unknown_because", "")
        if not date:
            if time:
                self.add_error("date", "There is a time but no date.")
            elif self.when_is_required and not moment.unknown_because:
                self.add_error("date", "Say when it was; or leave this empty and say below why it is not known.")
            return data
        if moment.unknown_because:
            self.add_error("unknown_because", "There is a date. Leave one of the two empty.")
        try:
            typed = parse(date=date, time=time, zone=data.get("zone", ""))
        except NotAMoment as problem:
            self.add_error(problem.field, str(problem))
        else:
            moment.at, moment.precision = typed.at, typed.precision
            moment.zone, moment.utc_offset = typed.zone, typed.utc_offset
        return data


def _form_of(precision: str) -> str:
    return {Precision.YEAR: "%Y", Precision.MONTH: "%Y-%m"}.get(Precision(precision), "%Y-%m-%d")
