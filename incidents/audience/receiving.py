"""An upload waits with its bytes until somebody has said what its columns mean; then a worker reads it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import audit
from accounts.models import User
from incidents.audience import formats, mapping
from incidents.audience.claiming import ring
from incidents.audience.columns import Columns, Problem, problems, refuse_problems
from incidents.audience.guessing import guess
from incidents.audience.pieces import Pieces, keeping
from incidents.audience.reading import new_batch
from incidents.audience.source import UNREADABLE, Binary, Refused, Source
from incidents.models import ColumnMapping, ImportBatch, Incident

SAMPLES = 5  # values shown for each column
LONGEST_SAMPLE = 60


class NotReceived(Exception):
    """Its columns are not asked for: somebody answered before, or its bytes are still coming."""


@dataclass(frozen=True, slots=True)
class ColumnsPreview:
    """What a received file seems to hold. samples: a few different values of each column, as they stand there.

    remembered: what somebody took these headers for before; `columns` then says the same. odd_lines: some lines with
    letters that only the right encoding shows rightly. notes: what else somebody should know, in sentences.
    """

    format: formats.Format
    columns: Columns
    samples: list[list[str]]
    problems: list[Problem]
    sheets: list[str]
    remembered: ColumnMapping | None
    odd_lines: list[tuple[int, str]]
    notes: list[str]


def receive(incident: Incident, file: Binary, *, file_name: str, by: User | None, source: ImportBatch.Source | str,
            mode: ImportBatch.Mode | str = ImportBatch.Mode.ADD, evidence: str = "", idempotency_key: str = "",
            at: datetime | None = None) -> ImportBatch:  # fmt: skip
    """The batch of an upload, received; or refused, where the file as a whole cannot be understood."""
    received = Source(file)
    with transaction.atomic():
        batch = new_batch(
            incident, file_name=file_name, by=by, source=source, state=ImportBatch.State.RECEIVED, mode=mode,
            evidence=evidence, idempotency_key=idempotency_key,
        )  # fmt: skip
        try:
            with transaction.atomic():
                _keep(batch, received)
        except Refused as refused:
            with suppress(Refused):
                received.drain()
            batch.state, batch.refusal, batch.format = ImportBatch.State.REFUSED, str(refused), {}
        batch.sha256, batch.size = received.sha256, received.size
        batch.save(update_fields=["state", "refusal", "format", "sha256", "size"])
        audit.record(
            act="import.uploaded", thing=batch, by=by, at=at or timezone.now(), incident=incident.pk,
            number=batch.number, sha256=batch.sha256,
        )  # fmt: skip
    return batch


def preview_columns(batch: ImportBatch) -> ColumnsPreview:
    """Reads as little of it as it can. Raises Refused where the file cannot be read as its format says."""
    table = _open(batch)
    rows = [cells for _, cells in table.looked_at]
    before = mapping.remembered(table.headers)
    columns = guess(table.headers, rows, boldly=True)
    if before:
        columns = Columns(table.headers, list(before.meanings.values()))
    return ColumnsPreview(
        format=table.format, columns=columns, samples=_samples(len(table.headers), rows), problems=problems(columns),
        sheets=table.sheets, remembered=before,
        odd_lines=formats.odd_lines(Source(Pieces(batch), hashed=False), table.format),
        notes=_notes(batch, table),
    )  # fmt: skip


def read_as(batch: ImportBatch, *, format: Mapping[str, Any]) -> ImportBatch:
    """Take it for another format: what `format` says of it. Raises Refused where it cannot be that."""
    with _received(batch) as ours:
        ours.format = _open(ours, format).format.as_json()
        ours.save(update_fields=["format"])
    return ours


def begin(batch: ImportBatch, *, meanings: Mapping[str, str], by: User | None, at: datetime,
          format: Mapping[str, Any] | None = None) -> ImportBatch:  # fmt: skip
    """Have a worker read it so; the meanings are remembered for the next file with these headers.

    meanings: {header: meaning} of every column; one that is left out is not read. Raises NotReceived or Refused.
    """
    with _received(batch) as ours:
        table = _open(ours, format)
        columns = Columns(table.headers, [meanings.get(header, "ignore") for header in table.headers])
        refuse_problems(columns)
        mapping.remember(columns, by=by, at=at)
        ours.state, ours.worked_at = ImportBatch.State.READING, Now()
        ours.headers, ours.columns, ours.format = columns.headers, columns.as_json(), table.format.as_json()
        ours.save(update_fields=["state", "worked_at", "headers", "columns", "format"])
        ring()
    return ours


def waits_for_columns(batch: ImportBatch) -> bool:
    """All its bytes are there, and nobody has said yet what they mean."""
    return batch.state == ImportBatch.State.RECEIVED and bool(batch.sha256)


@contextmanager
def _received(batch: ImportBatch) -> Iterator[ImportBatch]:
    """The batch to ourselves, still waiting for its columns."""
    with transaction.atomic():
        ours = ImportBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
        if not waits_for_columns(ours):
            raise NotReceived(
                f"Import {ours.number} does not wait for its columns: it is {ours.get_state_display().lower()}."
                " Nothing was changed."
            )
        yield ours


def _open(batch: ImportBatch, format: Mapping[str, Any] | None = None) -> formats.Table:
    return formats.open_table(
        Source(Pieces(batch), hashed=False), wanted=batch.format | dict(format or {}), headerless=True
    )


def _keep(batch: ImportBatch, received: Source) -> None:
    """Its bytes go into the database while somebody looks whether they are text; then its beginning is read."""
    with keeping(batch) as keep:
        encoding = formats.encoding_of(_each(received.pieces(), keep))
    batch.format = {"encoding": encoding}
    batch.format = _open(batch).format.as_json()


def _notes(batch: ImportBatch, table: formats.Table) -> list[str]:
    by_name = formats.note_on(batch.file_name, table.format)
    above = [f"Line {line} stands above the columns and is not read: “{_title(cells)}”." for line, cells in table.above]
    return [by_name, *above] if by_name else above


def _title(cells: list[str]) -> str:
    return _clipped(" · ".join(cell.strip() for cell in cells if cell.strip()).replace(UNREADABLE, ""))


def _each(pieces: Iterator[bytes], act: Callable[[bytes], None]) -> Iterator[bytes]:
    for piece in pieces:
        act(piece)
        yield piece


def _samples(width: int, rows: list[list[str]]) -> list[list[str]]:
    def of_column(index: int) -> list[str]:
        cells = (row[index].strip().replace(UNREADABLE, "") for row in rows if len(row) == width)
        different = dict.fromkeys(cell for cell in cells if cell)
        return [_clipped(cell) for cell in islice(different, SAMPLES)]

    return [of_column(index) for index in range(width)]


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST_SAMPLE else text[: LONGEST_SAMPLE - 1] + "…"
