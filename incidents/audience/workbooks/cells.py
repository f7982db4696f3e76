"""The cells of one sheet as text."""

import re
from collections.abc import Iterator
from datetime import datetime, time
from functools import lru_cache
from typing import Any

from openpyxl.styles.numbers import is_date_format
from openpyxl.utils.datetime import from_excel

from incidents.audience.source import LONGEST_CELL, LONGEST_RECORD, SAVE_AS_CSV, UNREADABLE, Refused
from incidents.audience.workbooks.parts import DAMAGED, SAVE_AGAIN, Part, number

LARGEST_TEXTS = 200_000_000  # characters of all texts that cells may refer to
MOST_TEXTS = 3_000_000
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384  # Excel's own limits
EXACT = 10**15  # Excel keeps fifteen digits of a number


class Texts:
    """The texts that cells refer to by number, read only as far as somebody asks: a preview needs the first few."""

    def __init__(self, part: Part | None) -> None:
        self._part = part
        self._all: list[str] = []
        self._letters = 0
        self._reading: list[str] | None = None
        self._in_text = self._spoken = False
        if part:
            part.listen(start=self._start, end=self._end, text=self._text)

    def __getitem__(self, index: int) -> str:
        while index >= len(self._all):
            if self._part is None or not self._part.feed():
                raise Refused(DAMAGED, SAVE_AGAIN)
        return self._all[index]

    def _start(self, kind: str, _: dict[str, str]) -> None:
        if kind == "si":
            self._reading = []
        elif kind == "rPh":
            self._spoken = True  # how to pronounce it, not what it says
        elif kind == "t":
            self._in_text = not self._spoken

    def _end(self, kind: str) -> None:
        if kind == "si" and self._reading is not None:
            self._all.append("".join(self._reading))
            self._reading = None
            if len(self._all) > MOST_TEXTS:
                raise Refused("There are too many different texts for a workbook.", SAVE_AS_CSV)
        elif kind == "rPh":
            self._spoken = False
        elif kind == "t":
            self._in_text = False

    def _text(self, text: str) -> None:
        if self._in_text and self._reading is not None:
            self._reading.append(text)
            self._letters += len(text)
            if self._letters > LARGEST_TEXTS:
                raise Refused("The texts of this workbook are too large.", SAVE_AS_CSV)


class Rows:
    """Reads one sheet. Cells of a row are collected by their column, and given out when the row ends."""

    def __init__(self, part: Part | None, texts: Texts, values: "Values") -> None:
        assert part
        self._part, self._texts, self._values = part, texts, values
        self._ready: list[tuple[int, list[str]]] = []
        self._row = 0
        self._cells: dict[int, str] = {}
        self._column = 0
        self._kind = self._style = ""
        self._formula = self._has_value = self._spoken = self._listens = False
        self._heard: list[str] = []
        self._letters = 0
        part.listen(start=self._start, end=self._end, text=self._text)

    def read(self) -> Iterator[tuple[int, list[str]]]:
        more = True
        while more:
            more = self._part.feed()
            yield from self._ready
            self._ready.clear()

    def _start(self, kind: str, said: dict[str, str]) -> None:
        if kind == "c":
            self._column = _column(said["r"]) if "r" in said else self._column + 1
            self._kind, self._style = said.get("t", "n"), said.get("s", "")
            self._formula = self._has_value = False
            self._heard = []
            if not 0 < self._column <= LAST_COLUMN or self._column in self._cells:
                raise Refused(DAMAGED, SAVE_AGAIN, line=self._row)
        elif kind == "v" or kind == "t":
            self._listens, self._has_value = not self._spoken, True
        elif kind == "f":
            self._formula = True
        elif kind == "rPh":
            self._spoken = True
        elif kind == "row":
            self._begin_row(said)

    def _begin_row(self, said: dict[str, str]) -> None:
        row = number(said.get("r")) if "r" in said else self._row + 1
        if row <= self._row:
            raise Refused("The rows of this sheet are not in order.", SAVE_AGAIN, line=self._row)
        if row > LAST_ROW:
            raise Refused("The sheet has more rows than a workbook can have.", SAVE_AGAIN)
        self._row, self._column, self._letters = row, 0, 0
        self._cells = {}

    def _text(self, text: str) -> None:
        if self._listens:
            self._heard.append(text)
            self._letters += len(text)
            if self._letters > LONGEST_RECORD:
                raise Refused("This row is longer than a million characters.", SAVE_AS_CSV, line=self._row)

    def _end(self, kind: str) -> None:
        if kind == "v" or kind == "t":
            self._listens = False
        elif kind == "rPh":
            self._spoken = False
        elif kind == "c":
            value = self._value()
            if value:
                self._cells[self._column] = value
        elif kind == "row" and self._cells:
            get = self._cells.get
            self._ready.append((self._row, [get(column, "") for column in range(1, max(self._cells) + 1)]))

    def _value(self) -> str:
        heard = "".join(self._heard)
        if not heard:
            return f"{UNREADABLE}(a formula without a value)" if self._formula and not self._has_value else ""
        if len(heard) > LONGEST_CELL:
            raise Refused(
                f"A cell in this row is longer than {LONGEST_CELL:,} characters.", SAVE_AS_CSV, line=self._row
            )
        match self._kind:
            case "s":
                return self._texts[number(heard)]
            case "n":
                return self._values.written(heard, self._style)
            case "b":
                return "true" if heard == "1" else "false"
            case "e":
                return UNREADABLE + heard
            case _:
                return heard


class Values:
    """Numbers as Excel shows them: whole without a point, zeros in front where the format has them. Dates in ISO."""

    def __init__(self, formats: list[str], epoch: datetime) -> None:
        self._dates = [is_date_format(code) for code in formats]
        self._zeros = [len(code) if code and not code.strip("0") else 0 for code in formats]
        self._epoch = epoch

    def written(self, heard: str, style: str) -> str:
        index = int(style) if style.isdigit() and len(style) < 9 else -1
        known = 0 <= index < len(self._dates)
        if known and self._dates[index]:
            return self._moment(heard)
        if heard.isdigit() and len(heard) <= 15:
            text = heard
        else:
            text = _plain_number(heard)
        return text.zfill(self._zeros[index]) if known and self._zeros[index] else text

    def _moment(self, heard: str) -> str:
        try:
            value: Any = from_excel(float(heard), self._epoch)
        except (ValueError, OverflowError, TypeError):
            return UNREADABLE + heard
        if isinstance(value, time):
            return value.isoformat("seconds")
        if not isinstance(value, datetime):
            return UNREADABLE + heard
        return value.date().isoformat() if value.time() == time() else value.isoformat("T", "seconds")


def _plain_number(heard: str) -> str:
    try:
        number = float(heard)
    except ValueError:
        return UNREADABLE + heard
    if not -EXACT < number < EXACT:
        return UNREADABLE + heard  # an id of so many digits has been rounded: it is somebody else's now
    return str(int(number)) if number.is_integer() else f"{number:.15g}"


@lru_cache(maxsize=LAST_COLUMN)
def _letters_to_column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


_LETTERS = re.compile(r"[A-Z]{1,3}")


def _column(place: str) -> int:
    """0 for what is no place, such as in B7."""
    found = _LETTERS.match(place)
    return _letters_to_column(found[0]) if found else 0
