"""In which state each legal clock of an incident is. Computed from decisions, counts and entries: nothing is kept that
could go stale."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from typing import Any

from django.db.models import Count, OuterRef, Q, Subquery, TextChoices

from incidents.models import AffectedAccount, Decision, Incident, LawRule, Obligation, ObligationEntry
from incidents.obligations import reckoning

Kind = ObligationEntry.Kind
SOON = timedelta(hours=24)


class State(TextChoices):
    OPEN = "open", "Open"
    CONTINGENT = "contingent", "Contingent"
    HELD = "held", "Held"
    MET = "met", "Met"
    LATE = "late", "Late"
    NOT_REQUIRED = "not_required", "Not required"


@dataclass(frozen=True)
class Reading:
    """One way to count the term, and when it ends by it. number: 0 for the rule's own."""

    number: int
    words: str
    source: str
    due_at: datetime


@dataclass(frozen=True)
class Clock:
    """An obligation as it stands at a moment."""

    obligation: Obligation
    rule: LawRule
    at: datetime
    state: State = State.OPEN
    because: str = ""
    trigger: Decision | None = None
    started_at: datetime | None = None
    due_at: datetime | None = None
    readings: list[Reading] = field(default_factory=list)
    reading: int | None = None
    met: ObligationEntry | None = None
    said: ObligationEntry | None = None
    newer: LawRule | None = None

    @property
    def is_undecided(self) -> bool:
        """Sources contradict each other and nobody chose: the earliest end is shown, and assumed by nobody."""
        return self.reading is None and len({each.due_at for each in self.readings}) > 1

    @property
    def runs(self) -> bool:
        return self.state in {State.OPEN, State.LATE} and self.met is None

    @property
    def away(self) -> timedelta | None:
        return abs(self.due_at - self.at) if self.due_at else None

    @property
    def is_overdue(self) -> bool:
        return self.runs and self.due_at is not None and self.due_at <= self.at

    @property
    def is_urgent(self) -> bool:
        return self.runs and self.state is State.OPEN and self.due_at is not None and self.due_at - self.at <= SOON

    @property
    def left(self) -> str:
        """ "2 days 4 hours left", "3 hours over"."""
        if self.away is None or not self.runs:
            return ""
        return f"{span(self.away)} {'over' if self.is_overdue else 'left'}"


def span(away: timedelta) -> str:
    """The two largest parts of it, in words."""
    minutes = int(away.total_seconds()) // 60
    parts = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute")]
    first = next((number for number, (count, _) in enumerate(parts) if count), 2)
    said = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts[first : first + 2] if count]
    return " ".join(said) or "less than a minute"


def standing(incident: Incident, *, at: datetime, unreached: int | None = None) -> list[Clock]:
    """Every clock of it, those that end first at the top. unreached: how many nobody reaches; None: not known."""
    clocks = _Reader(incident, at=at, unreached=unreached).all()
    never = datetime.max.replace(tzinfo=UTC)
    return sorted(clocks, key=lambda clock: (not clock.runs, clock.due_at or never, clock.obligation.pk))


def unsettled(incident: Incident) -> int:
    """How many of its clocks nobody said to be met or not required. Looks at nobody's account."""
    last = ObligationEntry.objects.filter(
        obligation=OuterRef("pk"), kind__in=(Kind.MET, Kind.NOT_REQUIRED, Kind.OPEN_AGAIN)
    ).order_by("-pk")
    rows = incident.obligations.annotate(last=Subquery(last.values("kind")[:1]))
    return rows.filter(Q(last=None) | Q(last=Kind.OPEN_AGAIN)).count()


def counts(incident: Incident) -> Counter[str]:
    """Affected accounts that are owed a notice, by jurisdiction; "" where it is not known."""
    rows = AffectedAccount.objects.owed_a_notice().filter(incident=incident).order_by()
    return Counter(dict(rows.values_list("account__jurisdiction").annotate(Count("pk"))))


def within(by_jurisdiction: Counter[str], jurisdictions: list[str]) -> int:
    """How many of them are in one of these. None named: all."""
    if not jurisdictions:
        return by_jurisdiction.total()
    return sum(
        count for code, count in by_jurisdiction.items()
        if code and any(code == one or code.startswith(f"{one}-") for one in jurisdictions)
    )  # fmt: skip


class _Reader:
    """Asks for everything once, then looks at one obligation after the other."""

    def __init__(self, incident: Incident, *, at: datetime, unreached: int | None) -> None:
        self.incident, self.at, self.unreached = incident, at, unreached
        rows = incident.obligations.select_related("rule").prefetch_related("entries__rule", "entries__by")
        self.obligations = {row.key: row for row in rows}
        decisions = incident.decisions.standing().select_related("by").order_by("recorded_at", "pk")
        self.decisions = {row.kind: row for row in decisions}  # the latest of each kind
        self.newest = {rule.key: rule for rule in LawRule.objects.newest().filter(key__in=self.obligations)}
        self.read: dict[str, Clock] = {}

    @cached_property
    def by_jurisdiction(self) -> Counter[str]:
        """Only asked for where a rule has a threshold: it counts every account."""
        return counts(self.incident)

    def all(self) -> list[Clock]:
        return [self.clock(key) for key in self.obligations]

    def clock(self, key: str, asked: tuple[str, ...] = ()) -> Clock:
        if key not in self.read:
            self.read[key] = self._look(self.obligations[key], (*asked, key))
        return self.read[key]

    def _look(self, obligation: Obligation, asked: tuple[str, ...]) -> Clock:
        entries = list(obligation.entries.all())
        rule = next((entry.rule for entry in reversed(entries) if entry.kind == Kind.RULE and entry.rule),
                    obligation.rule)  # fmt: skip
        newest = self.newest.get(rule.key, rule)
        deciding = [entry for entry in entries if entry.kind in {Kind.MET, Kind.NOT_REQUIRED, Kind.OPEN_AGAIN}]
        last = deciding[-1] if deciding else None
        facts: dict[str, Any] = {
            "obligation": obligation, "rule": rule, "at": self.at, "said": last,
            "newer": newest if newest.number > rule.number else None,
            "met": last if last and last.kind == Kind.MET else None,
        }  # fmt: skip
        facts |= self._counted(rule, entries, asked)
        state, because = self._state(rule, entries, facts, asked)
        return Clock(**facts, state=state, because=because)

    def _counted(self, rule: LawRule, entries: list[ObligationEntry], asked: tuple[str, ...]) -> dict[str, Any]:
        start, trigger = self._start(rule, asked)
        if start is None:
            return {"trigger": trigger}
        zone = timezone(timedelta(minutes=trigger.utc_offset)) if trigger else UTC
        readings = [
            Reading(number, way.words or way.in_words(), way.source or rule.citation,
                    reckoning.ends_at(way, start, written_in=zone))
            for number, way in enumerate(reckoning.ways(rule))
        ]  # fmt: skip
        chosen = next((entry.reading for entry in reversed(entries) if entry.kind == Kind.READING), None)
        if chosen is not None and chosen >= len(readings):
            chosen = None  # of an older version of the rule
        due = readings[chosen].due_at if chosen is not None else min((r.due_at for r in readings), default=None)
        return {"trigger": trigger, "started_at": start, "readings": readings, "reading": chosen, "due_at": due}

    def _start(self, rule: LawRule, asked: tuple[str, ...]) -> tuple[datetime | None, Decision | None]:
        if rule.after:
            if rule.after not in self.obligations or rule.after in asked:
                return None, None
            met = self.clock(rule.after, asked).met
            return (met.at if met else None), None
        trigger = self.decisions.get(rule.trigger)
        return (trigger.at if trigger else None), trigger

    def _state(self, rule: LawRule, entries: list[ObligationEntry], facts: dict[str, Any],
               asked: tuple[str, ...]) -> tuple[State, str]:  # fmt: skip
        last, due = facts["said"], facts.get("due_at")
        if facts["met"]:
            if due and last.at > due:
                return State.LATE, last.reasons or "It was met after its end, and no reason is recorded."
            return State.MET, last.reasons
        if last and last.kind == Kind.NOT_REQUIRED:
            return State.NOT_REQUIRED, last.reasons
        if waits := self._waits(rule, facts):
            return State.CONTINGENT, waits
        below = self._threshold(rule)
        if below:
            return below
        if rule.may_be_held and (hold := self.decisions.get(Decision.Kind.LAW_ENFORCEMENT_HOLD)):
            return State.HELD, f"Law enforcement asked to wait: {hold.reasons}"
        late = next((entry for entry in reversed(entries) if entry.kind == Kind.LATE), None)
        if late and due and due <= self.at:
            return State.LATE, late.reasons
        return State.OPEN, "" if due else "Without undue delay: the rule names no date."

    def _waits(self, rule: LawRule, facts: dict[str, Any]) -> str:
        if facts.get("started_at"):
            return ""
        if rule.after:
            return f"Runs once “{rule.after}” is met."
        label = Decision.Kind(rule.trigger).label
        if facts["trigger"]:
            return f"“{label}” is recorded without a moment: record it again with one."
        return f"Runs from the decision “{label}”, which nobody has recorded."

    def _threshold(self, rule: LawRule) -> tuple[State, str] | None:
        """None where it applies."""
        if rule.threshold is None:
            return None
        if rule.threshold_of == LawRule.ThresholdOf.UNREACHED:
            if self.unreached is not None and self.unreached >= rule.threshold:
                return None
            number = "is not known" if self.unreached is None else f"is {self.unreached:,} now"
            return State.CONTINGENT, f"Applies from {rule.threshold:,} unreached on; their number {number}."
        known, unknown = within(self.by_jurisdiction, rule.jurisdictions), 0
        if known >= rule.threshold:
            return None
        if rule.jurisdictions:
            unknown = self.by_jurisdiction[""]
        said = f"Applies from {rule.threshold:,} affected accounts on; {known:,} are known"
        said += f", and of {unknown:,} nobody knows where they are." if unknown else "."
        if Decision.Kind.SCOPE_FINAL in self.decisions and known + unknown < rule.threshold:
            return State.NOT_REQUIRED, f"{said} The scope is final."
        return State.CONTINGENT, f"{said} The count is not final."
