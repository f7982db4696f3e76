"""From the bytes of a file to its table: what kind of file it is, its headers, its rows."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from typing import Any

from incidents.audience import delimited, encodings, workbooks
from incidents.audience.columns import NAMES_SOMEBODY, named, numbered, refuse_too_many, squeezed
from incidents.audience.encodings import CHOOSE_THE_FILE, ENCODINGS
from incidents.audience.guessing import MEANING
from incidents.audience.source import SAVE_AS_CSV, Refused, Source
from incidents.audience.unpacking import MAGIC as GZIP_MAGIC
from incidents.audience.unpacking import unpacked

ENDINGS = (".csv", ".tsv", ".txt", ".gz", ".xlsx", ".xlsm")
SURE = {"utf-8", "utf-16-le", "utf-16-be"}  # a wrong guess would have shown
PIECES_LOOKED_THROUGH = 80  # for odd letters
LINES_SHOWN, LONGEST_LINE = 3, 200
LINES_ABOVE = 10  # that may stand over the columns: a title, a date
ROWS_LOOKED_AT = 200  # before anybody says what the columns mean
LETTERS_LOOKED_AT = 5_000_000  # a row may be a million bytes long

OTHER_KINDS = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls), or one that is locked with a password",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"RIFF": "a picture, a sound or a film (RIFF)",
    b"II*\0": "a picture (TIFF)",
    b"MM\0*": "a picture (TIFF)",
    b"{\\rtf": "a text document (RTF)",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"(\xb5/\xfd": "a Zstandard archive",
    b"SQLite format 3": "a database (SQLite)",
}


@dataclass(frozen=True, slots=True)
class Format:
    """How the bytes were read. Empty: not said, or it does not apply.

    kind: csv or xlsx. compression: gzip or empty. encoding: a key of ENCODINGS. header: whether the first row names
    the columns.
    """

    kind: str = ""
    compression: str = ""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header: bool | None = None

    @classmethod
    def wanted(cls, said: dict[str, Any] | None) -> "Format":
        """What somebody said of it; the rest is detected. Raises Refused for what cannot be."""
        known = {name: value for name, value in (said or {}).items() if name in cls.__slots__}
        form = cls(**known)
        if form.encoding and form.encoding not in ENCODINGS:
            raise Refused(f"There is no encoding “{form.encoding[:40]}”.", f"Choose among {', '.join(ENCODINGS)}.")
        if form.delimiter and form.delimiter not in delimited.DELIMITERS:
            raise Refused(f"“{form.delimiter[:10]}” cannot separate columns.", "Choose comma, semicolon, tab or bar.")
        return form

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def in_words(self) -> str:
        """“CSV, gzip, Windows-1252, semicolon”."""
        parts = [
            "Excel workbook" if self.kind == "xlsx" else "CSV",
            self.compression,
            ENCODINGS.get(self.encoding, ""),
            delimited.DELIMITERS.get(self.delimiter, ""),
            f"sheet “{self.sheet}”" if self.sheet else "",
            "without a header" if self.header is False else "",
        ]
        return ", ".join(part for part in parts if part)


@dataclass(slots=True)
class Table:
    """What a file holds: its headers, and its rows once. `looked_at` are the first of them, for guessing.

    above: lines over the headers that are no row of the table, such as a title; they are not read.
    """

    format: Format
    headers: list[str]
    rows: Iterator[delimited.Row]
    looked_at: list[delimited.Row]
    sheets: list[str] = field(default_factory=list)
    above: list[delimited.Row] = field(default_factory=list)


def open_table(source: Source, *, wanted: dict[str, Any] | None = None, headerless: bool = False) -> Table:
    """The table of a file that nobody has read yet. Raises Refused, also while its rows are read.

    wanted: see Format; what it does not say is detected. headerless: a first row that holds an address is data;
    otherwise such a file is refused, unless `wanted` says so.
    """
    form = Format.wanted(wanted)
    pieces = source.pieces()
    beginning = next(pieces, b"")
    if beginning.startswith(workbooks.MAGIC):
        workbook = workbooks.Workbook(source.whole(beginning))
        form = Format(kind="xlsx", sheet=form.sheet or workbook.sheets[0], header=form.header)
        return _table(form, workbook.rows(form.sheet), headerless=headerless, sheets=workbook.sheets)
    compression = ""
    texts: Iterator[bytes] = chain([beginning], pieces)
    if beginning.startswith(GZIP_MAGIC):
        compression, texts = "gzip", unpacked(texts)
        beginning = next(texts, b"")
        texts = chain([beginning], texts)
    _refuse_other_kinds(beginning, packed=bool(compression))
    encoding = form.encoding or encodings.detect(beginning, utf8=encodings.as_utf8(beginning))
    text = delimited.Delimited(texts, encoding)
    form = replace(form, kind="csv", compression=compression, encoding=encoding, sheet="",
                   delimiter=form.delimiter or _delimiter(text))  # fmt: skip
    return _table(form, text.rows(form.delimiter), headerless=headerless)


def encoding_of(pieces: Iterable[bytes]) -> str:
    """Of a whole text file, packed or not; read to its end. Empty: it is a workbook. Raises Refused."""
    pieces = iter(pieces)
    beginning = next(pieces, b"")
    pieces = chain([beginning], pieces)
    if beginning.startswith(workbooks.MAGIC):
        for _ in pieces:
            pass
        return ""
    if packed := beginning.startswith(GZIP_MAGIC):
        pieces = unpacked(pieces)
        beginning = next(pieces, b"")
        pieces = chain([beginning], pieces)
    _refuse_other_kinds(beginning, packed=packed)
    return encodings.detect(beginning, utf8=encodings.is_utf8(pieces))


def odd_lines(source: Source, form: Format) -> list[tuple[int, str]]:
    """(number, text) of the first few lines with letters beyond ASCII, where their encoding may be another."""
    if not form.encoding or form.encoding in SURE:
        return []
    pieces = unpacked(source.pieces()) if form.compression else source.pieces()
    found: list[tuple[int, str]] = []
    line, rest = 1, ""
    with suppress(UnicodeDecodeError, Refused):
        for text in encodings.decoded(islice(pieces, PIECES_LOOKED_THROUGH), form.encoding):
            *whole, rest = (rest + text).split("\n")
            if not text.isascii():
                found += [(line + n, one.strip()[:LONGEST_LINE]) for n, one in enumerate(whole) if not one.isascii()]
            line += len(whole)
            rest = rest[-LONGEST_LINE:]
            if len(found) >= LINES_SHOWN:
                break
    if rest and not rest.isascii():
        found.append((line, rest.strip()[:LONGEST_LINE]))
    return found[:LINES_SHOWN]


def note_on(file_name: str, form: Format) -> str:
    """Where the ending of the name promises another kind of file. Empty: it does not."""
    name = file_name.lower()
    ending = "." + name.rpartition(".")[2] if "." in name else ""
    promised = {".xlsx": "xlsx", ".xlsm": "xlsx", ".xls": "xlsx", ".csv": "csv", ".tsv": "csv", ".txt": "csv"}
    if promised.get(ending, form.kind) == form.kind and (ending == ".gz") <= bool(form.compression):
        return ""
    return f"The name of the file ends in {ending}; inside it is {form.in_words()}. It is read as that."


def _table(form: Format, rows: Iterator[delimited.Row], *, headerless: bool, sheets: list[str] | None = None) -> Table:
    above: list[delimited.Row] = []
    if form.header is not False:
        above, rows = _lines_above(rows)
    line, first = next(rows, (0, []))
    if not first:
        raise Refused("The file holds no row.", CHOOSE_THE_FILE)
    refuse_too_many(len(first), line=line)
    if form.header is None:
        form = replace(form, header=not any("@" in cell for cell in first))
        if not form.header and not headerless:
            raise Refused("The first line holds an address: the columns have no names.",
                          "Put a line above it that names them, such as account_id,email,name.", line=line)  # fmt: skip
    if form.header:
        headers = named(first)
    else:
        headers, rows = numbered(len(first)), chain([(line, first)], rows)
    if form.kind == "xlsx":
        rows = _filled_up(rows, len(headers))
    looked_at = _first(rows)
    if not looked_at:
        raise Refused("There is a header and no row below it.", CHOOSE_THE_FILE)
    return Table(form, headers, chain(looked_at, rows), looked_at, sheets or [], above)


def _lines_above(rows: Iterator[delimited.Row]) -> tuple[list[delimited.Row], Iterator[delimited.Row]]:
    """(lines with one cell that stand above wider ones, or lines of groups above the columns' names; the rest).

    Only where nobody could be lost by it: below them all rows are wide, and none of them holds an address or a header.
    """
    first = list(islice(rows, LINES_ABOVE))
    filled = [sum(bool(cell.strip()) for cell in cells) for _, cells in first]
    if names := _names_below_groups(first, filled):
        return first[:names], chain(first[names:], rows)
    begins = next((place for place, many in enumerate(filled) if many > 1), 0)
    words = [cell for _, cells in first[:begins] for cell in cells]
    if any("@" in cell or squeezed(cell) in MEANING for cell in words) or any(
        len(cells) < 2 for _, cells in first[begins:]
    ):
        begins = 0
    return first[:begins], chain(first[begins:], rows)


def _names_below_groups(first: list[delimited.Row], filled: list[int]) -> int:
    """Where the columns are named, if that is below merged cells such as “Customer” and “Exposure”; otherwise 0.

    No row of a person is taken for it: it is fuller than all above it and says more headers that we know.
    """
    known = [{MEANING[squeezed(cell)] for cell in cells if squeezed(cell) in MEANING} for _, cells in first]
    for place, (_, cells) in enumerate(first):
        if any("@" in cell for cell in cells):
            return 0
        is_fuller = place and filled[place] > max(filled[:place])
        says_more = len(known[place]) > 1 and all(len(words) < 2 for words in known[:place])
        if is_fuller and says_more and known[place] & set(NAMES_SOMEBODY):
            return place
    return 0


def _filled_up(rows: Iterator[delimited.Row], width: int) -> Iterator[delimited.Row]:
    """A sheet leaves out the empty cells at the end of a row."""
    for line, cells in rows:
        yield line, cells + [""] * (width - len(cells))


def _delimiter(text: delimited.Delimited) -> str:
    said = text.said[1] if text.said else ""
    if said in delimited.DELIMITERS:
        return said
    return delimited.detect(text.beginning, MEANING, squeeze=squeezed)


def _refuse_other_kinds(beginning: bytes, *, packed: bool) -> None:
    if not beginning:
        raise Refused("The file is empty.", CHOOSE_THE_FILE)
    if packed and beginning.startswith((GZIP_MAGIC, workbooks.MAGIC)):
        raise Refused("The gzip file holds another packed file.", "Unpack it, and upload what is inside.")
    for magic, kind in OTHER_KINDS.items():
        if beginning.startswith(magic):
            raise Refused(f"This is {kind}, not a list in CSV or XLSX.", SAVE_AS_CSV)


def _first(rows: Iterator[delimited.Row]) -> list[delimited.Row]:
    first: list[delimited.Row] = []
    letters = 0
    for row in islice(rows, ROWS_LOOKED_AT):
        first.append(row)
        letters += sum(map(len, row[1]))
        if letters > LETTERS_LOOKED_AT:
            break
    return first
