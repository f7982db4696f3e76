import logging
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import PurePath
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Max

from accounts.models import User
from incidents.audience.counts import count
from incidents.audience.folding import fold
from incidents.audience.formats import open_table
from incidents.audience.mapping import columns_of
from incidents.audience.rows import Problem, Reader, Staged
from incidents.audience.source import Binary, Refused, Source
from incidents.models import ImportBatch, Incident, RejectedRow, StagedRow

logger = logging.getLogger(__name__)

CHUNK = 5000  # rows copied at a time
NO_ROOM = (
    "The database could not take the rows; nothing was stored. Try again. If it happens again, ask whoever runs the"
    " database whether its disk is full."
)


class _Discarded(Exception):
    """Somebody discarded the batch while it was being read."""


def read(incident: Incident, file: Binary, *, file_name: str, by: User | None, source: ImportBatch.Source | str,
         progress: Callable[[int], object] | None = None, meanings: Mapping[str, str] | None = None,
         format: dict[str, Any] | None = None) -> ImportBatch:  # fmt: skip
    """Read a file of affected accounts into the staging table; the batch, staged or refused (or discarded meanwhile).

    A file that cannot be read as a whole gives a batch in state refused whose `refusal` says what, where and what
    to do; it has no rows. A row that cannot be read is in `rejected_rows`, and the others go on.
    progress: called with the number of bytes just read. meanings: {header: meaning}, the others are read as last time
    or as guessed; format: see formats.Format, what it does not say is detected.
    """
    batch = _begin(incident, file_name, by=by, source=source)
    batch.columns, batch.format = dict(meanings or {}), dict(format or {})
    bytes_of_file = Source(file, progress=progress)
    try:
        with transaction.atomic():
            _stage(batch, bytes_of_file)
            _finish(batch, bytes_of_file, ImportBatch.State.STAGED)
    except Refused as refused:
        _drain(bytes_of_file)
        _refuse(batch, bytes_of_file, str(refused))
    except OperationalError:
        # A full disk, a lost connection. Where not even this can be written the batch stays "being read".
        logger.exception("import %s of incident %s could not be stored", batch.number, incident.pk)
        _refuse(batch, bytes_of_file, NO_ROOM)
    except _Discarded:
        batch.refresh_from_db()
    return batch


@transaction.atomic
def _begin(incident: Incident, file_name: str, *, by: User | None, source: str) -> ImportBatch:
    Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)  # numbers without gaps or twins
    last = ImportBatch.objects.filter(incident=incident).aggregate(last=Max("number"))["last"] or 0
    return ImportBatch.objects.create(
        incident=incident, number=last + 1, file_name=_plain(file_name), uploaded_by=by, source=source
    )


def _plain(file_name: str) -> str:
    """The last part of a path, without what a terminal or a header would act upon."""
    name = PurePath(file_name.replace("\\", "/")).name
    return "".join(letter for letter in name if unicodedata.category(letter)[0] != "C")[-255:]


def _stage(batch: ImportBatch, source: Source) -> None:
    table = open_table(source, wanted=batch.format)
    columns = columns_of(table, batch.columns)
    batch.columns, batch.format = columns.as_json(), table.format.as_json()
    reader = Reader(columns, batch.incident.segments.all())
    rows = 0
    while chunk := list(islice(table.rows, CHUNK)):
        rows += len(chunk)
        staged, problems = reader.read(chunk)
        _copy_into(StagedRow, Staged._fields, batch, staged)
        _copy_into(RejectedRow, Problem._fields, batch, problems)
    fold(batch)
    batch.counts = count(batch, read=rows)


def _refuse(batch: ImportBatch, source: Source, why: str) -> None:
    batch.refusal, batch.columns, batch.counts = why, {}, {}
    with suppress(_Discarded):
        _finish(batch, source, ImportBatch.State.REFUSED)


def _finish(batch: ImportBatch, source: Source, state: ImportBatch.State) -> None:
    ended = {
        "state": state, "sha256": source.sha256, "size": source.size,
        "refusal": batch.refusal, "columns": batch.columns, "format": batch.format, "counts": batch.counts,
    }  # fmt: skip
    if not ImportBatch.objects.filter(pk=batch.pk, state=ImportBatch.State.READING).update(**ended):
        raise _Discarded
    batch.refresh_from_db()


def _copy_into(model, fields: tuple[str, ...], batch: ImportBatch, rows: list) -> None:
    if not rows:
        return
    names = ", ".join(connection.ops.quote_name(name) for name in ("batch_id", *fields))
    with connection.cursor() as cursor, cursor.copy(f"COPY {model._meta.db_table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row((batch.pk, *row))


def _drain(source: Source) -> None:
    try:
        source.drain()
    except Refused:
        return
