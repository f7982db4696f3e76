"""A second person's yes to how many accounts an import touches; two people's to ruling out a large part of them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from accounts import approvals, audit
from accounts.models import Approval, Organisation, User
from incidents.audience import ruling_out
from incidents.audience.comparing import Comparison
from incidents.models import ImportBatch

ACT = Approval.Act.IMPORT
PEOPLE_FOR_A_LARGE_PART = 2
FROM_THE_FILE = ("read", "accepted", "rejected", "folded", "accounts", "addresses")
FROM_THE_COMPARISON = (
    "new", "changed", "unchanged", "missing", "not_held", "newly_ruled_out", "whom_it_rules_out",
    "owed_before", "after",
)  # fmt: skip
LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Needed:
    """at_least: other people who must say yes, where the organisation asks for any at all."""

    at_least: int
    because: str


def needed(batch: ImportBatch, comparison: Comparison) -> Needed | None:
    """Why this import needs a yes, and from how many at least; None where whoever uploads it may import it alone."""
    ruled_out = comparison.newly_ruled_out
    lately = _ruled_out_lately(batch) if ruled_out else 0
    owed = comparison.owed_before + lately
    if ruling_out.is_large(ruled_out + lately, owed_before=owed):
        before = f", after {_accounts(lately)} in the last {LATELY.days} days without a second person" if lately else ""
        return Needed(PEOPLE_FOR_A_LARGE_PART, (
            f"It rules out {_accounts(ruled_out)}{before}: of {owed:,} who were owed a notice, more than a tenth."
        ))  # fmt: skip
    number, limit = touched(batch, comparison), Organisation.get().import_limit
    if number > limit:
        return Needed(1, f"It adds, changes or rules out {_accounts(number)}; one person alone may import {limit:,}.")
    return None


def _ruled_out_lately(batch: ImportBatch) -> int:
    """By imports that nobody else said yes to: many small parts of a list are a large one."""
    approved = set(
        Approval.objects.filter(act=ACT, incident=batch.incident_id, used_at__isnull=False).values_list(
            "thing", flat=True
        )
    )
    lately = ImportBatch.objects.filter(
        incident=batch.incident_id, state=ImportBatch.State.CONFIRMED, confirmed_at__gt=Now() - LATELY,
        counts__newly_ruled_out__gt=0,
    ).exclude(pk=batch.pk)  # fmt: skip
    return sum(one.counts["newly_ruled_out"] for one in lately if audit.name_of(one) not in approved)


def touched(batch: ImportBatch, comparison: Comparison) -> int:
    """Accounts that saving it would add, change or rule out."""
    leaving = comparison.newly_ruled_out if batch.mode == ImportBatch.Mode.REPLACE else 0
    return comparison.new + comparison.changed + leaving


def ask(batch: ImportBatch, comparison: Comparison, *, by: User, at: datetime | None = None) -> Approval:
    """Ask for a yes to exactly this file and what it would change now. Raises what keeps it from being imported.

    Whoever uploaded the file wrote it, whoever asks.
    """
    ruling_out.require(batch, newly_ruled_out=comparison.newly_ruled_out)
    why = needed(batch, comparison)
    return approvals.ask(
        act=ACT, thing=batch, hashes=_hashes(batch, comparison), summary=_summary(batch, comparison), by=by,
        page=page(batch), incident=batch.incident_id, at_least=why.at_least if why else 0, at=at or timezone.now(),
        authors=[batch.uploaded_by_id] if batch.uploaded_by_id else [],
    )  # fmt: skip


def require(batch: ImportBatch, comparison: Comparison, *, at: datetime | None = None) -> Approval | None:
    """In a save, over the comparison of that moment: the approval it spends; None where none is needed.

    Raises approvals.NotApproved, ruling_out.NeedsEvidence or ruling_out.RowsLeftOut.
    """
    ruling_out.require(batch, newly_ruled_out=comparison.newly_ruled_out)
    why = needed(batch, comparison)
    if why is None:
        withdraw(batch, because="no second person is needed any more", by=None, at=at)
        return None
    try:
        return approvals.use(act=ACT, thing=batch, hashes=_hashes(batch, comparison), at_least=why.at_least, at=at)
    except approvals.NotApproved as no:
        raise approvals.NotApproved(f"{why.because} {no}") from None


@dataclass(frozen=True, slots=True)
class Gate:
    """What a batch page says between the comparison and the button.

    touched: accounts. refusal: why it cannot be imported as it is. approval: the newest request, where it still is
    about this.
    """

    touched: int
    refusal: str
    needs_evidence: bool
    rules_out: bool
    needed: Needed | None
    approval: Approval | None
    outdated: bool

    @property
    def is_open(self) -> bool:
        """Whether it can be imported now."""
        given = self.approval is not None and self.approval.state == "given"
        return not self.refusal and not self.needs_evidence and (self.needed is None or given)


def gate(batch: ImportBatch, comparison: Comparison) -> Gate:
    refusal, needs_evidence = "", False
    try:
        ruling_out.require(batch, newly_ruled_out=comparison.newly_ruled_out)
    except ruling_out.RowsLeftOut as problem:
        refusal = str(problem)
    except ruling_out.NeedsEvidence:
        needs_evidence = True
    why, newest = needed(batch, comparison), asked(batch)
    is_of_now = holds(newest, batch, comparison)
    return Gate(
        touched=touched(batch, comparison), refusal=refusal, needs_evidence=needs_evidence,
        rules_out=comparison.newly_ruled_out > 0, needed=why,
        approval=newest if is_of_now or (newest and newest.state == "refused") else None,
        outdated=newest is not None and newest.state in {"open", "given"} and not is_of_now,
    )  # fmt: skip


def in_the_log(approval: Approval | None) -> dict[str, Any]:
    """With whose yes it was imported; `alone`, where the organisation asks for nobody's although many are touched."""
    return {"approval": approval.pk, "alone": approval.needs == 0} if approval else {}


def asked(batch: ImportBatch) -> Approval | None:
    """The newest request about it; None where nobody has asked."""
    return approvals.newest(ACT, batch)


def holds(approval: Approval | None, batch: ImportBatch, comparison: Comparison) -> bool:
    """Whether it is about the batch as it stands: not spent, refused or void, and nothing has changed since."""
    if approval is None or approval.state not in {"open", "given"}:
        return False
    return approval.hashes == _hashes(batch, comparison)


def withdraw(batch: ImportBatch, *, because: str, by: User | None, at: datetime | None = None) -> None:
    """End a request nobody has to answer any more."""
    approvals.void(act=ACT, thing=batch, because=because, by=by, at=at)


def page(batch: ImportBatch) -> str:
    """Where it is judged."""
    return reverse("incidents:affected_import", args=[batch.incident.slug, batch.number])


def _hashes(batch: ImportBatch, comparison: Comparison) -> dict[str, str]:
    counts = {name: batch.counts.get(name, 0) for name in FROM_THE_FILE}
    numbers = {name: getattr(comparison, name) for name in FROM_THE_COMPARISON}
    said = {"mode": batch.mode, "evidence": batch.evidence, "counts": counts, "comparison": numbers}
    return {"file": batch.sha256, "counts": hashlib.sha256(audit.canonical(said).encode()).hexdigest()}


def _summary(batch: ImportBatch, comparison: Comparison) -> str:
    parts = [
        (comparison.new, "new"), (comparison.changed, "changed"), (comparison.newly_ruled_out, "ruled out"),
    ]  # fmt: skip
    said = ", ".join(f"{number:,} {what}" for number, what in parts if number) or "nothing new"
    return (
        f"Import {batch.number} of “{batch.incident.title[:200]}”: {_accounts(touched(batch, comparison))}"
        f" ({said}). {comparison.after:,} would be owed a notice, {comparison.owed_before:,} are now."
    )


def _accounts(number: int) -> str:
    return "1 account" if number == 1 else f"{number:,} accounts"
