"""XLSX from strangers: what its cells say, and what a workbook built to do harm is told."""

import io
import re
import zipfile
from datetime import date, datetime, time

import openpyxl
import pytest
from openpyxl.worksheet.formula import ArrayFormula

from incidents import audience
from incidents.audience import formats
from incidents.audience.source import UNREADABLE, Refused, Source
from incidents.audience.workbooks import Workbook
from tests.factories import make_incident

SHEET = "xl/worksheets/sheet1.xml"


def book(*rows: list) -> openpyxl.Workbook:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    return made


def as_bytes(made: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def rows_of(content: bytes, sheet: str = "") -> list[tuple[int, list[str]]]:
    workbook = Workbook(io.BytesIO(content))
    return list(workbook.rows(sheet or workbook.sheets[0]))


def changed(content: bytes, part: str, change, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The workbook with one part rewritten."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", packing) as new:
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(entry.filename, change(data) if entry.filename == part else data)
    return out.getvalue()


def with_rows(xml: str) -> bytes:
    rows = b"<sheetData>" + xml.encode() + b"</sheetData>"
    return changed(
        as_bytes(book(["id"], ["a"])), SHEET,
        lambda data: re.sub(rb"<sheetData>.*</sheetData>", rows, data, flags=re.DOTALL),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "format", "said"),
    [
        (12345.0, None, "12345"),
        (12345, None, "12345"),
        (-3, None, "-3"),
        (0.1, None, "0.1"),
        (1.5e300, None, f"{UNREADABLE}1.5e+300"),
        (10**14, None, "100000000000000"),
        (1234567890123456789, None, f"{UNREADABLE}1.234567890123457e+18"),
        (7, "00000", "00007"),
        (date(2018, 1, 3), None, "2018-01-03"),
        (datetime(2018, 1, 3, 16, 35), None, "2018-01-03T16:35:00"),
        (datetime(2018, 1, 3), "dd.mm.yyyy", "2018-01-03"),
        (time(16, 35), None, "16:35:00"),
        (True, None, "true"),
        ("  Müller ", None, "  Müller "),
        ("", None, ""),
        ("#N/A", None, f"{UNREADABLE}#N/A"),
    ],
)
def test_cells_are_said_as_excel_shows_them(value, format, said):
    made = book(["id", "value"], ["a", value])
    if format:
        made.active["B2"].number_format = format

    (_, header), (line, cells) = rows_of(as_bytes(made))

    assert header == ["id", "value"]
    assert (line, cells) == (2, ["a", said] if said else ["a"])


def test_empty_rows_and_cells_keep_their_places():
    made = openpyxl.Workbook()
    made.active["A1"], made.active["C1"] = "id", "note"
    made.active["C5"] = "x"

    assert rows_of(as_bytes(made)) == [(1, ["id", "", "note"]), (5, ["", "", "x"])]


def test_a_formula_gives_the_value_it_had_and_none_is_unreadable():
    made = book(["id", "sum"], ["a", "=1+1"])
    made.active["B3"] = ArrayFormula("B3:B3", "=1+1")
    without = as_bytes(made)
    cached = changed(without, SHEET, lambda data: data.replace(b"<v></v>", b"<v>2</v>").replace(b"<v />", b"<v>2</v>"))
    empty = with_rows('<row r="1"><c r="A1" t="str"><f>""</f><v></v></c><c r="B1"><v>1</v></c></row>')
    never = with_rows('<row r="1"><c r="A1"><f>1+1</f></c></row>')

    assert rows_of(cached)[1] == (2, ["a", "2"])
    assert rows_of(empty) == [(1, ["", "1"])]
    assert rows_of(never) == [(1, [f"{UNREADABLE}(a formula without a value)"])]


def test_texts_in_pieces_are_one_and_how_to_speak_them_is_not_said():
    xml = (
        '<row r="1"><c r="A1" t="inlineStr"><is><r><t>Rich </t></r><r><t>text</t></r><rPh sb="0" eb="1"><t>spoken</t>'
        "</rPh></is></c></row>"
    )

    assert rows_of(with_rows(xml)) == [(1, ["Rich text"])]


def test_the_first_visible_sheet_is_read_and_others_can_be_chosen():
    made = book(["hidden"])
    made.active.sheet_state = "hidden"
    made.create_sheet("People & Co").append(["id"])
    made.create_sheet("More").append(["email"])

    workbook = Workbook(io.BytesIO(as_bytes(made)))

    assert workbook.sheets == ["People & Co", "More"]
    assert rows_of(as_bytes(made)) == [(1, ["id"])]
    assert rows_of(as_bytes(made), "More") == [(1, ["email"])]
    with pytest.raises(Refused, match="There are: People & Co, More"):
        workbook.rows("Sheet")


def test_a_workbook_written_without_sizes_and_with_a_prefix_is_read():
    made = openpyxl.Workbook(write_only=True)
    sheet = made.create_sheet("People")
    sheet.append(["id", "name"])
    sheet.append(["a", "A"])
    content = as_bytes(made)
    prefixed = changed(
        content, SHEET,
        lambda data: re.sub(rb"<(/?)(?=[a-z])", rb"<\1x:", data).replace(b"xmlns=", b"xmlns:x="),
    )  # fmt: skip

    assert rows_of(content) == rows_of(prefixed) == [(1, ["id", "name"]), (2, ["a", "A"])]


def test_short_rows_are_filled_up_to_the_header():
    table = formats.open_table(Source(io.BytesIO(as_bytes(book(["id", "name", "note"], ["a"], ["b", "B"])))))

    assert list(table.rows) == [(2, ["a", "", ""]), (3, ["b", "B", ""])]


def test_a_workbook_from_a_pipe_is_read_and_hashed_too():
    class Pipe:
        def __init__(self, content):
            self.read = io.BytesIO(content).read

    content = as_bytes(book(["id"], ["a"]))
    source = Source(Pipe(content))

    assert list(formats.open_table(source).rows) == [(2, ["a"])]
    assert source.size == len(content)


def laughing(data: bytes) -> bytes:
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    return data.replace(b"<worksheet", b'<!DOCTYPE x [<!ENTITY l0 "ha">' + laughs + b"]><worksheet", 1)


def zipped(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return out.getvalue()


GOOD = as_bytes(book(["id", "name"], ["a", "A"]))
HOSTILE = {
    "an entity bomb": (changed(GOOD, SHEET, laughing), "entities of its own"),
    "an entity bomb in the list of sheets": (
        changed(GOOD, "xl/workbook.xml", lambda data: laughing(data.replace(b"<workbook", b"<worksheet"))), "entities"),
    "a file of the house": (
        changed(GOOD, SHEET, lambda data: b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///x">]>' + data), "entities"),
    "a bomb of zeros": (changed(GOOD, SHEET, lambda data: data + b" " * 100_000_000), "far larger"),
    "a cell of 100 MB": (
        with_rows('<row r="1"><c r="A1" t="str"><v>' + "x" * 100_000_000 + "</v></c></row>"), "far larger"),
    "a cell of 2 MB": (with_rows('<row r="1"><c r="A1" t="str"><v>' + "x" * 2_000_000 + "</v></c></row>"), "too large"),
    "a cell of 200,000 letters": (
        with_rows('<row r="7"><c r="A7" t="str"><v>' + "x" * 200_000 + "</v></c></row>"), "Line 7: A cell"),
    "an attribute of 2 MB": (with_rows('<row r="1" x="' + "x" * 2_000_000 + '"/>'), "too large"),
    "a million columns": (with_rows('<row r="1">' + "<c><v>1</v></c>" * 1_000_000 + "</row>"), "damaged"),
    "a column beyond the last": (with_rows('<row r="1"><c r="ZZZ1"><v>1</v></c></row>'), "damaged"),
    "a cell twice": (with_rows('<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>'), "damaged"),
    "a cell at no place": (with_rows('<row r="1"><c r="1"><v>1</v></c></row>'), "damaged"),
    "a row twice": (with_rows('<row r="2"/><row r="2"/>'), "not in order"),
    "rows out of order": (with_rows('<row r="2"/><row r="1"/>'), "not in order"),
    "a row beyond the last": (with_rows('<row r="999999999999"/>'), "more rows"),
    "a row with no number": (with_rows('<row r="x"/>'), "damaged"),
    "a text that is not there": (with_rows('<row r="1"><c r="A1" t="s"><v>99</v></c></row>'), "damaged"),
    "a text with a number below zero": (with_rows('<row r="1"><c r="A1" t="s"><v>-1</v></c></row>'), "damaged"),
    "a million elements inside each other": (with_rows("<a>" * 1_000_000), "damaged"),
    "XML that breaks off": (changed(GOOD, SHEET, lambda data: data[:-30]), "damaged"),
    "no XML": (changed(GOOD, SHEET, lambda data: b"\0" * 50), "damaged"),
    "a half": (GOOD[: len(GOOD) // 2], "damaged workbook"),
    "the end cut off": (GOOD[:-30], "damaged workbook"),
    "another packed file": (zipped(**{"list.csv": b"id\na\n"}), "packed file (ZIP), not a workbook"),
    "a LibreOffice table": (zipped(**{"mimetype": b"x", "content.xml": b"<x/>"}), "(.ods)"),
    "a binary workbook": (zipped(**{"xl/workbook.bin": b"x"}), "(.xlsb)"),
    "ten thousand parts": (zipped(**{f"xl/{n}.xml": b"" for n in range(10_000)}), "10,000 files"),
    "a part before the file": (GOOD[:-6] + b"\xff\xff\x00\x00" + GOOD[-2:], "damaged"),
    "packed in another way": (changed(GOOD, SHEET, bytes, zipfile.ZIP_LZMA), "packed in a way"),
    "no sheet": (zipped(**{"xl/workbook.xml": b"<workbook/>"}), "no visible sheet"),
}  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_workbook_is_refused_in_words(hostile):
    content, words = HOSTILE[hostile]

    with pytest.raises(Refused, match=re.escape(words)):
        list(formats.open_table(Source(io.BytesIO(content))).rows)


def test_links_to_the_outside_are_not_sheets():
    content = changed(
        GOOD, "xl/_rels/workbook.xml.rels",
        lambda data: data.replace(b'Target="/xl/worksheets', b'TargetMode="External" Target="https://evil.example'),
    )  # fmt: skip

    with pytest.raises(Refused, match="no visible sheet"):
        Workbook(io.BytesIO(content))


def test_a_flipped_byte_is_found():
    content = bytearray(GOOD)
    content[GOOD.index(SHEET.encode()) + len(SHEET) + 100] ^= 0xFF

    with pytest.raises(Refused, match="damaged"):
        rows_of(bytes(content))


@pytest.mark.django_db
def test_a_value_that_excel_lost_rejects_its_row_with_its_place():
    content = as_bytes(book(["id", "calls"], ["a", 12], ["b", "#N/A"], [12345678901234567890, 3]))

    batch = audience.read(make_incident(), io.BytesIO(content), file_name="list.xlsx", by=None, source="room")

    assert batch.rows.get().external_id == "a"
    rejected = batch.rejected_rows.values_list("line", "column", "value")
    assert list(rejected) == [(3, "calls", "#N/A"), (4, "id", "1.234567890123457e+19")]
    assert "Type the value itself" in batch.rejected_rows.first().remedy
