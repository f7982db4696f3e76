"""Imports are worked on in the background, one after another; what a dead worker or a broken database left is mended.

Any worker may take up any batch at any moment: reading begins anew from the pieces of the upload, comparing writes
nothing but what it found, and saving is one transaction. A ring wakes a worker at once, beat rings every few seconds.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from incidents.audience import comparing, pushing, reading, saving
from incidents.audience.claiming import claimed, ring, worked_on
from incidents.models import ImportBatch, StagedRow, UploadPiece

logger = logging.getLogger(__name__)

State = ImportBatch.State
PATIENCE = timedelta(seconds=60)  # between the row of a batch and the claim of whoever reads it from a file of theirs
MOST_TRIES = 3

UPLOAD_AGAIN = "Nothing of this file was imported. Upload it again."
BROKEN_OFF = f"Reading was broken off: whoever read this file is gone. {UPLOAD_AGAIN}"
GIVEN_UP = (
    "It was tried {tries} times, and the worker ended each time before the work was done. Ask whoever runs this house."
)


def compare_again(batch: ImportBatch) -> bool:
    """Have a worker compare a staged batch with what we hold by now. False: it does not wait any more."""
    again = ImportBatch.objects.filter(pk=batch.pk, state=State.STAGED).update(comparison={}, tries=0)
    ring()
    return bool(again)


def work() -> int:
    """Do all that waits and that nobody else works on; how many batches were worked on."""
    mend()
    seen: set[int] = set()
    done = 0
    while batch := _waiting().exclude(pk__in=seen | worked_on()).select_related("incident").order_by("pk").first():
        seen.add(batch.pk)
        with claimed(batch) as ours:
            done += ours and _work_on(batch)
    return done


def work_on(batch: ImportBatch) -> bool:
    """Do what waits of this one here and now. False: there was nothing, or somebody works on it already."""
    with claimed(batch) as ours:
        return ours and _work_on(batch)


def mend() -> None:
    """What no worker can go on with: rows that a crash of PostgreSQL emptied, readers that died, work that kills,
    pushes whose end nobody sends.
    """
    pushing.forget_abandoned()
    for batch in _without_rows():
        lost_rows(batch)
    alone = ImportBatch.objects.filter(
        ~Exists(UploadPiece.objects.filter(batch=OuterRef("pk"))), state=State.READING, worked_at__lt=Now() - PATIENCE
    )
    for batch in alone.exclude(pk__in=worked_on()):
        with claimed(batch) as ours:
            if ours:
                _refuse(batch, BROKEN_OFF)
    for batch in _unfinished().filter(tries__gte=MOST_TRIES).exclude(pk__in=worked_on()):
        _give_up(batch)


def _unfinished() -> QuerySet[ImportBatch]:
    pieces = Exists(UploadPiece.objects.filter(batch=OuterRef("pk")))
    return ImportBatch.objects.filter(
        Q(pieces, state=State.READING) | Q(state=State.CONFIRMING) | Q(state=State.STAGED, comparison={})
    )


def _waiting() -> QuerySet[ImportBatch]:
    return _unfinished().filter(tries__lt=MOST_TRIES)


def _without_rows() -> QuerySet[ImportBatch]:
    rows = Exists(StagedRow.objects.filter(batch=OuterRef("pk")))
    return ImportBatch.objects.filter(~rows, state__in=[State.STAGED, State.CONFIRMING], counts__accounts__gt=0)


def _work_on(batch: ImportBatch) -> bool:
    """One step of a batch that is claimed. An error is no end: the batch is taken up again, a few times."""
    still = _waiting().filter(pk=batch.pk)
    if not still.update(tries=F("tries") + 1, worked_at=Now()):
        return False
    batch.refresh_from_db()
    try:
        match batch.state:
            case State.READING:
                reading.read_received(batch)
                saving.put_away(batch, by=batch.uploaded_by)
            case State.CONFIRMING:
                _save(batch)
            case _:
                comparing.compare(batch)
                ImportBatch.objects.filter(pk=batch.pk).update(tries=0)
    except Exception:
        logger.exception("work on import %s of incident %s broke off", batch.number, batch.incident_id)
    return True


def _save(batch: ImportBatch) -> None:
    try:
        saving.save(batch, by=batch.asked_by, beyond_estimate=batch.beyond_estimate)
    except saving.RowsLost:
        lost_rows(batch)
    except saving.STOPS as problem:
        _back_to_waiting(batch, str(problem))
    except saving.NotWaiting:
        return  # discarded, or saved from the command line meanwhile


def lost_rows(batch: ImportBatch) -> None:
    """Read it again where its bytes are still there; otherwise say that they are lost."""
    if not batch.pieces.exists():
        _refuse(batch, f"{saving.ROWS_LOST} {UPLOAD_AGAIN}")
        return
    again = ImportBatch.objects.filter(pk=batch.pk, state__in=[State.STAGED, State.CONFIRMING])
    again.update(
        state=State.READING, rows_read=0, bytes_read=0, tries=0, comparison={}, counts={},
        stopped=f"{saving.ROWS_LOST} The file was read again. Look at it, and import it again.",
    )  # fmt: skip
    ring()


@transaction.atomic
def _refuse(batch: ImportBatch, why: str) -> None:
    open_still = [State.READING, State.STAGED, State.CONFIRMING]
    won = ImportBatch.objects.filter(pk=batch.pk, state__in=open_still).update(
        state=State.REFUSED, refusal=why, columns={}, counts={}, comparison={}, stopped=""
    )
    if won:
        reading.forget_rows(batch)
        UploadPiece.objects.filter(batch=batch).delete()


def _give_up(batch: ImportBatch) -> None:
    why = GIVEN_UP.format(tries=batch.tries)
    if batch.state == State.READING:
        _refuse(batch, f"{why} {UPLOAD_AGAIN}")
    else:
        _back_to_waiting(batch, why)


def _back_to_waiting(batch: ImportBatch, why: str) -> None:
    ImportBatch.objects.filter(pk=batch.pk, state__in=[State.CONFIRMING, State.STAGED]).update(
        state=State.STAGED, stopped=why
    )
