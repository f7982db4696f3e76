"""The bytes of an upload in the database, where any worker on any machine can read them."""

import io
from collections.abc import Iterable, Iterator

from django.db import connection

from incidents.models import ImportBatch, UploadPiece

SIZE = 1 << 20  # bytes of a piece
KEPT = 4  # pieces in memory at a time: a workbook is read in two places at once


def keep(batch: ImportBatch, parts: Iterable[bytes]) -> None:
    """Write them as they come, in pieces of one size."""
    table = connection.ops.quote_name(UploadPiece._meta.db_table)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} (batch_id, number, content) FROM STDIN WITH (FORMAT BINARY)") as copy,
    ):
        copy.set_types(["int8", "int4", "bytea"])
        for number, piece in enumerate(_of_one_size(parts)):
            copy.write_row((batch.pk, number, piece))


def forget(batch: ImportBatch) -> None:
    """Nobody needs to read it again."""
    UploadPiece.objects.filter(batch=batch).delete()


class Pieces(io.RawIOBase):
    """The pieces of an upload as one file: a few of them in memory. They may be of any size but zero."""

    def __init__(self, batch: ImportBatch) -> None:
        super().__init__()
        self._pieces = UploadPiece.objects.filter(batch=batch)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT number, octet_length(content) FROM incidents_uploadpiece WHERE batch_id = %s ORDER BY number",
                [batch.pk],
            )
            sizes = cursor.fetchall()
        self._starts: list[tuple[int, int]] = []  # (where it starts, its number)
        self._size = 0
        for number, size in sizes:
            self._starts.append((self._size, number))
            self._size += size
        self._at = self._index = 0
        self._kept: dict[int, bytes] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def, override]
        if self._at >= self._size:
            return 0
        start, piece = self._piece()
        part = piece[self._at - start : self._at - start + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _piece(self) -> tuple[int, bytes]:
        """The one that holds the next byte, and where it starts."""
        while self._starts[self._index][0] > self._at:
            self._index -= 1
        while self._index + 1 < len(self._starts) and self._starts[self._index + 1][0] <= self._at:
            self._index += 1
        start, number = self._starts[self._index]
        if number not in self._kept:
            while len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[number] = bytes(self._pieces.values_list("content", flat=True).get(number=number))
        return start, self._kept[number]


def _of_one_size(parts: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for part in parts:
        held += part
        while len(held) >= SIZE:
            yield bytes(held[:SIZE])
            del held[:SIZE]
    if held:
        yield bytes(held)
