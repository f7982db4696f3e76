"""Steps that we checked ourselves: this key is revoked, this password was changed."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.addresses import lookup_hash, normalise
from accounts.models import Address, User
from incidents.audience.facts import TABLE
from incidents.models import AffectedAccount, Incident, Step, StepState


class Result(StrEnum):
    VERIFIED = "verified"
    ALREADY = "already"
    PARTLY = "partly"
    UNKNOWN_ACCOUNT = "unknown_account"
    SEVERAL_ACCOUNTS = "several_accounts"
    UNKNOWN_STEP = "unknown_step"
    NOT_THEIR_STEP = "not_their_step"
    UNKNOWN_FACT = "unknown_fact"


# Any other answer says whether somebody is on the list: who asks for it is in the log, as whoever looks a person up.
TELLS_NOTHING = {Result.ALREADY, Result.UNKNOWN_STEP}


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was checked: whose step, by account id or address; at which moment; which of their keys.

    fact: (name, value) as our list has it, for accounts with several; None: all that the step is about.
    """

    step: int
    external_id: str = ""
    email: str = ""
    at: datetime | None = None
    fact: tuple[str, str] | None = None


@transaction.atomic
def verify(
    incident: Incident, checked: Sequence[Checked], *, by: User, at: datetime | None = None, **facts: object
) -> list[Result]:
    """What became of each, in the order given. The same list again changes nothing.

    A step with a fact counts as verified once every value that the account has under this name was checked: of three
    keys one revoked is not enough. What the person ticked is then ours; what we did for them stays.
    facts: for the log.
    """
    at = at or timezone.now()
    found = _accounts(incident, checked)
    held = AffectedAccount.objects.filter(pk__in={pk for pks in found.values() for pk in pks}).order_by("pk")
    affected = {one.pk: one for one in held.select_for_update(no_key=True)}  # two pipelines at once take turns
    book = _Book(incident, affected, at)
    results = [book.enter(one, found[_who(one)]) for one in checked]
    book.write()
    counts = Counter(results)
    if counts.keys() - TELLS_NOTHING:
        told = {str(result): number for result, number in counts.items()}
        changed = counts[Result.VERIFIED] or counts[Result.PARTLY]
        audit.record(act="steps.verified" if changed else "steps.not_verified", thing=incident, by=by, at=at,
                     incident=incident.pk, counts=told, **facts)  # fmt: skip
    return results


class _Book:
    """The states of the steps of some accounts: read once, changed in memory, written once."""

    def __init__(self, incident: Incident, affected: dict[int, AffectedAccount], at: datetime) -> None:
        self.affected, self.at = affected, at
        self.steps = {step.pk: step for step in incident.steps.all()}
        self.states = {
            (state.affected_account_id, state.step_id): state
            for state in StepState.objects.filter(affected_account__in=affected).select_for_update(no_key=True)
        }
        self.segments: dict[int, set[int]] = defaultdict(set)
        theirs = AffectedAccount.segments.through.objects.filter(affectedaccount__in=affected)
        for pk, segment in theirs.values_list("affectedaccount_id", "segment_id"):
            self.segments[pk].add(segment)
        self.changed: dict[tuple[int, int], StepState] = {}

    def enter(self, one: Checked, accounts: Sequence[int]) -> Result:
        step = self.steps.get(one.step)
        if step is None:
            return Result.UNKNOWN_STEP
        if len(accounts) != 1:
            return Result.SEVERAL_ACCOUNTS if accounts else Result.UNKNOWN_ACCOUNT
        affected = self.affected[accounts[0]]
        if step.segment_id and step.segment_id not in self.segments[affected.pk]:
            return Result.NOT_THEIR_STEP
        if one.fact and one.fact[1] not in set(_values(affected.facts, one.fact[0])):
            return Result.UNKNOWN_FACT
        return self._enter(one, affected, step)

    def _enter(self, one: Checked, affected: AffectedAccount, step: Step) -> Result:
        key = (affected.pk, step.pk)
        state = self.states.setdefault(
            key, StepState(affected_account=affected, step=step, state=StepState.State.OPEN, at=self.at)
        )
        if state.state in {StepState.State.VERIFIED, StepState.State.DONE_FOR_YOU}:
            return Result.ALREADY
        left: set[str] = set()
        if one.fact:
            known = [*state.verified, list(one.fact)]
            left = set(_values(affected.facts, one.fact[0])) - {value for name, value in known if name == one.fact[0]}
            if list(one.fact) in state.verified:
                return Result.ALREADY
            state.verified = known
        if not left:
            state.state, state.at = StepState.State.VERIFIED, min(one.at or self.at, self.at)
        self.changed[key] = state
        return Result.PARTLY if left else Result.VERIFIED

    def write(self) -> None:
        """Over what a reader ticks in this very moment, too."""
        StepState.objects.bulk_create(
            self.changed.values(), update_conflicts=True, unique_fields=["affected_account", "step"],
            update_fields=["state", "at", "verified"],
        )  # fmt: skip


def _values(facts: dict, name: str) -> Iterator[str]:
    """All that an account has under this name: beside the others, and in the rows of its table."""
    for place in (facts, *(facts.get(TABLE) or ())):
        if place.get(name) is not None:
            yield str(place[name])


def _who(one: Checked) -> tuple[str, str]:
    return (one.external_id, "") if one.external_id else ("", normalise(one.email))


def _accounts(incident: Incident, checked: Iterable[Checked]) -> dict[tuple[str, str], list[int]]:
    """The affected accounts that each of them names: none, one, or several that share a mailbox."""
    found: dict[tuple[str, str], list[int]] = {_who(one): [] for one in checked}
    held = AffectedAccount.objects.filter(incident=incident)
    ids = [external_id for external_id, _ in found if external_id]
    for external_id, pk in held.filter(account__external_id__in=ids).values_list("account__external_id", "pk"):
        found[str(external_id), ""].append(pk)
    hashes = {lookup_hash(normal): normal for _, normal in found if normal}
    addresses = Address.objects.filter(lookup__in=list(hashes), kind=Address.Kind.EMAIL)
    owners = [(hashes[bytes(lookup)], account) for lookup, account in addresses.values_list("lookup", "account")]
    of_account = dict(held.filter(account__in={account for _, account in owners}).values_list("account", "pk"))
    for normal, account in owners:
        found["", normal] += [of_account[account]] if account in of_account else []
    return found
