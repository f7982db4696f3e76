"""Whom nothing has reached: the last message, why it did not arrive, and their other addresses in order."""

from collections.abc import Collection
from dataclasses import dataclass

from accounts.models import Address
from incidents.models import AffectedAccount
from notifications.models import Recipient

WHY_NOT = {
    Address.Kind.POST: "for a letter",
    Address.Kind.PHONE: "for a call",
}


@dataclass(frozen=True)
class Place:
    """One address of theirs, in the order in which they are tried, and what came of it."""

    address: Address
    recipient: Recipient | None

    @property
    def words(self) -> str:
        if self.recipient:
            return self.recipient.reason or self.recipient.get_state_display()
        if self.address.withdrawn_at:
            return "withdrawn"
        if self.address.kind in WHY_NOT:
            return WHY_NOT[Address.Kind(self.address.kind)]
        return "not tried yet" if self.address.trusted else "not trusted: nothing is sent there"


def read(affected: Collection[int]) -> dict[int, tuple[Recipient | None, list[Place]]]:
    """By affected account: the last message that was tried, and every address with what came of it."""
    rows = AffectedAccount.objects.filter(pk__in=affected).values_list("pk", "account_id")
    account_of = dict(rows)
    addresses: dict[int, list[Address]] = {}
    for address in Address.objects.filter(account__in=account_of.values()):
        addresses.setdefault(address.account_id, []).append(address)
    recipients: dict[int, list[Recipient]] = {}
    started = Recipient.objects.filter(affected_account__in=affected).exclude(state=Recipient.State.PREPARED)
    for recipient in started.order_by("pk"):
        recipients.setdefault(recipient.affected_account_id, []).append(recipient)
    found = {}
    for pk, account in account_of.items():
        tried = recipients.get(pk, [])
        by_address = {one.address_id: one for one in tried if one.address_id}
        places = [Place(one, by_address.get(one.pk)) for one in sorted(addresses.get(account, []), key=_rank)]
        found[pk] = (tried[-1] if tried else None, places)
    return found


def _rank(address: Address) -> tuple[int, int, int]:
    return (Address.Kind.values.index(address.kind), Address.Role.values.index(address.role), address.pk)
