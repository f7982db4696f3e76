"""CSV and TSV: text in lines, lines in rows, and always the number of the line a row begins in."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from incidents.audience.encodings import ENCODINGS, decoded
from incidents.audience.source import LONGEST_CELL, LONGEST_RECORD, Refused

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ROWS_WEIGHED = 20
LETTERS_WEIGHED = 200_000
EXCELS_LINE = re.compile(r"sep=(.)\r?\n")  # Excel's own way to say the delimiter, in a line before the header

CLOSE_THE_QUOTE = "Look for a quotation mark there that is not closed, or not doubled inside a cell, and mend it."
SAY_THE_ENCODING = (
    "Say which encoding it is, or save the file again as UTF-8: in Excel “CSV UTF-8 (comma delimited)”, in LibreOffice"
    " the character set “Unicode (UTF-8)”."
)

Row = tuple[int, list[str]]  # the line it begins in, its cells


class Delimited:
    """The rows of one text file. `beginning` can be looked at before the delimiter is chosen."""

    def __init__(self, pieces: Iterable[bytes], encoding: str) -> None:
        self.encoding = encoding
        self.line = 1  # in which the next row begins
        self._lines_before = 0  # that csv never saw
        self._reader: Any = None
        blocks = self._blocks(pieces)
        self.beginning = next(blocks, "")
        self.said = EXCELS_LINE.match(self.beginning)
        if self.said:
            self._lines_before, self.line = 1, 2
            self.beginning = self.beginning[self.said.end() :]
        self._texts = chain([self.beginning], blocks)

    def rows(self, delimiter: str) -> Iterator[Row]:
        """Every row that is not blank. Call it once."""
        lines = chain.from_iterable(io.StringIO(text, newline="") for text in self._texts)
        self._reader = reader = csv.reader(lines, delimiter=delimiter, strict=True)
        next_line = 1 + self._lines_before
        begins = self.line
        try:
            for cells in reader:
                line = begins
                begins = self.line = reader.line_num + next_line
                if cells and (cells[0].strip() or "".join(cells).strip()):
                    yield line, cells
        except csv.Error as error:
            raise _refusal_of(error, begins) from None

    def _blocks(self, pieces: Iterable[bytes]) -> Iterator[str]:
        """Text that ends where a line ends. Nothing longer than a row may be is ever held."""
        rest = ""
        unfinished, began = 0, self.line
        texts = decoded(pieces, self.encoding)
        while True:
            try:
                text = next(texts, None)
            except UnicodeDecodeError as error:
                raise self._not_this_encoding(rest, error) from None
            block, rest = (rest, "") if text is None else _whole_lines(rest + text)
            if "\0" in block or "\0" in rest:
                before = (block + rest).partition("\0")[0]
                raise Refused("There are NUL bytes: this is no text.", "Save it again as CSV UTF-8.",
                              line=self._lines_given + _lines(before) + 1)  # fmt: skip
            unfinished = unfinished + len(block) if began == self.line else 0
            began = self.line
            if unfinished > LONGEST_RECORD:
                raise _endless(self.line)
            if len(rest) > LONGEST_RECORD:
                raise _endless(self._lines_given + _lines(block) + 1)
            if block:
                yield block
            if text is None:
                return

    @property
    def _lines_given(self) -> int:
        return self._lines_before + (self._reader.line_num if self._reader else 0)

    def _not_this_encoding(self, rest: str, error: UnicodeDecodeError) -> Refused:
        before = rest + error.object[: error.start].decode(self.encoding, "replace")
        name = ENCODINGS[self.encoding].partition(" (")[0]
        return Refused(f"This is not {name}{'; perhaps Windows-1252' if name == 'UTF-8' else ''}.", SAY_THE_ENCODING,
                       line=self._lines_given + _lines(before) + 1)  # fmt: skip


def detect(beginning: str, known: Iterable[str] = (), *, squeeze=str.casefold) -> str:
    """The delimiter that yields the most columns whose header we know; then the most even rows; then most columns.

    known: squeezed headers.
    """
    known = set(known)
    weights = {}
    for delimiter in DELIMITERS:
        rows = list(_first_rows(beginning, delimiter))
        if not rows:
            continue
        # Lines above the columns, such as a title, have no delimiter.
        wide = next((place for place, row in enumerate(rows) if len(row) > 1), 0)
        header, others = rows[wide], rows[wide + 1 :]
        even = sum(len(row) == len(header) for row in others) / len(others) if others and len(header) > 1 else 0
        weights[delimiter] = (sum(squeeze(cell) in known for cell in header), even, len(header))
    best = max(weights, key=lambda delimiter: weights[delimiter], default=",")
    if best in weights and weights[best] <= (0, 0, 1):
        # One column that nobody knows: rather the one whose quotation marks do not fit, so that they are talked about.
        return next((delimiter for delimiter in DELIMITERS if delimiter not in weights), best)
    return best


def _first_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    lines = io.StringIO(text[:LETTERS_WEIGHED], newline="")
    try:
        yield from islice(filter(None, csv.reader(lines, delimiter=delimiter, strict=True)), ROWS_WEIGHED)
    except csv.Error:
        return


def _whole_lines(text: str) -> tuple[str, str]:
    """(up to the last line end, the rest). A CR at the very end may be half of a CRLF."""
    end = text.rfind("\n") + 1 or text.rfind("\r", 0, -1) + 1
    return text[:end], text[end:]


def _lines(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _endless(line: int) -> Refused:
    return Refused("This row is longer than a million characters.", CLOSE_THE_QUOTE, line=line)


def _refusal_of(error: csv.Error, line: int) -> Refused:
    words = str(error)
    if "unexpected end of data" in words:
        return Refused("A quotation mark opens in this row and is never closed.", CLOSE_THE_QUOTE, line=line)
    if "field larger" in words:
        return Refused(f"A cell in this row is longer than {LONGEST_CELL:,} characters.", CLOSE_THE_QUOTE, line=line)
    return Refused("The quotation marks in this row do not fit.", CLOSE_THE_QUOTE, line=line)
