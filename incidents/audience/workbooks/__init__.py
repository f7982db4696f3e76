"""XLSX: the cells of one sheet as text, row by row.

Not with openpyxl's reader: it reads every sheet to its end before the first row where a sheet does not say its size,
holds all texts of the workbook at once, and drops rows that stand out of order. Here every element is looked at once,
in the order of the file, and nothing is held but the texts that cells refer to.
"""

from collections.abc import Iterator
from posixpath import join, normpath
from typing import IO
from zipfile import ZipFile

from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

from incidents.audience.source import Refused
from incidents.audience.workbooks.cells import Rows, Texts, Values
from incidents.audience.workbooks.parts import BROKEN, LARGEST, SAVE_AGAIN, Part, local, number, refuse_a_bomb

MAGIC = b"PK\x03\x04"
LARGEST_SMALL_PART = 20_000_000  # bytes of the list of sheets, of the formats


class Workbook:
    """`sheets` are the names of the visible ones, in their order."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._archive = ZipFile(file)
            entries = self._archive.infolist()
        except BROKEN:
            raise Refused("This is a damaged workbook or another packed file (ZIP).", SAVE_AGAIN) from None
        refuse_a_bomb(entries)
        self._names = {entry.filename.lstrip("/"): entry.filename for entry in entries}
        self._refuse_other_kinds()
        self._epoch = WINDOWS_EPOCH
        self._texts, self._styles = "xl/sharedStrings.xml", "xl/styles.xml"
        self._parts = self._find_sheets()
        self.sheets = list(self._parts)
        if not self.sheets:
            raise Refused("There is no visible sheet in this workbook.", SAVE_AGAIN)

    def rows(self, sheet: str) -> Iterator[tuple[int, list[str]]]:
        """(number of the row, its cells without empty ones at the end) of every row that is not empty."""
        if sheet not in self._parts:
            raise Refused(f"There is no sheet “{sheet[:60]}”.", f"There are: {', '.join(self.sheets)[:200]}.")
        texts = Texts(self._part(self._texts))
        return Rows(self._part(self._parts[sheet]), texts, Values(self._formats(), self._epoch)).read()

    def _part(self, name: str, *, largest: int = LARGEST) -> Part | None:
        return Part(self._archive, self._names[name], largest=largest) if name in self._names else None

    def _refuse_other_kinds(self) -> None:
        if "xl/workbook.bin" in self._names:
            raise Refused("This is a binary workbook (.xlsb).", SAVE_AGAIN)
        if "mimetype" in self._names and "content.xml" in self._names:
            raise Refused("This is a LibreOffice document (.ods), not an Excel workbook.", SAVE_AGAIN)
        if "xl/workbook.xml" not in self._names:
            raise Refused("This is a packed file (ZIP), not a workbook.", "Unpack it, and upload the list inside it.")

    def _find_sheets(self) -> dict[str, str]:
        sheets: list[tuple[str, str]] = []
        targets: dict[str, str] = {}

        def relation(name: str, said: dict[str, str]) -> None:
            if name != "Relationship" or said.get("TargetMode") == "External":
                return
            target = normpath(join("/xl", said.get("Target", ""))).lstrip("/")
            match said.get("Type", "").rpartition("/")[2]:
                case "worksheet":
                    targets[said.get("Id", "")] = target
                case "sharedStrings":
                    self._texts = target
                case "styles":
                    self._styles = target

        def sheet(name: str, said: dict[str, str]) -> None:
            if name == "workbookPr" and said.get("date1904") in {"1", "true"}:
                self._epoch = MAC_EPOCH
            if name == "sheet" and said.get("state", "visible") == "visible":
                ids = [value for key, value in said.items() if key != "sheetId" and local(key) == "id"]
                sheets.append((said.get("name", ""), ids[0] if ids else ""))

        for part, read in (("xl/_rels/workbook.xml.rels", relation), ("xl/workbook.xml", sheet)):
            if found := self._part(part, largest=LARGEST_SMALL_PART):
                found.elements(read)
        return {name: targets[key] for name, key in sheets if targets.get(key) in self._names}

    def _formats(self) -> list[str]:
        """How numbers are written, by the number of a cell's style."""
        codes = dict(BUILTIN_FORMATS)
        used: list[str] = []
        inside = False

        def style(name: str, said: dict[str, str]) -> None:
            nonlocal inside
            if name == "numFmt":
                codes[number(said.get("numFmtId"))] = said.get("formatCode", "")
            elif name in {"cellXfs", "cellStyleXfs", "cellStyles", "dxfs"}:
                inside = name == "cellXfs"
            elif name == "xf" and inside:
                used.append(codes.get(number(said.get("numFmtId")), "General"))

        if part := self._part(self._styles, largest=LARGEST_SMALL_PART):
            part.elements(style)
        return used
