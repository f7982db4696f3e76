"""One affected account, with all that belongs together: who they are, what we hold, what became of telling them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch

from accounts import audit
from accounts.models import Address, AuditEntry, User
from incidents.audience import history
from incidents.models import AffectedAccount, Segment, Step, StepState
from notifications import telling
from notifications.models import Attempt, ReaderLink, Recipient, RecordWithdrawal
from notifications.reading import acts, facts

# What each of telling.NAMES means for the one account.
OUTCOMES = {
    "told": ("Told", "A message arrived, or was taken by their provider and did not come back."),
    "on_the_way": ("On the way", "A message is waiting or was handed over. It is not known to have arrived yet."),
    "unknown": ("Unknown", "A message was handed over and nobody answered. It counts as not told until this is known."),
    "unreached": ("Not reached yet", "Nothing of ours has reached this account by any way."),
    "by_decision_not_told": ("Not told, by decision", "Somebody decided not to contact this group; the reasons stand "
                             "among the decisions."),
    "ruled_out": ("Ruled out", "This account was found not to be affected. No notice is owed to it."),
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """An address, and the link that was made for it; None where no message was ever prepared for it."""

    address: Address
    link: ReaderLink | None


@dataclass(frozen=True)
class Task:
    """A step and where they stand with it; state is None while it is open."""

    step: Step
    state: StepState | None


@dataclass(frozen=True)
class Record:
    """A letter, call or meeting, and the entry of the log that says who put it on record."""

    recipient: Recipient
    entry: AuditEntry | None
    withdrawals: list[RecordWithdrawal]

    @property
    def was_at(self) -> datetime:
        """When it was, also of one that was taken back: its row has the moment of that."""
        return self.recipient.state_at if self.recipient.recorded_proof else self.withdrawals[-1].was_at


@dataclass(frozen=True)
class Person:
    affected: AffectedAccount
    outcome: str
    segments: list[Segment]
    places: list[Place]
    values: list[tuple[str, str]]
    tables: list[facts.Table]
    messages: list[Recipient]
    records: list[Record]
    steps: list[Task]
    history: list[history.Step]

    @property
    def outcome_word(self) -> str:
        return OUTCOMES[self.outcome][0]

    @property
    def outcome_meaning(self) -> str:
        if self.outcome == "told" and any(record.recipient.recorded_proof for record in self.records):
            return "A letter, call or meeting is on record."
        if self.outcome == "told" and self.affected.acknowledged_at:
            return "They said that they have read it."
        return OUTCOMES[self.outcome][1]

    @property
    def can_be_written_to(self) -> bool:
        return any(place.address.is_reachable for place in self.places)


def read(affected: AffectedAccount) -> Person:
    """Asks the same number of questions however much was said to them."""
    values, tables = facts.split(affected.facts)
    attempts = Attempt.objects.select_related("batch").order_by("number")
    told = affected.recipients.select_related("mailing__version__notice", "address").order_by("-mailing__number", "pk")
    rows = list(told.prefetch_related(Prefetch("attempts", attempts), "events", "withdrawals__by"))
    return Person(
        affected=affected,
        outcome=telling.outcome_of(affected),
        segments=list(affected.segments.all()),
        places=_places(affected),
        values=values,
        tables=tables,
        messages=[row for row in rows if row.channel == Recipient.Channel.EMAIL],
        records=_records(row for row in rows if row.channel != Recipient.Channel.EMAIL),
        steps=_steps(affected),
        history=history.of(affected),
    )


@transaction.atomic
def looked_up(affected: AffectedAccount, *, by: User) -> None:
    """That somebody opened the page of one account is in the log, by our number of it."""
    audit.record(act="account.looked_up", thing=affected.account, by=by, incident=affected.incident_id)


def _places(affected: AffectedAccount) -> list[Place]:
    made = {link.address_id: link for link in ReaderLink.objects.with_shut().filter(affected_account=affected)}
    ranks = {role: rank for rank, role in enumerate(Address.Role.values)}
    addresses = sorted(affected.account.addresses.all(), key=lambda one: (ranks[one.role], one.pk))
    return [Place(address, made.get(address.pk)) for address in addresses]


def _records(recipients: Iterable[Recipient]) -> list[Record]:
    rows = [row for row in recipients if row.recorded_proof or row.withdrawals.all()]
    entries = AuditEntry.objects.filter(act="recipient.recorded", thing__in=[audit.name_of(row) for row in rows])
    by_thing = {entry.thing: entry for entry in entries.select_related("by")}
    records = [Record(row, by_thing.get(audit.name_of(row)), list(row.withdrawals.all())) for row in rows]
    return sorted(records, key=lambda record: record.was_at, reverse=True)


def _steps(affected: AffectedAccount) -> list[Task]:
    steps = Step.objects.filter(pk__in=acts.own_step_ids(affected))
    states = {state.step_id: state for state in affected.step_states.exclude(state=StepState.State.OPEN)}
    return [Task(step, states.get(step.pk)) for step in steps]
