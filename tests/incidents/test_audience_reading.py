"""What becomes of the rows of a readable file: accepted, rejected with a place and a remedy, or folded."""

import io
from unittest.mock import ANY

import pytest

from incidents import audience
from incidents.models import ImportBatch
from tests.factories import make_incident, make_segment

pytestmark = pytest.mark.django_db


def read(text: str, incident=None) -> ImportBatch:
    incident = incident or make_incident()
    batch = audience.read(incident, io.BytesIO(text.encode()), file_name="list.csv", by=None, source="room")
    assert batch.refusal == ""
    return batch


def rejected(batch: ImportBatch) -> list[tuple[int, str, str]]:
    return list(batch.rejected_rows.values_list("line", "column", "value"))


def test_known_columns_are_recognised_and_the_others_become_facts():
    batch = read(
        "Customer-ID,E-Mail,Company Name,Role,Language,Country,Segments,Certainty,Trusted,API key suffix\n"
        "northwind,Owner@Northwind.EXAMPLE,Northwind,Security,pt_BR,br,,ruled out,no,…4f2\n"
    )

    row = batch.rows.get()
    assert (row.external_id, row.name, row.locale, row.jurisdiction) == ("northwind", "Northwind", "pt-BR", "BR")
    assert (row.address, row.normal) == ("Owner@Northwind.EXAMPLE", "owner@northwind.example")
    assert (row.role, row.certainty, row.trusted) == ("security", "ruled_out", False)
    assert row.facts == {"api_key_suffix": "…4f2"}


def test_a_person_without_an_id_is_known_by_the_address():
    batch = read("email,found\nJane@Example.org,in a log\n")

    assert batch.rows.get().account_key == "@jane@example.org"


@pytest.mark.parametrize("cell", ["api|smtp", "API ; smtp", "api;smtp;"])
def test_segments_are_separated_by_bars_or_semicolons(cell):
    incident = make_incident()
    make_segment(incident, "api")
    make_segment(incident, "smtp")

    batch = read(f"id,segment(s)\na,{cell}\n", incident)

    assert batch.rows.get().segments == ["api", "smtp"]


def test_an_unknown_segment_says_what_to_do():
    batch = read("id,segment\na,api\nb,\n")

    problem = batch.rejected_rows.get()
    assert (problem.line, problem.column, problem.value) == (2, "segment", "api")
    assert "Guidance" in problem.remedy
    assert batch.rows.get().external_id == "b"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("email", "nobody"),
        ("email", "two@a.example two@b.example"),
        ("email", "a@b.example;c@d.example"),
        ("email", ".dot@example.com"),
        ("email", "owner@ex\N{CYRILLIC SMALL LETTER A}mple.com"),
        ("email", "owner@xn--exmple-4nf.com"),
        ("email", "owner@\N{CYRILLIC SMALL LETTER A}\N{CYRILLIC SMALL LETTER ER}\N{CYRILLIC SMALL LETTER ER}.com"),
        ("email", "\N{LATIN SMALL LETTER DOTLESS I}@example.com"),
        ("email", "=cmd|x@example.com"),
        ("email", "a@[127.0.0.1]"),
        ("email", "a@localhost"),
        ("email", "a" * 65 + "@example.com"),
        ("email", "a@" + "b" * 250 + ".com"),
        ("role", "boss"),
        ("certainty", "perhaps"),
        ("trusted", "maybe"),
        ("locale", "Deutsch!"),
        ("country", "Germany"),
        ("name", "x" * 301),
        ("fact", "x" * 1001),
        ("fact", "a\x07b"),
        ("fact", "abc\N{RIGHT-TO-LEFT OVERRIDE}def"),
        ("fact", "a\N{LINE SEPARATOR}b"),
    ],
)
def test_a_cell_that_is_wrong_is_named_and_the_other_rows_go_on(column, value):
    batch = read(f"id,{column}\nbad,{value}\ngood,\n")

    problem = batch.rejected_rows.get()
    assert (problem.line, problem.column) == (2, column)
    assert problem.problem and problem.remedy
    assert batch.rows.get().external_id == "good"
    assert batch.counts["read"] == 2


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("owner@müller.example", "owner@xn--mller-kva.example"),
        ("+1@example.com", "+1@example.com"),
        ("a.b+tag@example.com", "a.b+tag@example.com"),
        ("o'neil@example.co.uk", "o'neil@example.co.uk"),
        ("info@пример.рф", "info@xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_unusual_addresses_that_mail_can_reach_are_accepted(value, normal):
    assert read(f"email\n{value}\n").rows.get().normal == normal


def test_everything_wrong_with_a_row_is_said_at_once_and_the_row_counts_once():
    batch = read("id,email,role\na,nobody,boss\n")

    assert [column for _, column, _ in rejected(batch)] == ["email", "role"]
    assert batch.counts["rejected"] == 1


def test_a_quoted_line_break_keeps_the_line_numbers_of_the_rows_below():
    batch = read('id,note\na,"one\ntwo"\nb,fine\nc,"x\ny"\n')

    assert [line for line, _, _ in rejected(batch)] == [2, 5]
    assert batch.rows.get().line == 4


@pytest.mark.parametrize("row", ["a", "a,b,c", "a,b,,"])
def test_a_row_with_another_number_of_cells_is_rejected(row):
    batch = read(f"id,name\n{row}\nb,B\n")

    assert rejected(batch) == [(2, "", "")]


def test_a_row_that_names_nobody_is_rejected():
    batch = read("id,email,name\n,,Jane\na,,\n")

    assert "Neither" in batch.rejected_rows.get().problem


def test_rows_of_one_account_fold_with_all_their_addresses():
    batch = read(
        "id,email,role,name\n"
        "northwind,owner@northwind.example,owner,Northwind\n"
        "contoso,it@contoso.example,owner,\n"
        "northwind,sec@northwind.example,security,\n"
        "northwind,owner@northwind.example,owner,Northwind\n"
    )

    assert batch.counts == {
        "read": 4, "accepted": 2, "rejected": 0, "folded": 2, "accounts": 2, "addresses": 3,
        "without_address": 0, "without_email": 0, "ruled_out": 0, "findings": ANY,
    }  # fmt: skip


def test_folded_rows_complete_each_other():
    incident = make_incident()
    make_segment(incident, "api")
    make_segment(incident, "smtp")

    batch = read("id,name,segments,key\na,,smtp,\na,Acme,api,k1\n", incident)

    head = batch.rows.order_by("line").first()
    assert (head.name, head.segments, head.facts) == ("Acme", ["api", "smtp"], {"key": "k1"})


def test_a_contradiction_is_rejected_with_the_line_it_contradicts():
    batch = read("id,name,key\na,,k1\nb,B,k9\na,Acme,\na,Acme Ltd,k2\na,Acme,k1\n")

    assert [(row.line, row.column, row.problem.split(" is ")[0]) for row in batch.rejected_rows.all()] == [
        (5, "name", "Line 4"),
        (5, "key", "Line 2"),
    ]
    assert batch.counts["rejected"] == 1
    assert batch.counts["folded"] == 2


def test_the_counts_are_checked_against_the_rows(monkeypatch):
    monkeypatch.setattr("incidents.audience.reading.fold", lambda batch: batch.rows.first().delete())

    with pytest.raises(audience.DoesNotAddUp):
        read("id\na\nb\n")


def test_imports_of_one_incident_are_numbered_from_one():
    incident = make_incident()

    assert [read("id\na\n", incident).number for _ in range(2)] == [1, 2]
    assert read("id\na\n", make_incident("another")).number == 1
