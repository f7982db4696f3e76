"""The list of affected accounts as somebody asked for it, state of telling included, one page or all of it.

The state of telling is worked out from messages and decisions, and stands in no column. Of a million accounts it is
asked only of those that may be in the state wanted: the condition that an index answers comes first, the whole rule
(telling.OUTCOMES) second.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from incidents.audience import finding
from incidents.models import AffectedAccount, Decision, ImportBatch, Incident, Segment, Step
from notifications import providers, telling
from notifications.models import DeliveryEvent, Recipient
from notifications.person import OUTCOMES

FIRST_LOOK = 4 * finding.PAGE  # accounts; four times as many with each further look
WINDOW = 2000  # accounts in memory at a time, of a list that is read as a whole
State = Recipient.State


@dataclass(frozen=True)
class Filter:
    """What is asked of the list; empty: everyone. See finding.matching; outcome: one of telling.NAMES."""

    certainty: str = ""
    outcome: str = ""
    segment: Segment | None = None
    wave: ImportBatch | None = None
    step: Step | None = None
    country: str = ""
    no_email: bool = False

    @property
    def query(self) -> dict[str, str]:
        """As it stands in an address and in a request to export. Nothing in it names anybody."""
        said = {
            "certainty": self.certainty, "outcome": self.outcome, "segment": self.segment.key if self.segment else "",
            "wave": str(self.wave.number) if self.wave else "", "step": str(self.step.pk) if self.step else "",
            "country": self.country, "no_email": "on" if self.no_email else "",
        }  # fmt: skip
        return {name: value for name, value in said.items() if value}

    @property
    def words(self) -> list[str]:
        said = [
            self.certainty and f"certainty: {AffectedAccount.Certainty(self.certainty).label.lower()}",
            self.outcome and f"telling: {OUTCOMES[self.outcome][0].lower()}",
            self.segment and f"segment: {self.segment.name}",
            self.wave and f"came with import {self.wave.number}",
            self.step and f"still open: {self.step.title}",
            self.country and f"country: {self.country}",
            self.no_email and "no trusted email address",
        ]  # fmt: skip
        return [words for words in said if words]


def matching(incident: Incident, asked: Filter) -> QuerySet[AffectedAccount]:
    """All that fit, but for the state of telling: of that, those who may be in it."""
    rows = finding.matching(
        incident, certainty=asked.certainty, segment=asked.segment, wave=asked.wave, step=asked.step,
        country=asked.country, no_email=asked.no_email,
    )  # fmt: skip
    return rows.filter(MAY_BE[asked.outcome](incident)) if asked.outcome else rows


def page(
    incident: Incident, asked: Filter, *, after: int = 0, before: int = 0
) -> tuple[list[AffectedAccount], bool, bool]:
    """As finding.page."""
    rows = matching(incident, asked)
    if asked.outcome:
        found = _in_outcome(incident, rows, asked.outcome, after=after, before=before)
        rows = AffectedAccount.objects.filter(pk__in=found)
    return finding.page(rows, after=after, before=before)


def each(incident: Incident, asked: Filter, rows: QuerySet) -> Iterator[tuple[tuple, str]]:
    """(what `rows` yields, its state of telling) of all that fit, by id. Streams; wants to be inside a transaction.

    rows: made from `matching`, as tuples that begin with the id.
    """
    streamed = rows.order_by("pk").iterator(chunk_size=WINDOW)
    while window := list(islice(streamed, WINDOW)):
        outcomes = telling.among(incident, [row[0] for row in window])
        for row in window:
            outcome = outcomes.get(row[0], "")
            if not asked.outcome or outcome == asked.outcome:
                yield row, outcome


def _in_outcome(incident: Incident, rows: QuerySet, outcome: str, *, after: int, before: int) -> list[int]:
    """Ids of one page and one more."""
    found: list[int] = []
    ids, at, size = rows.order_by("-pk" if before else "pk").values_list("pk", flat=True), before or after, FIRST_LOOK
    while len(found) <= finding.PAGE:
        looked_at = list(ids.filter(Q(pk__lt=at) if before else Q(pk__gt=at))[:size])
        outcomes = telling.among(incident, looked_at) if looked_at else {}
        found += [pk for pk in looked_at if outcomes.get(pk) == outcome]
        if len(looked_at) < size:
            break
        at, size = looked_at[-1], 4 * size
    return found[: finding.PAGE + 1]


# Who may be in a state: nobody who is in it is left out; some are taken in who are not ----------------------------


def _messages(of: Q) -> Q:
    """A message to them, no all-clear, is like this."""
    return Q(Exists(Recipient.objects.filter(of, affected_account=OuterRef("pk")).exclude(kind="all_clear")))


def _quiet() -> Q:
    """Accepted long enough ago by a provider that would have told of a bounce."""
    return Q(
        state=State.ACCEPTED, mailing__provider__in=providers.that_report_bounces(),
        state_at__lte=timezone.now() - settings.QUIET_AFTER,
    )  # fmt: skip


def _may_be_told(incident: Incident) -> Q:
    arrived = Q(state=State.DELIVERED) | _quiet() | ~Q(channel=Recipient.Channel.EMAIL)
    return Q(acknowledged_at__isnull=False) | _messages(arrived)


def _may_be_on_the_way(incident: Incident) -> Q:
    doubted = DeliveryEvent.objects.filter(recipient=OuterRef("pk"), type__in=["soft_bounced", "deferred"])
    return _messages(Q(state__in=[State.QUEUED, State.SENDING, State.ACCEPTED]) & (~_quiet() | Q(Exists(doubted))))


def _may_be_unreached(incident: Incident) -> Q:
    somewhere = [State.DELIVERED, State.ACCEPTED, State.QUEUED, State.SENDING, State.UNKNOWN]
    return ~_messages(Q(state__in=somewhere)) & Q(acknowledged_at=None) & ~_ruled_out(incident)


def _may_be_left_alone(incident: Incident) -> Q:
    held = Decision.objects.standing().filter(incident=incident, kind="do_not_contact")
    segments = set(held.values_list("segment", flat=True))
    if None in segments:
        return ~_ruled_out(incident)
    through = AffectedAccount.segments.through.objects.filter(affectedaccount=OuterRef("pk"), segment__in=segments)
    return Q(Exists(through))


def _ruled_out(incident: Incident) -> Q:
    return Q(certainty=AffectedAccount.Certainty.RULED_OUT)


MAY_BE: dict[str, Callable[[Incident], Q]] = {
    "told": _may_be_told,
    "on_the_way": _may_be_on_the_way,
    "unknown": lambda incident: _messages(Q(state=State.UNKNOWN)),
    "unreached": _may_be_unreached,
    "by_decision_not_told": _may_be_left_alone,
    "ruled_out": _ruled_out,
}
