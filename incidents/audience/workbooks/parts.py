"""An XML part of a workbook, element by element, with a limit on everything a bomb could be made of."""

import struct
import zlib
from collections.abc import Callable
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from incidents.audience.source import LONGEST_RECORD, PIECE, SAVE_AS_CSV, Refused

MOST_ENTRIES = 5_000
LARGEST = 2_000_000_000  # bytes of all parts, unpacked
ALWAYS_FINE = 50_000_000  # bytes unpacked, before the ratio matters
MOST_PER_BYTE = 200
DEEPEST = 100  # elements inside each other; a cell is the fifth

# What zipfile and zlib raise over bytes that only begin like a workbook: places before the file, sizes without end.
BROKEN = (
    BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, KeyError, OverflowError, RuntimeError,
)  # fmt: skip

DAMAGED = "The workbook is damaged."
SAVE_AGAIN = "Open it in Excel or LibreOffice, save it again as .xlsx or as “CSV UTF-8”, and upload that file."


class Part:
    """One XML part of the workbook, element by element. Elements go by their names without a namespace."""

    def __init__(self, archive: ZipFile, name: str, *, largest: int = LARGEST) -> None:
        try:
            self._stream = archive.open(name)
        except BROKEN:
            raise Refused(DAMAGED, SAVE_AGAIN) from None
        self._left = largest
        self._without_end = 0
        self._depth = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = _refuse_doctype

    def feed(self) -> bool:
        """Parse the next stretch of it; False at the end."""
        try:
            piece = self._stream.read(PIECE)
            self._left -= len(piece)
            end = piece.rfind(b">")
            self._without_end = self._without_end + len(piece) if end < 0 else len(piece) - end
            if self._left < 0 or self._without_end > LONGEST_RECORD:
                raise Refused("A part of the workbook is far too large.", SAVE_AS_CSV)
            self.parser.Parse(piece, not piece)
        except (*BROKEN, expat.ExpatError):
            raise Refused(DAMAGED, SAVE_AGAIN) from None
        return bool(piece)

    def listen(self, *, start: Callable[[str, dict[str, str]], object], end: Callable[[str], object] | None = None,
               text: Callable[[str], object] | None = None) -> None:  # fmt: skip
        """Who is told of elements and text. Names come without the namespace's prefix."""

        def on_start(name: str, attributes: dict[str, str]) -> None:
            self._depth += 1
            if self._depth > DEEPEST:
                raise Refused(DAMAGED, SAVE_AGAIN)
            start(_KIND[name], attributes)

        def on_end(name: str) -> None:
            self._depth -= 1
            if end:
                end(_KIND[name])

        self.parser.StartElementHandler = on_start
        self.parser.EndElementHandler = on_end
        self.parser.CharacterDataHandler = text

    def elements(self, start: Callable[[str, dict[str, str]], object]) -> None:
        """For the small parts: all at once."""
        self.listen(start=start)
        while self.feed():
            pass


class _Kinds(dict[str, str]):
    """Names of elements without their namespace's prefix, each looked at once."""

    def __missing__(self, name: str) -> str:
        found = local(name)
        if len(self) < 1000:
            self[name] = found
        return found


_KIND = _Kinds()


def local(name: str) -> str:
    return name.rpartition(":")[2]


def number(text: str | None) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Refused(DAMAGED, SAVE_AGAIN)
    return int(text)


def _refuse_doctype(*_: object) -> None:
    raise Refused("The workbook declares entities of its own, as no program does that writes lists.", SAVE_AGAIN)


def refuse_a_bomb(entries: list[ZipInfo]) -> None:
    """Declared sizes are kept to: zipfile reads no more of an entry than it says it holds."""
    packed, out = sum(entry.compress_size for entry in entries), sum(entry.file_size for entry in entries)
    if len(entries) > MOST_ENTRIES:
        raise Refused(f"There are {len(entries):,} files in this workbook.", SAVE_AGAIN)
    if out > LARGEST or out > max(ALWAYS_FINE, packed * MOST_PER_BYTE):
        raise Refused("Unpacked, this workbook is far larger than a list of people.", SAVE_AS_CSV)
    if any(entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED} for entry in entries):
        raise Refused("The workbook is packed in a way that Excel does not know.", SAVE_AGAIN)
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refused("The workbook is locked with a password.", "Save it without one.")
