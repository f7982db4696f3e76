"""Whatever somebody uploads: never an exception, never half of it, and the counts always add up."""

import csv
import gzip
import io
import zipfile
from contextlib import contextmanager

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents import audience
from incidents.audience import exporting, reading
from incidents.models import ImportBatch, Incident, RejectedRow, StagedRow
from tests.factories import NOON, make_incident, make_segment

pytestmark = pytest.mark.django_db

SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

CELL = st.one_of(
    st.sampled_from([
        "", "a", "b", "a@b.example", "A@B.example", "c@d.example", "owner", "boss", "api", "api|smtp", "ruled out",
        "no", "=1+1", "@x", 'say "hi"', "line\nbreak", "ex\N{CYRILLIC SMALL LETTER A}mple.com", " ",
    ]),
    st.text(max_size=12),
)  # fmt: skip
HEADER = st.lists(
    st.sampled_from([
        "id", "email", "name", "role", "segments", "certainty", "trusted", "language", "country", "api key",
    ]),
    min_size=1, max_size=6, unique=True,
)  # fmt: skip


ENCODED = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "windows-1252"]

WORKBOOK = {
    "xl/workbook.xml": b'<workbook xmlns:r="r"><sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": b'<Relationships><Relationship Id="r1" Type="x/worksheet" Target="a.xml"/>'
                                  b'<Relationship Id="r2" Type="x/sharedStrings" Target="sharedStrings.xml"/>'
                                  b'<Relationship Id="r3" Type="x/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": b'<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy"/></numFmts>'
                     b'<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>',
    "xl/sharedStrings.xml": b"<sst><si><t>id</t></si><si><t>name</t></si><si><r><t>northwind</t></r></si></sst>",
    "xl/a.xml": b'<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
                b'<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2" s="1"><v>43103</v></c></row>'
                b"</sheetData></worksheet>",
}  # fmt: skip
PARTS = list(WORKBOOK)


def workbook(changed: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in (WORKBOOK | changed).items():
            archive.writestr(name, data)
    return out.getvalue()


@contextmanager
def an_incident():
    """An incident with a segment, forgotten after each example."""
    with transaction.atomic():
        incident = make_incident()
        make_segment(incident, "api")
        yield incident
        transaction.set_rollback(True)


def read(incident: Incident, content: bytes) -> ImportBatch:
    batch = audience.read(incident, io.BytesIO(content), file_name="list.csv", by=None, source="command")
    return check(batch, content)


def through_the_room(incident: Incident, content: bytes, name: str = "list.csv") -> ImportBatch:
    """Received, its columns answered as they are guessed, read by a worker."""
    batch = audience.receive(incident, io.BytesIO(content), file_name=name, by=None, source="room", at=NOON)
    if batch.state == ImportBatch.State.RECEIVED:
        preview = audience.preview_columns(batch)
        if not preview.problems:
            batch = audience.begin(batch, meanings=preview.columns.as_json(), by=None, at=NOON)
            batch = reading.read_received(batch)
        else:
            with pytest.raises(audience.Refused):
                audience.begin(batch, meanings=preview.columns.as_json(), by=None, at=NOON)
            assert batch.pieces.exists()
            return batch
    assert batch.state == ImportBatch.State.STAGED or not batch.pieces.exists()
    return check(batch, content)


def check(batch: ImportBatch, content: bytes) -> ImportBatch:
    staged, rejected = StagedRow.objects.filter(batch=batch), RejectedRow.objects.filter(batch=batch)
    assert batch.size == len(content)
    if batch.state == ImportBatch.State.REFUSED:
        assert batch.refusal
        assert not staged.exists()
        assert not rejected.exists()
        return batch
    counts = batch.counts
    assert batch.state == ImportBatch.State.STAGED
    assert counts["read"] == counts["accepted"] + counts["rejected"] + counts["folded"]
    assert counts["rejected"] == rejected.values("line").distinct().count()
    assert counts["accepted"] + counts["folded"] == staged.count()
    assert not {row.line for row in staged} & {row.line for row in rejected}
    return batch


def save(batch: ImportBatch) -> None:
    if batch.state != ImportBatch.State.STAGED:
        return
    expected = audience.compare(batch)
    saved = audience.save(batch, by=None, beyond_estimate=True)
    assert saved.counts["new"] == expected.new
    assert batch.incident.affected_accounts.count() == expected.new == saved.counts["accounts"]


@SLOWLY
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content):
    with an_incident() as incident:
        read(incident, content)


@SLOWLY
@given(st.binary(max_size=400), st.integers(0, 30))
def test_any_bytes_packed_are_read_or_refused(content, missing):
    packed = gzip.compress(content)

    with an_incident() as incident:
        read(incident, packed[: len(packed) - missing])
        through_the_room(incident, packed + content)


@SLOWLY
@given(st.binary(max_size=400))
def test_any_bytes_that_begin_like_a_packed_file_are_read_or_refused(content):
    with an_incident() as incident:
        for beginning in (b"\x1f\x8b\x08\0", b"PK\x03\x04", b"\xff\xfe", b"\xef\xbb\xbf"):
            through_the_room(incident, beginning + content, "list.xlsx")


@SLOWLY
@given(st.binary(max_size=300), st.sampled_from(PARTS))
def test_any_bytes_in_a_part_of_a_workbook_are_read_or_refused(content, part):
    with an_incident() as incident:
        save(read(incident, workbook({part: content})))
        through_the_room(incident, workbook({part: content}))


@SLOWLY
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_workbook_with_bytes_flipped_is_read_or_refused(flips):
    content = bytearray(workbook({}))
    for position, byte in flips:
        content[position % len(content)] = byte

    with an_incident() as incident:
        save(read(incident, bytes(content)))


@SLOWLY
@given(st.text(max_size=120), st.sampled_from(PARTS), st.integers(0, 400))
def test_any_text_inside_the_xml_of_a_workbook_is_read_or_refused(text, part, position):
    xml = WORKBOOK[part].decode()
    position %= len(xml)
    spoilt = xml[:position] + text.replace("(", "<").replace(")", ">") + xml[position:]

    with an_incident() as incident:
        save(read(incident, workbook({part: spoilt.encode("utf-8", "replace")})))


@SLOWLY
@given(HEADER, st.lists(st.lists(CELL, min_size=1, max_size=6), max_size=6), st.sampled_from(ENCODED))
def test_any_rows_in_any_encoding_add_up(header, rows, encoding):
    out = io.StringIO()
    csv.writer(out, delimiter=";").writerows([header, *((row + [""] * 6)[: len(header)] for row in rows)])
    content = out.getvalue().encode(encoding, "replace")

    with an_incident() as incident:
        save(through_the_room(incident, content))


@SLOWLY
@given(st.binary(max_size=200))
def test_any_bytes_below_a_good_header_are_read_or_refused(content):
    with an_incident() as incident:
        save(read(incident, b"id,email\n" + content))


@SLOWLY
@given(HEADER, st.lists(st.lists(CELL, min_size=1, max_size=6), max_size=8), st.sampled_from([",", ";", "\t"]))
def test_any_rows_add_up_and_are_saved_as_their_preview_said(header, rows, delimiter):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([(row + [""] * len(header))[: len(header)] for row in rows])

    with an_incident() as incident:
        save(read(incident, out.getvalue().encode("utf-8", "replace")))


@SLOWLY
@given(st.lists(st.tuples(CELL, CELL), max_size=5))
def test_no_exported_cell_begins_like_a_formula(rows):
    text = "".join(exporting.lines(["a", "b"], rows))

    for row in csv.reader(io.StringIO(text, newline="")):
        assert not any(cell.startswith(exporting.FORMULA) for cell in row)
