"""The one place where a file becomes accounts, addresses and affected accounts: all of it, or nothing."""

from collections.abc import Callable
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from incidents.audience.comparing import Comparison, of_resolved
from incidents.audience.resolving import resolve
from incidents.models import ImportBatch, StagedRow

LOCK = 0x41554449  # advisory lock; the second number is the incident's, 0 the accounts' of the house


class NotWaiting(Exception):
    """The batch is not waiting for confirmation: somebody was faster, or it never was. The message says which."""


class BeyondEstimate(Exception):
    """The file says more than the page; the message says how much. Confirm it explicitly, or correct the page."""


class SegmentGone(Exception):
    """A segment the rows name was removed after they were read."""


STATEMENTS = (
    # Ids are taken beforehand, so that a person without an id of ours is found again by the statements below.
    "ALTER TABLE imported ADD COLUMN made boolean NOT NULL DEFAULT false",
    """
    UPDATE imported SET made = true, account_id = nextval(pg_get_serial_sequence('accounts_account', 'id'))
     WHERE account_id IS NULL
    """,
    "CREATE INDEX ON imported (account_id)",
    "ANALYZE imported",
    """
    INSERT INTO accounts_account (id, external_id, kind, name, locale, jurisdiction)
    SELECT account_id, nullif(external_id, ''), CASE external_id WHEN '' THEN 'person' ELSE 'customer' END,
           name, locale, jurisdiction
      FROM imported WHERE made ORDER BY external_id
        ON CONFLICT (external_id) DO NOTHING
    """,
    # An account that appeared from elsewhere since the tables were filled.
    """
    UPDATE imported SET account_id = account.id, made = false
      FROM accounts_account account
     WHERE made AND imported.external_id <> '' AND account.external_id = imported.external_id
       AND account.id <> imported.account_id
    """,
    """
    UPDATE accounts_account account
       SET name = coalesce(nullif(imported.name, ''), account.name),
           locale = coalesce(nullif(imported.locale, ''), account.locale),
           jurisdiction = coalesce(nullif(imported.jurisdiction, ''), account.jurisdiction)
      FROM imported
     WHERE account.id = imported.account_id AND NOT imported.made
       AND ((imported.name <> '' AND imported.name <> account.name)
         OR (imported.locale <> '' AND imported.locale <> account.locale)
         OR (imported.jurisdiction <> '' AND imported.jurisdiction <> account.jurisdiction))
    """,
    # A file may take trust from an address, never give it back: somebody had a reason.
    """
    INSERT INTO accounts_address AS held (account_id, kind, role, value, normal, lookup, trusted)
    SELECT imported.account_id, said.kind, coalesce(said.role, 'owner'), said.value, said.normal, said.lookup,
           said.trusted
      FROM imported_address said JOIN imported USING (account_key)
      LEFT JOIN accounts_address known
             ON known.account_id = imported.account_id AND known.kind = said.kind AND known.normal = said.normal
     WHERE known.id IS NULL OR said.role <> known.role OR (known.trusted AND NOT said.trusted)
     ORDER BY said.line
        ON CONFLICT (account_id, kind, normal) DO UPDATE
           SET role = excluded.role, trusted = held.trusted AND excluded.trusted
    """,
    """
    INSERT INTO incidents_affectedaccount AS held (incident_id, account_id, certainty, facts, batch_id)
    SELECT %(incident)s, account_id, coalesce(nullif(certainty, ''), 'confirmed'), facts, %(batch)s
      FROM (SELECT DISTINCT ON (account_id) * FROM imported WHERE affected_id IS NULL ORDER BY account_id, line) AS new
     ORDER BY line
        ON CONFLICT (incident_id, account_id) DO NOTHING
    """,
    """
    UPDATE incidents_affectedaccount affected
       SET certainty = coalesce(nullif(imported.certainty, ''), affected.certainty),
           facts = affected.facts || imported.facts,
           changed_in_id = %(batch)s
      FROM imported
     WHERE affected.id = imported.affected_id AND imported.changes
    """,
    """
    INSERT INTO incidents_affectedaccount_segments (affectedaccount_id, segment_id)
    SELECT DISTINCT affected.id, segment.id
      FROM imported
     CROSS JOIN jsonb_array_elements_text(imported.segments) AS said(key)
      JOIN incidents_segment segment ON segment.incident_id = %(incident)s AND segment.key = said.key
      JOIN incidents_affectedaccount affected
        ON affected.incident_id = %(incident)s AND affected.account_id = imported.account_id
        ON CONFLICT (affectedaccount_id, segment_id) DO NOTHING
    """,
)

LOST_SEGMENTS = """
SELECT DISTINCT said.key
  FROM imported CROSS JOIN jsonb_array_elements_text(imported.segments) AS said(key)
 WHERE NOT EXISTS (SELECT 1 FROM incidents_segment segment
                    WHERE segment.incident_id = %(incident)s AND segment.key = said.key)
"""


@transaction.atomic
def save(batch: ImportBatch, *, by: User | None, at: datetime | None = None, beyond_estimate: bool = False,
         waiting: Callable[[], object] | None = None) -> ImportBatch:  # fmt: skip
    """Write a staged batch: accounts, addresses, affected accounts and their segments, in one transaction.

    The batch, confirmed, with what happened added to its counts (new, changed, unchanged, missing).
    beyond_estimate: yes, although it is more than the page says. waiting: called when another import is being saved
    and this one has to wait for it.
    Raises NotWaiting, BeyondEstimate or SegmentGone, and has then written nothing.
    """
    at = at or timezone.now()
    _wait_for_others(batch, waiting)
    won = ImportBatch.objects.filter(pk=batch.pk, state=ImportBatch.State.STAGED).update(
        state=ImportBatch.State.CONFIRMED, confirmed_at=at, confirmed_by=by
    )
    batch.refresh_from_db()
    if not won:
        raise NotWaiting(_why_not(batch))
    resolve(batch)
    comparison = of_resolved(batch)
    if comparison.stop and not beyond_estimate:
        raise BeyondEstimate(comparison.verdict)
    _refuse_lost_segments(batch)
    _write(batch)
    StagedRow.objects.filter(batch=batch).delete()
    batch.counts |= _happened(comparison)
    batch.save(update_fields=["counts"])
    audit.record(
        act="import.confirmed", thing=batch, by=by, at=at, incident=batch.incident_id, counts=batch.counts,
        sha256=batch.sha256, beyond_estimate=comparison.stop,
    )  # fmt: skip
    return batch


@transaction.atomic
def discard(batch: ImportBatch, *, by: User | None, at: datetime | None = None, because: str = "") -> ImportBatch:
    """Forget the rows of a batch that nobody confirmed; the batch itself and what was wrong with it stay.

    Raises NotWaiting where there is nothing to discard any more.
    """
    unfinished = [ImportBatch.State.STAGED, ImportBatch.State.READING]
    won = ImportBatch.objects.filter(pk=batch.pk, state__in=unfinished).update(state=ImportBatch.State.DISCARDED)
    batch.refresh_from_db()
    if not won:
        raise NotWaiting(_why_not(batch))
    StagedRow.objects.filter(batch=batch).delete()
    audit.record(act="import.discarded", thing=batch, by=by, at=at, incident=batch.incident_id, sha256=batch.sha256,
                 **({"because": because} if because else {}))  # fmt: skip
    return batch


@transaction.atomic
def put_away(batch: ImportBatch, *, by: User | None, at: datetime | None = None) -> bool:
    """Discard a batch that waits for nothing: it holds nothing new and left no row out. Whether it did so.

    A file uploaded twice would otherwise wait for good, and keep the page from saying that everyone was told.
    """
    if batch.state != ImportBatch.State.STAGED or batch.counts["rejected"]:
        return False
    resolve(batch)
    comparison = of_resolved(batch)
    if not comparison.nothing_new:
        return False
    discard(batch, by=by, at=at, because="it holds nothing new")
    batch.counts |= _happened(comparison)
    batch.save(update_fields=["counts"])
    return True


def _wait_for_others(batch: ImportBatch, waiting: Callable[[], object] | None) -> None:
    """One import into an incident at a time, and one at a time into the accounts of the house: without the second
    lock two incidents could each make an account for the same person.
    """
    with connection.cursor() as cursor:
        for number in (batch.incident_id, 0):
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, number])
            if cursor.fetchone()[0]:
                continue
            if waiting:
                waiting()
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, number])


def _why_not(batch: ImportBatch) -> str:
    match batch.state:
        case ImportBatch.State.CONFIRMED:
            who = batch.confirmed_by.get_full_name() if batch.confirmed_by else "the command line"
            return f"Import {batch.number} was already confirmed by {who}. Nothing was done a second time."
        case ImportBatch.State.DISCARDED:
            return f"Import {batch.number} was discarded. Upload the file again if it is needed after all."
        case ImportBatch.State.REFUSED:
            return f"Import {batch.number} could not be read, so there is nothing in it to import."
        case _:
            return f"Import {batch.number} is still being read. Try again in a moment."


def _refuse_lost_segments(batch: ImportBatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOST_SEGMENTS, {"incident": batch.incident_id})
        lost = [key for (key,) in cursor.fetchall()]
    if lost:
        raise SegmentGone(
            f"The segment {', '.join(f'“{key}”' for key in sorted(lost))} was removed after this file was read."
            " Discard this import and upload the file again."
        )


def _write(batch: ImportBatch) -> None:
    with connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement, {"incident": batch.incident_id, "batch": batch.pk})


def _happened(comparison: Comparison) -> dict[str, int]:
    return {name: getattr(comparison, name) for name in ("new", "changed", "unchanged", "missing")}
