"""Taking an import back, as long as nobody was told because of it: what it added goes, what it changed is as before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts import audit
from accounts.models import Account, Address, User
from incidents.audience import comparing, distrusting, turns
from incidents.models import AffectedAccount, ImportBatch


class CannotUndo(Exception):
    """The import stays; the message says what stands in the way."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What undoing would do. obstacle: why it cannot be done; empty where it can."""

    leaving: int
    restored: int
    obstacle: str


# An account known from elsewhere may have changes of this import and be new to the incident with it, too.
MADE = "SELECT id FROM incidents_affectedaccount WHERE batch_id = %(batch)s"
FIELDS_BACK = ", ".join(
    f"""{field} = CASE WHEN back.after ->> '{field}' = account.{field} THEN back.before ->> '{field}'
                       ELSE account.{field} END"""
    for field in ("name", "locale", "locale_from", "jurisdiction", "jurisdiction_from")
)
# What another import has said since is not taken back: a field goes back only where it still says what this one said.
GIVE_BACK = (
    "DROP TABLE IF EXISTS going_back, going",
    """
    CREATE TEMPORARY TABLE going_back ON COMMIT DROP AS
    SELECT affected.id AS affected_id, affected.account_id, change.before, change.after
      FROM incidents_accountchange change
      JOIN incidents_affectedaccount affected ON affected.id = change.affected_account_id
     WHERE change.batch_id = %(batch)s
    """,
    "ANALYZE going_back",
    f"""
    UPDATE accounts_account account SET {FIELDS_BACK} FROM going_back back
     WHERE account.id = back.account_id AND back.before ?| ARRAY['name', 'locale', 'locale_from', 'jurisdiction',
                                                                 'jurisdiction_from']
    """,  # noqa: S608  (fixed text)
    """
    UPDATE accounts_address address
       SET role = CASE WHEN address.role = was.after ->> 'role' THEN was.before ->> 'role' ELSE address.role END,
           trusted = CASE WHEN address.trusted = (was.after ->> 'trusted')::boolean
                          THEN (was.before ->> 'trusted')::boolean ELSE address.trusted END
      FROM (SELECT one.key::bigint AS id, one.value AS before, back.after -> 'addresses' -> one.key AS after
              FROM going_back back CROSS JOIN jsonb_each(back.before -> 'addresses') AS one
             WHERE back.before ? 'addresses') AS was
     WHERE address.id = was.id AND was.before <> was.after
    """,
    """
    DELETE FROM incidents_affectedaccount_segments member
     USING going_back back, incidents_segment segment
     WHERE member.affectedaccount_id = back.affected_id AND segment.id = member.segment_id
       AND back.after -> 'segments' ? segment.key AND NOT back.before -> 'segments' ? segment.key
    """,
    """
    UPDATE incidents_affectedaccount affected
       SET certainty = coalesce(back.before ->> 'certainty', affected.certainty),
           facts = coalesce(back.before -> 'facts', affected.facts),
           changed_in_id = (
               SELECT other.batch_id FROM incidents_accountchange other
                 JOIN incidents_importbatch batch ON batch.id = other.batch_id AND batch.state = 'confirmed'
                WHERE other.affected_account_id = affected.id AND other.batch_id <> %(batch)s
                ORDER BY other.id DESC LIMIT 1
           )
      FROM going_back back
     WHERE affected.id = back.affected_id
    """,
)
LATER = f"""
SELECT DISTINCT other.number
  FROM incidents_accountchange later
  JOIN incidents_importbatch other ON other.id = later.batch_id AND other.state = 'confirmed'
  LEFT JOIN incidents_accountchange own
         ON own.affected_account_id = later.affected_account_id AND own.batch_id = %(batch)s
 WHERE later.batch_id <> %(batch)s
   AND (own.id < later.id OR later.affected_account_id IN ({MADE}))
 ORDER BY other.number
"""  # noqa: S608  (fixed text)


# A later file that named somebody as we held them already left no trace on them: without this import they would be on
# no list, although two files said that they were affected.
NAMED_AGAIN = Q(mode__in=[ImportBatch.Mode.ADD, ImportBatch.Mode.REPLACE], counts__unchanged__gt=0)


def outlook(batch: ImportBatch) -> Outlook:
    """For the page that asks first."""
    return Outlook(
        leaving=AffectedAccount.objects.filter(batch=batch).count(),
        restored=batch.changes.exclude(affected_account__batch=batch).count(), obstacle=_obstacle(batch),
    )  # fmt: skip


@transaction.atomic
def undo(batch: ImportBatch, *, by: User, because: str, at: datetime | None = None) -> ImportBatch:
    """Take a confirmed import back, the newest that touched its accounts first. Raises CannotUndo.

    Accounts and addresses it made go, too, where nothing else has come to stand on them.
    """
    at = at or timezone.now()
    turns.take_turn(batch.incident_id)
    batch = ImportBatch.objects.select_for_update(of=("self",)).select_related("incident").get(pk=batch.pk)
    before = outlook(batch)
    if before.obstacle:
        raise CannotUndo(before.obstacle)
    given = {"batch": batch.pk, "incident": batch.incident_id, "written_at": batch.written_at}
    try:
        with connection.cursor() as cursor:
            for statement in (*GIVE_BACK, *_take_away()):
                cursor.execute(statement, given)
        connection.check_constraints()
    except IntegrityError:
        raise CannotUndo("Somebody is being written to in this very moment. Look again.") from None
    distrusting.apply_to_list(batch.incident)  # a rule made since may distrust what the import had
    batch.state, batch.undone_at, batch.undone_by, batch.undone_because = batch.State.UNDONE, at, by, because
    batch.save(update_fields=["state", "undone_at", "undone_by", "undone_because"])
    comparing.outdate(batch.incident)
    audit.record(
        act="import.undone", thing=batch, by=by, at=at, incident=batch.incident_id, number=batch.number,
        counts={"left the list": before.leaving, "as before": before.restored}, because=because, sha256=batch.sha256,
    )  # fmt: skip
    return batch


# What stands in the way -----------------------------------------------------------------------------------------


def _obstacle(batch: ImportBatch) -> str:
    if batch.state == ImportBatch.State.UNDONE:
        who = batch.undone_by.get_full_name() if batch.undone_by else "somebody"
        return f"Import {batch.number} was already undone by {who}."
    if batch.state != ImportBatch.State.CONFIRMED:
        return f"Import {batch.number} was not imported, so there is nothing to take back."
    if batch.written_at is None:
        return f"Import {batch.number} was imported before it was noted what an import makes; it cannot be taken back."
    told = _of(batch).filter(_told()).count()
    if told:
        accounts = "1 account has" if told == 1 else f"{told:,} accounts have"
        return (
            f"{accounts} been written to, or have answered, since they stand on the list. What they were told cannot be"
            " taken back: rule them out with evidence, or import them again as they should be."
        )
    with connection.cursor() as cursor:
        cursor.execute(LATER, {"batch": batch.pk})
        later = [number for (number,) in cursor.fetchall()]
    if later:
        return f"{_imports(later)} changed the same accounts later. Undo the newest first."
    again = _later(batch).filter(NAMED_AGAIN, incident=batch.incident_id).order_by("number")
    if again and batch.affected_accounts.exists():
        return (
            f"{_imports([one.number for one in again])} named accounts that were on the list already, perhaps those of"
            " this import. Nobody whom a later file names is taken off the list: undo the newest first."
        )
    return ""


def _imports(numbers: list[int]) -> str:
    return f"Import{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _later(batch: ImportBatch) -> models.QuerySet[ImportBatch]:
    """Imports of any incident that were saved after it and still stand."""
    return ImportBatch.objects.filter(state=ImportBatch.State.CONFIRMED, written_at__gt=batch.written_at)


def _of(batch: ImportBatch) -> models.QuerySet[AffectedAccount]:
    """Everybody it added or changed."""
    return AffectedAccount.objects.filter(Q(batch=batch) | Q(pk__in=batch.changes.values("affected_account")))


def _told() -> Q:
    """Somebody may not be deleted any more, ticked a step, or said that they read it.

    Whoever must not lose an affected account says so with its foreign key. That rooms above this one write to people
    is not known here, and need not be.
    """
    stands = Q(acknowledged_at__isnull=False)
    for relation in AffectedAccount._meta.related_objects:
        kept = getattr(relation, "on_delete", None) in {models.RESTRICT, models.PROTECT}
        if kept or relation.name == "step_states":
            rows = relation.related_model._default_manager.filter(**{relation.field.name: OuterRef("pk")})
            stands |= Q(Exists(rows))
    return stands


# What goes ------------------------------------------------------------------------------------------------------


# A later import of another incident may have named the address as one that we had already. Without it that incident
# could not reach the person any more.
NOT_SAID_AGAIN = """
AND NOT EXISTS (SELECT FROM incidents_affectedaccount other
                  JOIN incidents_importbatch later ON later.incident_id = other.incident_id
                   AND later.state = 'confirmed' AND later.written_at > %(written_at)s AND later.mode <> 'rule_out'
                 WHERE other.account_id = going.account_id AND other.incident_id <> %(incident)s)
"""


def _take_away() -> Iterator[str]:
    """In an order in which nothing is left pointing at what is gone."""
    yield """
    CREATE TEMPORARY TABLE going ON COMMIT DROP AS
    SELECT id AS affected_id, account_id FROM incidents_affectedaccount WHERE batch_id = %(batch)s
     UNION ALL SELECT NULL, account_id FROM going_back
    """
    yield "ANALYZE going"
    for table, column in (
        ("incidents_affectedaccount_segments", "affectedaccount_id"),
        ("incidents_accountchange", "affected_account_id"),
        ("incidents_affectedaccount", "id"),
    ):
        yield f"DELETE FROM {table} USING going WHERE {table}.{column} = going.affected_id"  # noqa: S608
    for model, column, said_again in ((Address, "account_id", NOT_SAID_AGAIN), (Account, "id", "")):
        table = model._meta.db_table
        yield f"""
        DELETE FROM {table} USING (SELECT DISTINCT account_id FROM going) AS going
         WHERE {table}.{column} = going.account_id AND {table}.created_at = %(written_at)s {_unused(model)} {said_again}
        """  # noqa: S608


def _unused(model: type[models.Model]) -> str:
    """Nothing in any room points at the row."""
    own = model._meta.db_table
    others = ((one.related_model._meta.db_table, one.field.column) for one in model._meta.related_objects)
    return " ".join(
        f"AND NOT EXISTS (SELECT FROM {table} other WHERE other.{column} = {own}.id)"  # noqa: S608
        for table, column in others
    )
