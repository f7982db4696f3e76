"""The bytes of one untrusted file: read in pieces, hashed and counted on the way, never held as a whole."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Protocol

PIECE = 1 << 18  # bytes read at a time
KEPT_IN_MEMORY = 8 << 20  # bytes of a workbook that comes through a pipe; more goes to a temporary file
LARGEST_FILE = 2_000_000_000  # bytes
LONGEST_RECORD = 1_000_000  # characters of one row, over however many lines a quoted cell runs
LONGEST_CELL = 131_072  # characters; csv's own limit

# Put before a value by whoever could read the cell and knows that it must not be believed, such as a formula that
# gave an error: it is a control character, so the row is rejected with its place and its value.
UNREADABLE = "\x1a"

SAVE_AS_CSV = "Open it in the program it comes from, save it as “CSV UTF-8”, and upload that file."


class Binary(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class Refused(Exception):
    """The whole file cannot be read. Its words say what is wrong, in which line, and what to do."""

    def __init__(self, what: str, remedy: str, *, line: int | None = None) -> None:
        super().__init__(f"{f'Line {line:,}: ' if line else ''}{what} {remedy}")


class Source:
    """The bytes of one file; `size` and `sha256` grow with reading.

    hashed: False where nobody will ask for the hash, so that no more is read than is looked at.
    """

    def __init__(self, file: Binary, *, progress: Callable[[int], object] | None = None, hashed: bool = True) -> None:
        self.size = 0
        self._file: Any = file
        self._hash = hashlib.sha256() if hashed else None
        self._progress = progress
        self._jumps = False  # somebody reads it from everywhere; nothing that it gives is new

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest() if self._hash else ""

    def pieces(self) -> Iterator[bytes]:
        """What has not been read yet, as it was received."""
        while not self._jumps and (piece := self._file.read(PIECE)):
            self.size += len(piece)
            if self._hash:
                self._hash.update(piece)
            if self._progress:
                self._progress(len(piece))
            if self.size > LARGEST_FILE:
                raise Refused("The file is larger than 2 GB.", "Split it into several files.")
            yield piece

    def drain(self) -> None:
        """Hash what nobody wants to read any more, so that a refused file can still be told apart from another."""
        for _ in self.pieces():
            pass

    def whole(self, beginning: bytes) -> IO[bytes]:
        """The same bytes from their beginning, where one can jump: workbooks have their table of contents at the end.

        beginning: what was read so far.
        """
        seekable = getattr(self._file, "seekable", None)
        if seekable and seekable():
            if self._hash:
                self.drain()
            self._jumps = True
            self._file.seek(0)
            return self._file
        return _spooled([beginning], self.pieces())


def _spooled(*parts: Iterable[bytes]) -> IO[bytes]:
    copy = SpooledTemporaryFile(max_size=KEPT_IN_MEMORY)  # noqa: SIM115  # whoever reads it lets it go
    for part in parts:
        for piece in part:
            copy.write(piece)
    copy.seek(0)
    return copy
