"""Frozen facts in words: moments, estimates, defanged indicators."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from incidents import timeline
from incidents.documents.foreign import whole
from incidents.models import Incident, Indicator, TimelineEvent


class Words(Mapping[str, str]):
    """Words by their key, each in the language that is active when it is asked for."""

    def __init__(self, choices: Iterable[tuple[str, str | Promise]]) -> None:
        self._words = dict(choices)

    def __getitem__(self, key: str) -> str:
        return str(self._words[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)


PHASES = Words(Incident.Phase.choices)
CLOSED = frozenset(Incident.CLOSED)
MARKS = Words(TimelineEvent.Marks.choices)
INDICATORS = Words(Indicator.Kind.choices)
UPDATES = Words([("correction", gettext_lazy("Correction")), ("final", gettext_lazy("Final update"))])
EXPOSED = Words([
    ("confirmed", gettext_lazy("Was exposed")), ("possible", gettext_lazy("May have been exposed")),
    ("ruled_out", gettext_lazy("Was not exposed")),
])  # fmt: skip
# Freely written, but for these as every organisation has them.
ROLES = Words([
    ("security", pgettext_lazy("contact", "Security")), ("support", pgettext_lazy("contact", "Support")),
    ("media", pgettext_lazy("contact", "Media")), ("press", pgettext_lazy("contact", "Press")),
    ("phone", pgettext_lazy("contact", "Phone")),
])  # fmt: skip
BOUNDS = Words([
    ("exactly", pgettext_lazy("estimate", "%(count)s")), ("about", pgettext_lazy("estimate", "about %(count)s")),
    ("less_than", pgettext_lazy("estimate", "less than %(count)s")),
    ("at_most", pgettext_lazy("estimate", "at most %(count)s")),
    ("at_least", pgettext_lazy("estimate", "at least %(count)s")),
])  # fmt: skip
WITHOUT_NUMBER = Words([
    ("all", pgettext_lazy("estimate", "all %(what)s")), ("most", pgettext_lazy("estimate", "most %(what)s")),
    ("not_known", pgettext_lazy("estimate", "%(what)s: not known yet")),
])  # fmt: skip
CERTAINTIES = Words([
    ("confirmed", gettext_lazy("%(estimate)s, confirmed")),
    ("believed", gettext_lazy("%(estimate)s, as we believe")),
    ("potential", gettext_lazy("%(estimate)s, potentially")),
])  # fmt: skip


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

    @property
    def html(self) -> SafeString:
        """As a part of a sentence."""
        if not self.machine:
            return format_html("{}", self.words)
        form = '<time class="moment" datetime="{}">{}</time>' if self.is_moment else '<time datetime="{}">{}</time>'
        made = format_html(form, self.machine, self.words)
        return format_html("{} {}", made, self.beside) if self.beside else made


def moment(row: dict, *, bare: bool = True) -> Said:
    at, until = parse(row["at"]), parse(row.get("until"))
    words = whole(
        lambda: timeline.say(
            at, row["precision"], row["zone"] or "UTC", utc_offset=row["utc_offset"], until=until,
            uncertain=row.get("uncertain", False), unknown_because=row["unknown_because"], bare=bare,
        ),
        row["unknown_because"],
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
    return Said(timeline.day(_beginning(day)), day)


def in_its_year(day: str) -> Said:
    """For a list under its year: 5 January."""
    return Said(timeline.day_of_its_year(_beginning(day)), day)


def _beginning(day: str) -> datetime:
    written = date.fromisoformat(day)
    return datetime(written.year, written.month, written.day, tzinfo=UTC)


def parse(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def estimate(row: dict) -> str:
    """Less than 1 % of customers, potentially, as of 5 January 2018."""
    parts = (row["of_what"], row["unit"], row["words"], row["unknown_because"])
    return whole(lambda: _estimate(row), *parts)


def _estimate(row: dict) -> str:
    said = row["words"].strip().rstrip(".") or _count(row)
    if row["bound"] != "not_known" and not row["words"]:
        said = CERTAINTIES[row["certainty"]] % {"estimate": said}
    if row["at"]:
        said = gettext("%(estimate)s, as of %(when)s") % {"estimate": said, "when": moment(row).words}
    return said[:1].upper() + said[1:]


def _count(row: dict) -> str:
    bound, of_what = row["bound"], row["of_what"]
    if bound == "not_known" or row["value"] is None:
        return WITHOUT_NUMBER[bound] % {"what": of_what}
    value, unit = _grouped(row["value"]), row["unit"]
    if unit == "percent":
        percent = f"{value}\N{NO-BREAK SPACE}%"
        counted = gettext("%(percent)s of %(what)s") % {"percent": percent, "what": of_what}
    elif not unit or unit in of_what:
        counted = f"{value} {of_what}"
    else:
        counted = f"{value} {unit} ({of_what})"
    return BOUNDS[bound] % {"count": counted} if bound in BOUNDS else WITHOUT_NUMBER[bound] % {"what": counted}


def _grouped(value: str) -> str:
    return number_format(Decimal(value), use_l10n=True, force_grouping=True)


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
