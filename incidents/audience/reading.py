"""From the bytes of a file to rows in the staging table: part by part, so that its progress can be seen."""

import gc
import logging
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import PurePath
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Max
from django.db.models.functions import Now

from accounts.models import User
from incidents.audience import comparing
from incidents.audience.claiming import claimed
from incidents.audience.copying import copy_problems, copy_staged
from incidents.audience.counts import count
from incidents.audience.delimited import Row
from incidents.audience.folding import fold
from incidents.audience.formats import open_table
from incidents.audience.mapping import columns_of
from incidents.audience.pieces import Pieces
from incidents.audience.planning import expect_many_rows
from incidents.audience.rows import Problem, Reader, Staged
from incidents.audience.source import Binary, Refused, Source
from incidents.models import Finding, ImportBatch, Incident, RejectedRow, StagedRow, UploadPiece

logger = logging.getLogger(__name__)

PART = 10_000  # rows read and copied at a time; as many are lost at most when reading is broken off
A_FEW = 500
LETTERS = 20_000_000  # of one part: rows may be a million bytes long
NO_ROOM = (
    "The database could not take the rows; nothing was stored. Try again. If it happens again, ask whoever runs the"
    " database whether its disk is full."
)


class _Discarded(Exception):
    """Somebody discarded the batch while it was being read."""


def read(incident: Incident, file: Binary, *, file_name: str, by: User | None, source: ImportBatch.Source | str,
         progress: Callable[[int], object] | None = None, mode: ImportBatch.Mode | str = ImportBatch.Mode.ADD,
         evidence: str = "", meanings: Mapping[str, str] | None = None,
         format: dict[str, Any] | None = None) -> ImportBatch:  # fmt: skip
    """Read a file of affected accounts into the staging table; the batch, staged or refused (or discarded meanwhile).

    A file that cannot be read as a whole gives a batch in state refused whose `refusal` says what, where and what
    to do; it has no rows. A row that cannot be read is in `rejected_rows`, and the others go on.
    progress: called with the number of bytes just read. meanings: {header: meaning}, the others are read as last time
    or as guessed; format: see formats.Format, what it does not say is detected.
    """
    with transaction.atomic():
        batch = new_batch(incident, file_name=file_name, by=by, source=source, mode=mode, evidence=evidence,
                          columns=dict(meanings or {}), format=dict(format or {}))  # fmt: skip
    bytes_of_file = Source(file, progress=progress)
    with claimed(batch):
        try:
            _read(batch, bytes_of_file)
        except OperationalError:
            # A full disk, a lost connection. Where not even this can be written a worker says so later.
            logger.exception("import %s of incident %s could not be stored", batch.number, batch.incident_id)
            _refuse(batch, bytes_of_file, NO_ROOM)
    return batch


def read_received(batch: ImportBatch) -> ImportBatch:
    """The same from the pieces of an upload, from the beginning however far somebody came before.

    Call it while holding the claim to the batch.
    """
    with transaction.atomic():
        forget_rows(batch)
    _read(batch, Source(Pieces(batch)))
    return batch


def new_batch(incident: Incident, *, file_name: str, by: User | None, **fields: object) -> ImportBatch:
    """The next of the incident's imports, being read unless a state is given. Call it inside a transaction."""
    Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)  # numbers without gaps or twins
    last = ImportBatch.objects.filter(incident=incident).aggregate(last=Max("number"))["last"] or 0
    return ImportBatch.objects.create(
        incident=incident, number=last + 1, file_name=_plain(file_name), uploaded_by=by, worked_at=Now(), **fields
    )


def forget_rows(batch: ImportBatch) -> None:
    """All that was read from the file; its bytes stay."""
    for model in (StagedRow, RejectedRow, Finding):
        model._default_manager.filter(batch=batch).delete()


def _plain(file_name: str) -> str:
    """The last part of a path, without what a terminal or a header would act upon."""
    name = PurePath(file_name.replace("\\", "/")).name
    return "".join(letter for letter in name if unicodedata.category(letter)[0] != "C")[-255:]


def _read(batch: ImportBatch, source: Source) -> None:
    try:
        rows = _stage(batch, source)
        with transaction.atomic():
            expect_many_rows()
            fold(batch)
            batch.counts = count(batch, read=rows)
            comparing.compare(batch)
            _finish(batch, source, ImportBatch.State.STAGED)
    except Refused as refused:
        _drain(source)
        _refuse(batch, source, str(refused))
    except _Discarded:
        StagedRow.objects.filter(batch=batch).delete()
        batch.refresh_from_db()


def _stage(batch: ImportBatch, source: Source) -> int:
    """Copy the rows that pass and the problems of those that do not; how many rows there were."""
    table = open_table(source, wanted=batch.format)
    columns = columns_of(table, batch.columns)
    batch.headers, batch.columns, batch.format = columns.headers, columns.as_json(), table.format.as_json()
    reader = Reader(columns, batch.incident.segments.all())
    rows = 0
    with _no_garbage():
        while part := _next_part(table.rows):
            rows += len(part)
            problems: list[Problem] = []
            with transaction.atomic():
                copy_staged(batch, _passed(reader, part, problems))
                copy_problems(batch, problems)
                _still_reading(batch, rows_read=rows, bytes_read=source.size, worked_at=Now())
    return rows


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Rows hold no cycles: to look for some among so many again and again took a third of the time of reading."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def _next_part(rows: Iterator[Row]) -> list[Row]:
    """PART rows, or fewer where they are long: memory stays as it is."""
    part: list[Row] = []
    letters = 0
    while len(part) < PART and letters < LETTERS and (few := list(islice(rows, 20))):
        part += few
        letters += sum([len("".join(cells)) for _, cells in few])
    return part


def _passed(reader: Reader, part: list[Row], problems: list[Problem]) -> Iterator[list[Staged]]:
    """A few rows at a time: PostgreSQL takes them while the next are being read. The others go to `problems`."""
    for start in range(0, len(part), A_FEW):
        staged, wrong = reader.read(part[start : start + A_FEW])
        problems += wrong
        yield staged


def _still_reading(batch: ImportBatch, **fields: object) -> None:
    """Write that, unless somebody discarded the batch meanwhile: then nothing of the transaction may stay."""
    if not ImportBatch.objects.filter(pk=batch.pk, state=ImportBatch.State.READING).update(**fields):
        raise _Discarded


def _refuse(batch: ImportBatch, source: Source, why: str) -> None:
    batch.refusal, batch.columns, batch.counts, batch.comparison = why, {}, {}, {}
    with suppress(_Discarded), transaction.atomic():
        forget_rows(batch)
        UploadPiece.objects.filter(batch=batch).delete()
        _finish(batch, source, ImportBatch.State.REFUSED)


def _finish(batch: ImportBatch, source: Source, state: ImportBatch.State) -> None:
    _still_reading(
        batch, state=state, tries=0, sha256=source.sha256, size=source.size, refusal=batch.refusal,
        headers=batch.headers, columns=batch.columns, format=batch.format, counts=batch.counts,
        comparison=batch.comparison,
    )  # fmt: skip
    batch.refresh_from_db()


def _drain(source: Source) -> None:
    try:
        source.drain()
    except Refused:
        return
