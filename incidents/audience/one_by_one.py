"""One account at a time, the same way as a file of one row: with evidence, approval, history and undo."""

import io
from datetime import datetime

from accounts.models import Account, User
from incidents.audience import approving, comparing, reading, ruling_out, saving
from incidents.models import AffectedAccount, ImportBatch


class NotThisOne(Exception):
    """A row cannot name this account so that no other is meant, or it is ruled out already. Nothing was done."""


def rule_out(affected: AffectedAccount, *, evidence: str, by: User, at: datetime | None = None) -> ImportBatch:
    """The import that rules it out: confirmed, or staged where other people have been asked to say yes first.

    Raises NotThisOne or ruling_out.NeedsEvidence.
    """
    if affected.certainty == AffectedAccount.Certainty.RULED_OUT:
        raise NotThisOne("This account is ruled out already.")
    if not ruling_out.is_evidence(evidence):
        raise ruling_out.NeedsEvidence("Say what shows that this account was not affected, in a sentence at least.")
    _refuse_twins(affected.account)
    batch = reading.read(
        affected.incident, io.BytesIO(ruling_out.file_of(affected)), file_name="", by=by,
        source=ImportBatch.Source.ROOM, mode=ImportBatch.Mode.RULE_OUT, evidence=evidence,
    )  # fmt: skip
    comparison = comparing.compare(batch) if batch.state == ImportBatch.State.STAGED else None
    if comparison is None or comparison.newly_ruled_out != 1:
        raise NotThisOne(f"The account could not be named in a file. {batch.refusal}".strip())
    if approving.needed(batch, comparison) and approving.ask(batch, comparison, by=by, at=at).state != "given":
        return batch
    return saving.save(batch, by=by, at=at)


def _refuse_twins(account: Account) -> None:
    """Somebody without an id is known by an address, and the first account that has it would be meant."""
    if account.external_id:
        return
    address = account.addresses.order_by("kind", "pk").first()
    same = Account.objects.filter(external_id=None, addresses__lookup=address.lookup) if address else Account.objects
    if address is None or same.order_by("pk").first() != account:
        raise NotThisOne(
            "This account has no id, and no address of its own by which a file could name it. Give it an id first."
        )
