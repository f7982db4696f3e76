"""Addresses that are not to be trusted, by domain, role or segment. Trust is taken, never given back by a rule."""

from datetime import datetime

from django.db import connection, transaction

from accounts import audit
from accounts.models import Address, User
from incidents.audience import rules, turns
from incidents.models import AddressRule, ImportBatch, Incident

Kind = AddressRule.Kind


class NotOne(Exception):
    """There is no such domain, role or segment; the message says what to write."""


class AlreadyThere(Exception):
    """The incident already distrusts these addresses."""


WHOSE = """ incidents_affectedaccount affected
 WHERE affected.incident_id = %(incident)s AND address.account_id = affected.account_id AND address.trusted
"""
TAKE = f"UPDATE accounts_address address SET trusted = false FROM {WHOSE}"  # noqa: S608  (fixed text)
COUNT = f"SELECT count(DISTINCT address.id) FROM accounts_address address, {WHOSE}"  # noqa: S608  (fixed text)
OF_THE_BATCH = " AND (affected.batch_id = %(batch)s OR affected.changed_in_id = %(batch)s)"
TESTS = {
    Kind.DOMAIN: " AND address.kind = 'email' AND split_part(address.normal, '@', 2) = %(value)s",
    Kind.ROLE: " AND address.role = %(value)s",
    Kind.SEGMENT: """
   AND EXISTS (SELECT FROM incidents_affectedaccount_segments member
                 JOIN incidents_segment segment ON segment.id = member.segment_id
                WHERE member.affectedaccount_id = affected.id AND segment.key = %(value)s
                  AND segment.incident_id = %(incident)s)""",
}


def normal(incident: Incident, kind: str, value: str) -> str:
    """The value as it is kept. Raises NotOne."""
    value = value.strip()
    if kind == Kind.DOMAIN:
        if domain := rules.domain_of(value):
            return domain
        raise NotOne("Write the domain as addresses have it, such as example.com.")
    known = Address.Role.values if kind == Kind.ROLE else list(incident.segments.values_list("key", flat=True))
    if value.casefold() not in known:
        raise NotOne(f"Write one of these: {', '.join(known)}." if known else "This incident has no segment yet.")
    return value.casefold()


@transaction.atomic
def distrust(incident: Incident, *, kind: str, value: str, because: str, by: User, at: datetime | None = None) -> int:
    """From now on no address of this kind is written to; how many lost our trust. Raises NotOne or AlreadyThere."""
    turns.take_turn(incident.pk)  # an import that is just being saved knows nothing of the rule
    value = normal(incident, kind, value)
    rule, is_new = AddressRule.objects.get_or_create(
        incident=incident, kind=kind, value=value, defaults={"because": because, "by": by}
    )
    if not is_new:
        raise AlreadyThere(f"This already stands among the rules: {rule}.")
    lost = _apply(rule)
    audit.record(act="address_rule.made", thing=rule, by=by, at=at, incident=incident.pk, kind=kind, value=value,
                 because=because, addresses=lost)  # fmt: skip
    return lost


@transaction.atomic
def end(rule: AddressRule, *, by: User, at: datetime | None = None) -> None:
    """Later imports are not held to it any more. Addresses that lost our trust do not get it back."""
    audit.record(act="address_rule.ended", thing=rule, by=by, at=at, incident=rule.incident_id, kind=rule.kind,
                 value=rule.value)  # fmt: skip
    rule.delete()


def would_lose(incident: Incident, kind: str, value: str) -> int:
    """How many addresses would lose our trust now."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT + TESTS[Kind(kind)], {"incident": incident.pk, "value": value})
        return cursor.fetchone()[0]


def apply(batch: ImportBatch) -> int:
    """In a save, to the accounts it added or changed, after the rules of segments; how many lost our trust."""
    return sum(_apply(rule, batch) for rule in batch.incident.address_rules.all())


def apply_to_list(incident: Incident) -> int:
    """Again to everybody: a segment that a rule names may have got more accounts, or an undo given trust back."""
    return sum(_apply(rule) for rule in incident.address_rules.all())


def _apply(rule: AddressRule, batch: ImportBatch | None = None) -> int:
    given: dict[str, int | str | None] = {
        "incident": rule.incident_id, "value": rule.value, "batch": batch.pk if batch else None,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(TAKE + (OF_THE_BATCH if batch else "") + TESTS[Kind(rule.kind)], given)
        return cursor.rowcount
