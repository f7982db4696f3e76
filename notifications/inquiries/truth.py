"""What is so for one mailbox in one incident. Asked by keyed hash, by a worker, never within a request."""

from dataclasses import dataclass

from accounts.models import Address
from incidents.models import AffectedAccount, Incident
from notifications.models import InquiryAnswer

Case = InquiryAnswer.Case


@dataclass(frozen=True)
class Truth:
    """case: which text says it; LISTED where the account stands in `affected`, at `address`."""

    case: str
    affected: AffectedAccount | None = None
    address: Address | None = None


def of(incident: Incident, lookup: bytes) -> Truth:
    """The first that holds: an account there is owed a notice; only at a mailbox not trusted; ruled out; none.

    An address that was withdrawn is not theirs any more: whoever reads it now has no part in the account.
    """
    held = _held(incident, lookup)
    owed = [(affected, address) for affected, address in held if not _is_ruled_out(affected)]
    for affected, address in owed:
        if address.trusted:
            return Truth(Case.LISTED, affected, address)
    if owed:
        return Truth(Case.ELSEWHERE)
    return Truth(Case.RULED_OUT if any(address.trusted for _, address in held) else Case.NOT_LISTED)


def _held(incident: Incident, lookup: bytes) -> list[tuple[AffectedAccount, Address]]:
    addresses = Address.objects.filter(
        lookup=lookup, kind=Address.Kind.EMAIL, withdrawn_at=None, account__affected_in__incident=incident
    )
    by_account = {address.account_id: address for address in addresses.order_by("pk")}
    affected = AffectedAccount.objects.filter(incident=incident, account__in=by_account).select_related("account")
    rows = [(one, by_account[one.account_id]) for one in affected.order_by("pk")]
    for one, _ in rows:
        one.incident = incident
    return rows


def _is_ruled_out(affected: AffectedAccount) -> bool:
    return affected.certainty == AffectedAccount.Certainty.RULED_OUT
