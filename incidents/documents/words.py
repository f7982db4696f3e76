"""Frozen facts in words: moments, estimates, defanged indicators."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from incidents import timeline
from incidents.models import Incident, Indicator, ScopeEstimate, TimelineEvent

PHASES = dict(Incident.Phase.choices)
CLOSED = frozenset(Incident.CLOSED)
MARKS = dict(TimelineEvent.Marks.choices)
INDICATORS = dict(Indicator.Kind.choices)
BOUNDS = dict(ScopeEstimate.Bound.choices)
CERTAINTIES = {"confirmed": "confirmed", "believed": "as we believe", "potential": "potentially"}


@dataclass(frozen=True)
class Said:
    """A moment for a template: `words`, and `machine` for <time datetime> (empty: not known)."""

    words: str
    machine: str = ""
    beside: str = ""  # the same in UTC, where it was written in another zone

    @property
    def is_moment(self) -> bool:
        """To the minute or second: the reader's own time may be added."""
        return "T" in self.machine


def moment(row: dict, *, bare: bool = True) -> Said:
    at, until = parse(row["at"]), parse(row.get("until"))
    words = timeline.say(
        at, row["precision"], row["zone"] or "UTC", utc_offset=row["utc_offset"], until=until,
        uncertain=row.get("uncertain", False), unknown_because=row["unknown_because"], bare=bare,
    )  # fmt: skip
    if at is None or until is not None:
        return Said(words)
    words, bracket, beside = words.partition(" (")
    return Said(words, timeline.machine(at, row["precision"], row["utc_offset"]), bracket.strip() + beside)


def said_at(update: dict) -> Said:
    """When an update was said. Nobody needs its seconds."""
    return moment({**update, "precision": "minute"} if update["precision"] == "second" else update)


def instant(at: datetime) -> Said:
    """A moment of our own clock, to the minute."""
    return Said(timeline.say(at, "minute", bare=True), timeline.machine(at, "minute"))


def on_day(day: str) -> Said:
    written = date.fromisoformat(day)
    return Said(timeline.day(datetime(written.year, written.month, written.day, tzinfo=UTC)), day)


def in_its_year(day: str) -> Said:
    """For a list under its year: 5 January."""
    return Said(on_day(day).words.rpartition(" ")[0], day)


def parse(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def estimate(row: dict) -> str:
    """Less than 1 % of customers, potentially, as of 5 January 2018."""
    said = row["words"].strip().rstrip(".") or _count(row)
    certainty = "" if row["bound"] == "not_known" or row["words"] else f", {CERTAINTIES[row['certainty']]}"
    words = f"{said}{certainty}"
    if row["at"]:
        words += f", as of {moment(row).words}"
    return words[:1].upper() + words[1:]


def _count(row: dict) -> str:
    bound, of_what = row["bound"], row["of_what"]
    if bound == "not_known":
        return f"{of_what}: not known yet"
    if row["value"] is None:
        return f"{BOUNDS[bound]} {of_what}"
    value, unit = _grouped(row["value"]), row["unit"]
    if unit == "percent":
        counted = f"{value}\N{NO-BREAK SPACE}% of {of_what}"
    elif not unit or unit in of_what:
        counted = f"{value} {of_what}"
    else:
        counted = f"{value} {unit} ({of_what})"
    return counted if bound == "exactly" else f"{BOUNDS[bound]} {counted}"


def _grouped(value: str) -> str:
    whole, _, rest = value.partition(".")
    return f"{int(whole):,}" + (f".{rest}" if rest else "")


def defang(kind: str, value: str) -> str:
    """So that nothing turns it into a link, and nobody follows it by mistake."""
    match kind:
        case "ipv4":
            head, _, tail = value.rpartition(".")
            return f"{head}[.]{tail}"
        case "ipv6":
            head, _, tail = value.rpartition(":")
            return f"{head}[:]{tail}"
        case "domain":
            return value.replace(".", "[.]")
        case "url":
            scheme, separator, rest = value.partition("://")
            host, slash, path = rest.partition("/")
            return f"{scheme.replace('tt', 'xx', 1)}{separator}{host.replace('.', '[.]')}{slash}{path}"
        case "email":
            return value.replace("@", "[@]").replace(".", "[.]")
    return value
