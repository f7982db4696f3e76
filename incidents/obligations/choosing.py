"""Which clocks run, and what became of them. Nothing said here is ever changed; a later entry holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from incidents.models import Decision, Incident, LawRule, Obligation, ObligationEntry, Precision
from incidents.obligations.standing import Clock, counts, within

Kind = ObligationEntry.Kind


class AlreadyRuns(Exception):
    """This clock runs for the incident."""


class ReasonsMissing(Exception):
    """What is late needs its reason."""


class NotYet(Exception):
    """It cannot have been met at a moment that is still to come, or before its clock began."""


@dataclass(frozen=True)
class Suggestion:
    """A rule that may run. why: what speaks for it; empty: nothing that we hold does."""

    rule: LawRule
    why: str


def suggestions(incident: Incident) -> list[Suggestion]:
    """Every rule that does not run yet; those for which something speaks first. Counsel chooses, not we."""
    by_jurisdiction = counts(incident)
    recorded = set(incident.decisions.standing().values_list("kind", flat=True))
    running = set(incident.obligations.values_list("key", flat=True))
    rules = LawRule.objects.newest().exclude(key__in=running)
    found = [Suggestion(rule, _why(rule, within(by_jurisdiction, rule.jurisdictions), recorded)) for rule in rules]
    return sorted(found, key=lambda one: not one.why)


def _why(rule: LawRule, count: int, recorded: set[str]) -> str:
    if rule.jurisdictions and count:
        return f"{count:,} affected {'account is' if count == 1 else 'accounts are'} there"
    if not rule.jurisdictions and rule.trigger in recorded & {Decision.Kind.MATERIAL, Decision.Kind.MAJOR}:
        return f"“{Decision.Kind(rule.trigger).label}” is recorded"
    return ""


@transaction.atomic
def choose(incident: Incident, rules: Iterable[LawRule], *, by: User, at: datetime | None = None) -> list[Obligation]:
    """From now on these run. Raises AlreadyRuns."""
    at, made = at or timezone.now(), []
    for rule in rules:
        try:
            with transaction.atomic():
                obligation = Obligation.objects.create(
                    incident=incident, key=rule.key, rule=rule, chosen_by=by, chosen_at=at
                )
        except IntegrityError as problem:
            raise AlreadyRuns(f"“{rule.regime}: {rule.title}” runs already.") from problem
        audit.record(act="obligation.chosen", thing=obligation, by=by, at=at, incident=incident.pk, rule=rule.key,
                     number=rule.number)  # fmt: skip
        made.append(obligation)
    return made


@transaction.atomic
def say(entry: ObligationEntry, *, clock: Clock, by: User, at: datetime | None = None) -> ObligationEntry:
    """Record it. clock: how the obligation stood when it was read. Raises ReasonsMissing, NotYet."""
    at = at or timezone.now()
    if entry.kind == Kind.MET and entry.at:
        if entry.at > at:
            raise NotYet("That moment is still to come. Record it once it has happened.")
        if clock.due_at and entry.at > clock.due_at and not entry.reasons.strip():
            raise ReasonsMissing("It was met after its end. Say why it was late.")
    if entry.at is None:
        entry.precision = Precision.UNKNOWN
    entry.obligation, entry.by, entry.recorded_at = clock.obligation, by, at
    entry.save(force_insert=True)
    audit.record(
        act=f"obligation.{entry.kind}", thing=clock.obligation, by=by, at=at, incident=clock.obligation.incident_id,
        rule=clock.rule.key, proof=entry.proof, words=entry.reference,
    )  # fmt: skip
    return entry


def take_newer(clock: Clock, *, by: User, at: datetime | None = None) -> ObligationEntry | None:
    """Count by the newest version of the rule from now on. None where it is counted by it already."""
    if clock.newer is None:
        return None
    entry = ObligationEntry(kind=Kind.RULE, rule=clock.newer)
    return say(entry, clock=clock, by=by, at=at)
