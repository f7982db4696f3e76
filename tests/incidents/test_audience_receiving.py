"""An upload waits with its bytes until somebody has said what its columns mean."""

import gzip
import io
import random
from datetime import timedelta

import openpyxl
import pytest

from accounts.models import AuditEntry
from incidents import audience
from incidents.audience import exporting, formats, mending, working
from incidents.audience.pieces import SIZE, Pieces
from incidents.audience.source import Source
from incidents.models import ColumnMapping, ImportBatch, StagedRow, UploadPiece
from tests.factories import NOON, make_incident

pytestmark = pytest.mark.django_db

ODD = b"Konto;Kontakt;Gesehen\nnorthwind;owner@northwind.example;2018-01-03\n"
MEANINGS = {"Konto": "id", "Kontakt": "email", "Gesehen": "fact:seen:date"}


def receive(content: bytes, incident=None, *, name: str = "list.csv", by=None) -> ImportBatch:
    file = io.BytesIO(content)
    return audience.receive(incident or make_incident(), file, file_name=name, by=by, source="room", at=NOON)


def test_an_upload_waits_with_its_bytes_its_hash_and_its_format(wanda):
    batch = receive(ODD, by=wanda)

    assert (batch.state, batch.size, len(batch.sha256)) == (ImportBatch.State.RECEIVED, len(ODD), 64)
    assert batch.format["delimiter"] == ";"
    assert Pieces(batch).read() == ODD
    assert not StagedRow.objects.exists()
    assert AuditEntry.objects.get(act="import.uploaded").by == wanda


def test_a_file_of_several_pieces_comes_back_byte_by_byte():
    content = b"id,note\n" + b"".join(b"a%d,%s\n" % (n, b"x" * 90) for n in range(30_000))

    batch = receive(content)

    assert UploadPiece.objects.filter(batch=batch).count() == len(content) // SIZE + 1
    pieces = Pieces(batch)
    assert pieces.read() == content
    pieces.seek(SIZE - 3)
    assert pieces.read(10) == content[SIZE - 3 : SIZE + 7]
    pieces.seek(-5, io.SEEK_END)
    assert pieces.read(10) == content[-5:]


@pytest.mark.parametrize("content", [b"", b"id,name\n", b"%PDF-1.7", gzip.compress(ODD)[:-20], b"id,\0\n" + ODD])
def test_what_cannot_be_understood_as_a_whole_is_refused_at_once_and_its_bytes_go(content):
    batch = receive(content)

    assert batch.state == ImportBatch.State.REFUSED
    assert batch.refusal
    assert (batch.size, len(batch.sha256)) == (len(content), 64)
    assert not UploadPiece.objects.exists()


def test_one_letter_far_below_decides_the_encoding():
    batch = receive(b"id,name\n" + b"a,A\n" * 300_000 + "b,Müller\n".encode("windows-1252"))

    preview = audience.preview_columns(batch)
    assert preview.format.encoding == "windows-1252"
    assert preview.odd_lines == [(300_002, "b,Müller")]


def test_the_preview_guesses_from_headers_and_content_and_shows_a_few_values():
    batch = receive(
        b"Konto;Kontakt;Gesehen;Aufrufe;Notiz\n"
        b"a;a@a.example;2018-01-03;12;x\nb;b@b.example;2018-01-04;7;y\nb;c@b.example;2018-01-04;7;z\n"
    )

    preview = audience.preview_columns(batch)

    assert preview.columns.as_json() == {
        "Konto": "id", "Kontakt": "email", "Gesehen": "fact:gesehen:date", "Aufrufe": "fact:aufrufe:number",
        "Notiz": "row:notiz",
    }  # fmt: skip
    assert preview.samples[3] == ["12", "7"]
    assert preview.problems == []


def test_a_file_without_a_header_is_data_with_numbered_columns():
    preview = audience.preview_columns(receive(b"a,a@a.example\nb,b@b.example\n"))

    assert preview.format.header is False
    assert preview.columns.as_json() == {"column 1": "fact:column_1", "column 2": "email"}
    assert preview.samples[0] == ["a", "b"]


def test_a_name_that_promises_something_else_is_only_a_sentence():
    (note,) = audience.preview_columns(receive(ODD, name="list.xlsx")).notes
    assert "ends in .xlsx; inside it is CSV" in note
    assert audience.preview_columns(receive(ODD, make_incident("other"))).notes == []


def test_a_title_above_the_columns_is_said_and_not_read():
    preview = audience.preview_columns(receive(b"Affected customers\n\n3 January;;\n" + ODD))

    assert preview.columns.headers == ["Konto", "Kontakt", "Gesehen"]
    assert preview.notes == [
        "Line 1 stands above the columns and is not read: “Affected customers”.",
        "Line 3 stands above the columns and is not read: “3 January”.",
    ]


def test_merged_cells_above_the_columns_are_no_columns():
    names = b"Account no.;Company;E-mail;API key;Calls;Paid\n"
    preview = audience.preview_columns(
        receive(b"Affected customers\nCustomer;;;Exposure;;\n" + names + b"a;A;a@a.example;k;1;no\n")
    )

    assert preview.columns.headers == ["Account no.", "Company", "E-mail", "API key", "Calls", "Paid"]
    assert [note[:6] for note in preview.notes if "stands above" in note] == ["Line 1", "Line 2"]
    assert "“Customer · Exposure”" in preview.notes[1]


@pytest.mark.parametrize(
    "content",
    [b"id;Kunde;x\na;Name;\nid;Firma;Mail\n", b"id;name\nx;y\nid;name;email\n", b"a;b\nb;b@b.example\nid;email;name\n"],
)
def test_no_row_of_a_person_is_taken_for_groups_of_columns(content):
    assert formats.open_table(Source(io.BytesIO(content)), headerless=True).above == []


@pytest.mark.parametrize(
    "content", [b"a@a.example\nb@b.example;B\n", b"id\na;A\nb;B\n", b"who\na\nb\nc;C\nd\n", b"who\na\nb\n"]
)
def test_no_person_and_no_header_is_taken_for_a_title(content):
    table = formats.open_table(Source(io.BytesIO(content)), headerless=True)

    assert table.above == []


def test_a_workbook_in_many_pieces_is_read_from_two_places_at_once(wanda):
    book = openpyxl.Workbook()
    book.active.append(["id", "note"])
    chance = random.Random(3)
    for n in range(40_000):
        book.active.append([f"a{n}", f"{chance.getrandbits(120):x}"])
    out = io.BytesIO()
    book.save(out)
    batch = receive(out.getvalue(), name="list.xlsx")
    assert batch.pieces.count() > 1

    begun = audience.begin(batch, meanings={"id": "id", "note": "fact:note"}, by=wanda, at=NOON)
    working.work_on(begun)

    begun.refresh_from_db()
    assert (begun.state, begun.counts["accounts"]) == (ImportBatch.State.STAGED, 40_000)
    assert begun.rows.get(external_id="a39999").line == 40_001


def test_begun_it_is_read_by_a_worker_as_somebody_said(wanda):
    batch = receive(ODD, by=wanda)

    begun = audience.begin(batch, meanings=MEANINGS, by=wanda, at=NOON)
    assert begun.state == ImportBatch.State.READING
    working.work_on(begun)

    begun.refresh_from_db()
    assert (begun.state, begun.refusal) == (ImportBatch.State.STAGED, "")
    assert begun.rows.get().facts == {"seen": "2018-01-03"}
    assert begun.sha256 == batch.sha256


def test_a_mapping_is_remembered_for_the_next_file_with_these_headers(wanda):
    audience.begin(receive(ODD, by=wanda), meanings=MEANINGS, by=wanda, at=NOON)

    preview = audience.preview_columns(receive(ODD.replace(b"Konto;", b" konto ;"), make_incident("next")))
    other = audience.preview_columns(receive(ODD.replace(b"Konto;", b"Kontonr;"), make_incident("other")))

    assert (preview.remembered.by, preview.remembered.at) == (wanda, NOON)
    assert preview.columns.meanings == ["id", "email", "fact:seen:date"]
    assert other.remembered is None


def test_the_newest_mapping_is_the_one_that_is_remembered(wanda, anton):
    audience.begin(receive(ODD), meanings=MEANINGS, by=wanda, at=NOON)
    later = NOON + timedelta(days=1)
    audience.begin(receive(ODD, make_incident("next")), meanings=MEANINGS | {"Gesehen": "ignore"}, by=anton, at=later)

    mapping = ColumnMapping.objects.get()
    assert (mapping.by, mapping.at, mapping.meanings["Gesehen"]) == (anton, later, "ignore")


def test_rows_to_be_mended_come_back_with_the_meanings_of_their_file(wanda):
    begun = audience.begin(receive(ODD + b"contoso;nobody;2018-01-04\n"), meanings=MEANINGS, by=wanda, at=NOON)
    working.work_on(begun)
    mended = "".join(exporting.lines(mending.header(begun), list(mending.rows(begun)))).replace("nobody", "a@a.example")

    preview = audience.preview_columns(receive(mended.encode(), make_incident("next")))

    assert preview.columns.as_json() == MEANINGS | {"what is wrong": "ignore", "what to do": "ignore"}
    assert preview.remembered.by == wanda


@pytest.mark.parametrize(
    ("meanings", "words"),
    [
        (MEANINGS | {"Kontakt": "id"}, "Two columns mean the same"),
        (MEANINGS | {"Konto": "ignore", "Kontakt": "ignore"}, "No column says who is meant"),
        (MEANINGS | {"Gesehen": "fact:1st"}, "A message cannot name"),
        (MEANINGS | {"Gesehen": "fact:seen:colour"}, "There is no type"),
        (MEANINGS | {"Gesehen": "fact:rows"}, "the name of the table"),
        (MEANINGS | {"Gesehen": "password"}, "nothing that a column can mean"),
    ],
)
def test_meanings_that_contradict_each_other_begin_nothing(meanings, words):
    batch = receive(ODD)

    with pytest.raises(audience.Refused, match=words):
        audience.begin(batch, meanings=meanings, by=None, at=NOON)

    batch.refresh_from_db()
    assert batch.state == ImportBatch.State.RECEIVED
    assert not ColumnMapping.objects.exists()


def test_the_second_who_begins_is_told(wanda):
    batch = receive(ODD)
    audience.begin(batch, meanings=MEANINGS, by=wanda, at=NOON)

    with pytest.raises(audience.NotReceived, match="being read"):
        audience.begin(batch, meanings=MEANINGS, by=wanda, at=NOON)
    with pytest.raises(audience.NotReceived):
        audience.read_as(batch, format={"delimiter": ","})


def test_it_can_be_taken_for_another_format():
    batch = receive("id,name\na,Łódź\n".encode("windows-1250"))

    changed = audience.read_as(batch, format={"encoding": "windows-1250"})

    assert audience.preview_columns(changed).samples[1] == ["Łódź"]
    with pytest.raises(audience.Refused):
        audience.read_as(batch, format={"encoding": "utf-16-le"})
    batch.refresh_from_db()
    assert batch.format["encoding"] == "windows-1250"


def test_a_received_file_can_be_discarded_with_its_bytes(wanda):
    batch = receive(ODD)

    audience.discard(batch, by=wanda, at=NOON)

    assert batch.state == ImportBatch.State.DISCARDED
    assert not UploadPiece.objects.exists()
