"""A file nobody can trust: each gets a refusal in words, and nothing of it is stored."""

import gzip
import io

import pytest
from django.db import OperationalError

from incidents import audience
from incidents.models import ImportBatch, RejectedRow, StagedRow
from tests.factories import make_incident

pytestmark = pytest.mark.django_db

GOOD = "account_id,email\nnorthwind,owner@northwind.example\n"

BAD = {
    "empty": (b"", "empty"),
    "only blank lines": (b"\n \n", "holds no row"),
    "header only": (b"account_id,email\n", "no row below"),
    "header and blank lines": (b"account_id,email\n\n  ,\n\n", "no row below"),
    "no header": (b"northwind,owner@northwind.example\ncontoso,it@contoso.example\n", "holds an address"),
    "no column that says who": (b"colour,size\nred,4\n", "“colour”, “size”"),
    "binary": (bytes(range(256)) * 50, "control characters"),
    "random bytes": (b"\x8aQOH\r\n\x1a\n" + bytes(range(256)), "control characters"),
    "a PNG": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "This is a picture (PNG), not a list"),
    "a JPEG": (b"\xff\xd8\xff\xe0" + bytes(range(256)), "This is a picture (JPEG), not a list"),
    "a damaged workbook": (b"PK\x03\x04" + b"\0" * 100, "damaged workbook"),
    "an old Excel workbook": (b"\xd0\xcf\x11\xe0" + b"\0" * 100, "Excel"),
    "a PDF": (b"%PDF-1.7\n...", "PDF"),
    "NUL in a row": (b"account_id,email\nnorth\0wind,owner@northwind.example\n", "Line 2: There are NUL bytes"),
    "half a letter of UTF-16": (GOOD.encode("utf-16")[:-1], "Line 2: This is not UTF-16"),
    "not UTF-8 far below": (b"id,name\n" + b"a,A\n" * 100_000 + b"b,M\xfcller\n", "Line 100,002: This is not UTF-8"),
    "not UTF-8 below odd line ends": (b"id,name\r\n" + b"a,A\r\n" * 99_999 + b"b,M\xfcller", "Line 100,001: This"),
    "a quote never closed": (b'account_id,name\na,A\nb,"B\nc,C\nd,D\n', "Line 3: A quotation mark opens"),
    "a quote never closed in a long file": (b'account_id,name\nb,"B\n' + b"c,C\n" * 300_000, "Line 2: A cell"),
    "a quote in the header": (b'account_id,"name\na,A\n', "Line 1: A quotation mark opens"),
    "a quote in the middle": (b'account_id,name\na,"A"B\n', "Line 2: The quotation marks"),
    "a million columns": (b"account_id" + b",x" * 499_000 + b"\na\n", "499,001 columns"),
    "201 columns": (b"account_id," + b",".join(b"c%d" % n for n in range(200)) + b"\na\n", "201 columns"),
    "one endless line": (b"account_id" + b",x" * 1_000_000, "longer than a million characters"),
    "a huge cell": (b"account_id,name\na," + b"x" * 200_000 + b"\n", "Line 2: A cell"),
    "a row over many lines": (b'account_id,name\n' + b'"a\n",' * 500_000, "longer than a million characters"),
    "twice the same header": (b"email,Email\na@b.example,c@d.example\n", "Two columns mean the same"),
    "two headers for one thing": (b"account id,customer\na,b\n", "“customer” (as is “account id”)"),
    "two headers for one fact": (b"id,API key,api-key\na,b,c\n", "api_key"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_file_is_refused_in_words_and_nothing_is_staged(bad):
    content, words = BAD[bad]

    batch = audience.read(make_incident(), io.BytesIO(content), file_name="list.csv", by=None, source="room")

    assert batch.state == ImportBatch.State.REFUSED
    assert words in batch.refusal
    assert not StagedRow.objects.exists()
    assert not RejectedRow.objects.exists()
    assert batch.size == len(content)
    assert len(batch.sha256) == 64


@pytest.mark.parametrize("name", ["list.xlsx", "list", "list.csv.exe", ""])
def test_what_a_file_is_called_decides_nothing(name):
    batch = audience.read(make_incident(), io.BytesIO(GOOD.encode()), file_name=name, by=None, source="room")

    assert batch.state == ImportBatch.State.STAGED


def test_a_file_without_a_header_is_refused_without_repeating_its_addresses():
    content = b"northwind,owner@northwind.example\n"

    batch = audience.read(make_incident(), io.BytesIO(content), file_name="list.csv", by=None, source="room")

    assert "northwind" not in batch.refusal


def test_a_file_name_keeps_no_path_and_no_control_characters():
    batch = audience.read(
        make_incident(), io.BytesIO(GOOD.encode()), file_name="C:\\lists\\a\0b\x1b[31m.csv", by=None, source="room"
    )

    assert batch.file_name == "ab[31m.csv"
    assert batch.state == ImportBatch.State.STAGED


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode(),
        GOOD.encode("utf-8-sig"),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace(",", ";").encode(),
        GOOD.replace(",", "\t").encode(),
        GOOD.rstrip("\n").encode(),
        b'"Account ID","E-Mail Address"\n"northwind","owner@northwind.example"\n',
        b"ACCOUNT_ID;Email\nnorthwind;owner@northwind.example\n\n;\n",
        GOOD.replace(",", "|").encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.encode("utf-16"),
        b"\xfe\xff" + GOOD.encode("utf-16-be"),
        GOOD.encode("utf-16-le"),
        GOOD.encode("utf-16-be"),
        gzip.compress(GOOD.encode()),
        gzip.compress(GOOD.encode("utf-16")),
        gzip.compress(GOOD[:30].encode()) + gzip.compress(GOOD[30:].encode()) + b"\0" * 512,
    ],
    ids=[
        "plain",
        "BOM",
        "CRLF",
        "semicolon",
        "tab",
        "no last newline",
        "quoted",
        "blank rows",
        "bar",
        "old Mac",
        "UTF-16",
        "UTF-16 BE",
        "UTF-16 without a mark",
        "UTF-16 BE without a mark",
        "gzip",
        "gzip of UTF-16",
        "gzip of two parts",
    ],
)
def test_the_usual_ways_to_write_a_csv_file_all_give_the_same_row(content):
    batch = audience.read(make_incident(), io.BytesIO(content), file_name="list.csv", by=None, source="room")

    assert batch.refusal == ""
    row = batch.rows.get()
    assert (row.line, row.external_id, row.address) == (2, "northwind", "owner@northwind.example")
    assert set(batch.columns.values()) == {"id", "email"}


def test_excels_own_line_about_the_separator_is_no_header():
    content = b"sep=;\r\nid;note\r\na;1,5,7\r\nb;\r\n"

    batch = audience.read(make_incident(), io.BytesIO(content), file_name="list.csv", by=None, source="room")

    assert batch.format["delimiter"] == ";"
    assert list(batch.rows.order_by("line").values_list("line", "external_id")) == [(3, "a"), (4, "b")]


def test_windows_1252_is_recognised_where_it_is_no_utf_8():
    content = "account_id,name\nnorthwind,Müller “&” Söhne\n".encode("windows-1252")

    batch = audience.read(make_incident(), io.BytesIO(content), file_name="list.csv", by=None, source="room")

    assert batch.format["encoding"] == "windows-1252"
    assert batch.rows.get().name == "Müller “&” Söhne"


def test_the_encoding_can_be_said():
    content = "id,name\na,Łódź\n".encode("windows-1250")

    batch = audience.read(make_incident(), io.BytesIO(content), file_name="list.csv", by=None, source="room",
                          format={"encoding": "windows-1250"})  # fmt: skip

    assert batch.rows.get().name == "Łódź"


def test_columns_without_a_name_get_one_and_empty_ones_are_left_out():
    content = "id,,密钥,\na,b,c,\n".encode()

    batch = audience.read(make_incident(), io.BytesIO(content), file_name="list.csv", by=None, source="room")

    assert batch.columns == {"id": "id", "column 2": "fact:column_2", "密钥": "fact:column_3", "column 4": "ignore"}
    assert batch.rows.get().facts == {"column_2": "b", "column_3": "c"}


def test_a_file_is_never_held_as_a_whole():
    largest = 0

    class Slow(io.BytesIO):
        def read(self, size=-1, /):
            nonlocal largest
            largest = max(largest, size)
            assert size > 0
            return super().read(size)

    audience.read(make_incident(), Slow(GOOD.encode()), file_name="list.csv", by=None, source="room")

    assert 0 < largest <= 1 << 20


def test_a_database_without_room_is_said_in_words_and_nothing_is_staged(monkeypatch):
    def fail(*args):
        raise OperationalError("could not extend file: No space left on device")

    monkeypatch.setattr("incidents.audience.reading.fold", fail)

    batch = audience.read(make_incident(), io.BytesIO(GOOD.encode()), file_name="list.csv", by=None, source="room")

    assert batch.state == ImportBatch.State.REFUSED
    assert "disk is full" in batch.refusal
    assert not StagedRow.objects.exists()


def test_a_batch_discarded_while_it_is_read_stays_discarded_and_empty(monkeypatch):
    def discard(batch):
        ImportBatch.objects.filter(pk=batch.pk).update(state=ImportBatch.State.DISCARDED)

    monkeypatch.setattr("incidents.audience.reading.fold", discard)

    batch = audience.read(make_incident(), io.BytesIO(GOOD.encode()), file_name="list.csv", by=None, source="room")

    # Here the discarding was part of the transaction that is rolled back; what counts is that nothing was staged.
    assert batch.state != ImportBatch.State.STAGED
    assert not StagedRow.objects.exists()
