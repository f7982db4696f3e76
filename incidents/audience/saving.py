"""Saying yes to what was read: all of it becomes accounts, addresses and affected accounts, or nothing does."""

from collections.abc import Callable
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.approvals import NotApproved
from accounts.models import User
from incidents.audience import approving, distrusting, history, inferring, rules, ruling_out, turns
from incidents.audience.claiming import ring
from incidents.audience.comparing import Comparison, compared, of_resolved, outdate
from incidents.audience.resolving import resolve
from incidents.audience.writing import write
from incidents.models import ImportBatch, StagedRow, UploadPiece

State = ImportBatch.State


class NotWaiting(Exception):
    """The batch is not waiting for confirmation: somebody was faster, or it never was. The message says which."""


class BeyondEstimate(Exception):
    """The file says more than the page; the message says how much. Confirm it explicitly, or correct the page."""


class SegmentGone(Exception):
    """A segment the rows name was removed after they were read."""


class RowsLost(Exception):
    """The rows are no longer in the staging table: PostgreSQL crashed after they were read."""


# What a person can mend, or say yes to; the words of each say how.
STOPS = (
    BeyondEstimate, SegmentGone, RowsLost, NotApproved, ruling_out.NeedsEvidence, ruling_out.RowsLeftOut,
)  # fmt: skip

LOST_SEGMENTS = """
SELECT DISTINCT said.key
  FROM imported CROSS JOIN jsonb_array_elements_text(imported.segments) AS said(key)
 WHERE imported.segments <> '[]'
   AND NOT EXISTS (SELECT 1 FROM incidents_segment segment
                    WHERE segment.incident_id = %(incident)s AND segment.key = said.key)
"""

ROWS_LOST = "The database broke down after this file was read, and its rows are lost."


@transaction.atomic
def ask_to_save(batch: ImportBatch, *, by: User, at: datetime | None = None,
                beyond_estimate: bool = False) -> ImportBatch:  # fmt: skip
    """Have a worker save it. Whatever stops that stands in `stopped` afterwards, and the batch waits as before.

    Raises NotWaiting.
    """
    _refuse_unless(batch, State.STAGED)
    won = ImportBatch.objects.filter(pk=batch.pk, state=State.STAGED).update(
        state=State.CONFIRMING, asked_by=by, beyond_estimate=beyond_estimate, stopped="", tries=0,
        worked_at=at or timezone.now(),
    )  # fmt: skip
    batch.refresh_from_db()
    if not won:
        raise NotWaiting(_why_not(batch))
    ring()
    return batch


@transaction.atomic
def save(batch: ImportBatch, *, by: User | None, at: datetime | None = None, beyond_estimate: bool = False,
         waiting: Callable[[], object] | None = None) -> ImportBatch:  # fmt: skip
    """Write a batch that waits: accounts, addresses, affected accounts and their segments, in one transaction.

    The batch, confirmed, with what happened added to its counts (new, changed, unchanged, missing).
    beyond_estimate: yes, although it is more than the page says. waiting: called when another import is being saved
    and this one has to wait for it.
    Raises NotWaiting or one of STOPS, and has then written nothing.
    """
    at = at or timezone.now()
    turns.take_turn(batch.incident_id, waiting)
    won = ImportBatch.objects.filter(pk=batch.pk, state__in=[State.STAGED, State.CONFIRMING]).update(
        state=State.CONFIRMED, confirmed_at=at, confirmed_by=by, stopped="", tries=0
    )
    batch.refresh_from_db()
    if not won:
        raise NotWaiting(_why_not(batch))
    _refuse_lost_rows(batch)
    resolve(batch, take_numbers=True)
    comparison = of_resolved(batch)
    if comparison.stop and not beyond_estimate:
        raise BeyondEstimate(comparison.verdict)
    approval = approving.require(batch, comparison, at=at)
    _refuse_lost_segments(batch)
    history.before(batch)
    write(batch)
    ruling_out.apply(batch)
    inferring.infer(batch)
    rules.apply(batch)
    distrusting.apply(batch)
    history.keep(batch)
    _forget_the_file(batch)
    # Now and not at the commit: at a million rows it takes seconds, in which the log would be locked for everybody.
    connection.check_constraints()
    outdate(batch.incident_id, but=batch)
    ring()  # for the batches that are now to be compared anew
    batch.counts |= _happened(comparison)
    batch.save(update_fields=["counts"])
    audit.record(
        act="import.confirmed", thing=batch, by=by, at=at, incident=batch.incident_id, counts=told_counts(batch),
        sha256=batch.sha256, beyond_estimate=comparison.stop, number=batch.number, mode=batch.mode,
        **ruling_out.in_the_log(batch, comparison.newly_ruled_out), **approving.in_the_log(approval),
    )  # fmt: skip
    return batch


@transaction.atomic
def discard(batch: ImportBatch, *, by: User | None, at: datetime | None = None, because: str = "") -> ImportBatch:
    """Forget the rows of a batch that nobody confirmed; the batch itself and what was wrong with it stay.

    Raises NotWaiting where there is nothing to discard any more.
    """
    unfinished = [State.RECEIVED, State.READING, State.STAGED]
    _refuse_unless(batch, *unfinished)
    won = ImportBatch.objects.filter(pk=batch.pk, state__in=unfinished).update(state=State.DISCARDED, stopped="")
    batch.refresh_from_db()
    if not won:
        raise NotWaiting(_why_not(batch))
    _forget_the_file(batch)
    approving.withdraw(batch, because="the import was discarded", by=by, at=at)
    audit.record(act="import.discarded", thing=batch, by=by, at=at, incident=batch.incident_id, sha256=batch.sha256,
                 **({"because": because} if because else {}))  # fmt: skip
    return batch


@transaction.atomic
def put_away(batch: ImportBatch, *, by: User | None, at: datetime | None = None) -> bool:
    """Discard a batch that waits for nothing: it holds nothing new and left no row out. Whether it did so.

    A file uploaded twice would otherwise wait for good, and keep the page from saying that everyone was told. An undo
    since it was compared may have made it new: then it waits.
    """
    turns.take_turn(batch.incident_id)
    batch.refresh_from_db()
    comparison = compared(batch)
    if batch.state != State.STAGED or batch.counts["rejected"] or comparison is None or not comparison.nothing_new:
        return False
    discard(batch, by=by, at=at, because="it holds nothing new")
    batch.counts |= _happened(comparison)
    batch.save(update_fields=["counts"])
    return True


def _refuse_unless(batch: ImportBatch, *states: State) -> None:
    """At a look: whoever saves holds the row until the end, and nobody should wait that long to hear no."""
    batch.refresh_from_db()
    if batch.state not in states:
        raise NotWaiting(_why_not(batch))


def _why_not(batch: ImportBatch) -> str:
    match batch.state:
        case State.CONFIRMED:
            who = batch.confirmed_by.get_full_name() if batch.confirmed_by else "the command line"
            return f"Import {batch.number} was already confirmed by {who}. Nothing was done a second time."
        case State.DISCARDED:
            return f"Import {batch.number} was discarded. Upload the file again if it is needed after all."
        case State.REFUSED:
            return f"Import {batch.number} could not be read, so there is nothing in it to import."
        case State.CONFIRMING:
            return f"Import {batch.number} is being imported already. Nothing was done a second time."
        case State.UNDONE:
            return f"Import {batch.number} was undone. Upload the file again if it is needed after all."
        case State.RECEIVED:
            return f"The columns of import {batch.number} wait for a yes; it is not read yet."
        case _:
            return f"Import {batch.number} is still being read. Try again in a moment."


def _forget_the_file(batch: ImportBatch) -> None:
    StagedRow.objects.filter(batch=batch).delete()
    UploadPiece.objects.filter(batch=batch).delete()


def _refuse_lost_rows(batch: ImportBatch) -> None:
    if batch.counts["accounts"] and not batch.rows.exists():
        raise RowsLost(ROWS_LOST)


def _refuse_lost_segments(batch: ImportBatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOST_SEGMENTS, {"incident": batch.incident_id})
        lost = [key for (key,) in cursor.fetchall()]
    if lost:
        raise SegmentGone(
            f"The segment {', '.join(f'“{key}”' for key in sorted(lost))} was removed after this file was read."
            " Discard this import and upload the file again."
        )


def told_counts(batch: ImportBatch) -> dict[str, int]:
    """As log and evidence have them: what was found on the way is no outcome."""
    return {name: number for name, number in batch.counts.items() if name != "findings"}


HAPPENED = ("new", "changed", "unchanged", "missing", "newly_ruled_out", "not_held")


def _happened(comparison: Comparison) -> dict[str, int]:
    return {name: getattr(comparison, name) for name in HAPPENED}
