"""The bytes of an upload in the database, where any worker on any machine can read them."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.models import Func, IntegerField

from incidents.models import ImportBatch, UploadPiece

SIZE = 1 << 20  # bytes of a piece
KEPT = 4  # pieces in memory at a time: a workbook is read in two places at once


@contextmanager
def keeping(batch: ImportBatch) -> Iterator[Callable[[bytes], None]]:
    """A function that takes the bytes as they come; they are kept in pieces of one size once the block has ended."""
    held = bytearray()
    number = 0
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY incidents_uploadpiece (batch_id, number, content) FROM STDIN WITH (FORMAT BINARY)") as copy,
    ):
        copy.set_types(["int8", "int4", "bytea"])

        def write(size: int) -> None:
            nonlocal number
            copy.write_row((batch.pk, number, bytes(held[:size])))
            del held[:size]
            number += 1

        def take(part: bytes) -> None:
            held.extend(part)
            while len(held) >= SIZE:
                write(SIZE)

        yield take
        if held:
            write(len(held))


class Pieces(io.RawIOBase):
    """The pieces of an upload as one file: a few of them in memory. They may be of any size but zero."""

    def __init__(self, batch: ImportBatch) -> None:
        super().__init__()
        self._pieces = UploadPiece.objects.filter(batch=batch)
        sizes = self._pieces.order_by("number").annotate(size=Func("content", function="octet_length",
                                                                   output_field=IntegerField()))  # fmt: skip
        self._starts: list[tuple[int, int]] = []  # (where it starts, its number)
        self._size = 0
        for number, size in sizes.values_list("number", "size"):
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

    def readinto(self, buffer) -> int:
        filled = 0
        while filled < len(buffer) and self._at < self._size:
            start, piece = self._piece()
            part = piece[self._at - start : self._at - start + len(buffer) - filled]
            buffer[filled : filled + len(part)] = part
            filled += len(part)
            self._at += len(part)
        return filled

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
