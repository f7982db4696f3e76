"""An address somebody tells support is wrong: another takes its place once a second person has said yes."""

import hashlib
from datetime import datetime

from django.db import transaction
from django.urls import reverse

from accounts import approvals, audit
from accounts.addresses import lookup_hash, normalise
from accounts.models import Address, Approval, User
from incidents.models import AffectedAccount
from notifications.models import AddressCorrection, ReaderLink

ACT = Approval.Act.CORRECT


class CannotCorrect(Exception):
    """Nothing was changed: the message says why."""


@transaction.atomic
def ask(
    affected: AffectedAccount, old: Address, *, value: str, because: str, by: User, at: datetime
) -> AddressCorrection:
    """Raises CannotCorrect where the account has this address already."""
    if old.account_id != affected.account_id:
        raise CannotCorrect("This is not an address of theirs.")
    _refuse_over(old, value)
    made = AddressCorrection.objects.create(
        affected_account=affected, old=old, value=value, because=because, asked_by=by, asked_at=at
    )
    approvals.ask(
        act=ACT, thing=made, hashes=_hashes(made), by=by, at=at, incident=affected.incident_id, at_least=1,
        summary=f"Write to another address of account number {affected.account_id}, because: {because}"[:500],
        page=reverse("notifications:correction", args=[affected.incident.slug, affected.pk, made.pk]),
    )  # fmt: skip
    return made


@transaction.atomic
def carry_out(correction: AddressCorrection, *, by: User, at: datetime) -> Address:
    """The old address is withdrawn and its links revoked, in every incident. Raises approvals.NotApproved."""
    correction = AddressCorrection.objects.select_for_update(of=("self",)).get(pk=correction.pk)
    if correction.done_at or not correction.value:
        raise CannotCorrect("This correction is over already.")
    correction.approval = approvals.use(act=ACT, thing=correction, hashes=_hashes(correction), at=at)
    old = Address.objects.select_for_update(no_key=True).get(pk=correction.old_id)
    _refuse_over(old, correction.value)
    new = Address.objects.create(
        account=old.account, kind=old.kind, role=old.role, value=correction.value, created_at=at
    )
    Address.objects.filter(pk=old.pk, withdrawn_at=None).update(withdrawn_at=at)
    revoked = ReaderLink.objects.filter(address=old, revoked_at=None).update(revoked_at=at)
    correction.new, correction.done_at, correction.value = new, at, ""
    correction.save(update_fields=["approval", "new", "done_at", "value"])
    audit.record(act="address.corrected", thing=new, by=by, at=at, incident=correction.affected_account.incident_id,
                 account=old.account_id, withdrawn=old.pk, links_revoked=revoked,
                 because=correction.because)  # fmt: skip
    return new


def _refuse_over(old: Address, value: str) -> None:
    """Asked again when it is carried out: another correction may have come first."""
    if old.kind != Address.Kind.EMAIL or old.withdrawn_at:
        raise CannotCorrect("This is not an email address of theirs that is in use.")
    if Address.objects.filter(account=old.account_id, kind=Address.Kind.EMAIL, normal=normalise(value)).exists():
        raise CannotCorrect("This address is on file for them already.")


def _hashes(correction: AddressCorrection) -> dict[str, str]:
    new = lookup_hash(normalise(correction.value)).hex()
    said = audit.canonical({"account": correction.affected_account_id, "old": correction.old_id, "new": new})
    return {"correction": hashlib.sha256(said.encode()).hexdigest()}
