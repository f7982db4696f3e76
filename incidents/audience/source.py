"""An untrusted file as lines and records: one at a time, hashed and counted on the way, never held as a whole."""

import csv
import hashlib
from collections.abc import Callable, Iterator
from typing import Protocol

PIECE = 1 << 16  # bytes read at a time
LONGEST_RECORD = 1_000_000  # bytes of one row, over however many lines a quoted cell runs
LARGEST_FILE = 2_000_000_000  # bytes

BOM = b"\xef\xbb\xbf"
OTHER_KINDS = {
    b"PK\x03\x04": "an Excel workbook or another packed file (ZIP)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"RIFF": "a picture, a sound or a film (RIFF)",
    b"II*\0": "a picture (TIFF)",
    b"MM\0*": "a picture (TIFF)",
}
SAVE_AS_CSV = "Open it in the program it comes from, save it as “CSV UTF-8”, and upload that file."
SAVE_AS_UTF8 = (
    "Save it again as UTF-8: in Excel “CSV UTF-8 (comma delimited)”, in LibreOffice the character set"
    " “Unicode (UTF-8)”."
)
SAVE_WITH_NEWLINES = "Save it again with line ends of Windows or Unix (CRLF or LF)."
CLOSE_THE_QUOTE = "Look for a quotation mark there that is not closed, or not doubled inside a cell, and mend it."


class Binary(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class Refused(Exception):
    """The whole file cannot be read. Its words say what is wrong, in which line, and what to do."""

    def __init__(self, what: str, remedy: str, *, line: int | None = None) -> None:
        super().__init__(f"{f'Line {line}: ' if line else ''}{what} {remedy}")


class Source:
    """The bytes of one file. `line` is the number of the last line given out, `size` and `sha256` grow with reading."""

    def __init__(self, file: Binary, *, progress: Callable[[int], object] | None = None) -> None:
        self.size = 0
        self.line = 0
        self._file = file
        self._hash = hashlib.sha256()
        self._progress = progress
        self._record_size = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def drain(self) -> None:
        """Hash what nobody wants to read any more, so that a refused file can still be told apart from another."""
        for _ in self._pieces():
            pass

    def lines(self) -> Iterator[str]:
        """Line by line, with its end. Raises Refused for what is no text in UTF-8."""
        rest = b""
        for piece in self._pieces():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield self._text(line + b"\n")
            if len(rest) > LONGEST_RECORD:
                self._text(rest)
        if rest:
            yield self._text(rest)

    def records(self, lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """(line it begins in, cells) of every row that is not blank."""
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            begins = self.line + 1
            self._record_size = 0
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise _refusal_of(error, begins) from None
            if any(cell and not cell.isspace() for cell in cells):
                yield begins, cells

    def _pieces(self) -> Iterator[bytes]:
        while piece := self._file.read(PIECE):
            first = self.size == 0
            self.size += len(piece)
            self._hash.update(piece)
            if self._progress:
                self._progress(len(piece))
            if first:
                _refuse_other_kinds(piece)
            if self.size > LARGEST_FILE:
                raise Refused("The file is larger than 2 GB.", "Split it into several files.")
            yield piece

    def _text(self, line: bytes) -> str:
        self.line += 1
        self._record_size += len(line)
        if self.line == 1:
            line = line.removeprefix(BOM)
            if b"\r" in line.rstrip(b"\r\n"):
                raise Refused("The lines end with CR alone, as on very old Macs.", SAVE_WITH_NEWLINES, line=1)
        if b"\0" in line:
            raise Refused("There are NUL bytes: this is no text, or it is UTF-16.", SAVE_AS_UTF8, line=self.line)
        if self._record_size > LONGEST_RECORD:
            raise Refused("This row is longer than a million bytes.", CLOSE_THE_QUOTE, line=self.line)
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("This is not UTF-8; perhaps Windows-1252.", SAVE_AS_UTF8, line=self.line) from None


def _refuse_other_kinds(beginning: bytes) -> None:
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused("The file is UTF-16.", SAVE_AS_UTF8)
    for magic, kind in OTHER_KINDS.items():
        if beginning.startswith(magic):
            raise Refused(f"This is {kind}, not a CSV file.", SAVE_AS_CSV)


def _refusal_of(error: csv.Error, line: int) -> Refused:
    words = str(error)
    if "unexpected end of data" in words:
        return Refused("A quotation mark opens in this row and is never closed.", CLOSE_THE_QUOTE, line=line)
    if "field larger" in words:
        return Refused("A cell in this row is longer than 131,072 characters.", CLOSE_THE_QUOTE, line=line)
    if "new-line character" in words:
        return Refused("A line ends with CR alone.", SAVE_WITH_NEWLINES, line=line)
    return Refused("The quotation marks in this row do not fit.", CLOSE_THE_QUOTE, line=line)
