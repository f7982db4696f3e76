"""What is no error and should be seen: shared mailboxes, probable duplicates, many readers, dead addresses."""

import io
import unicodedata

import pytest

from incidents import audience
from incidents.audience import doubts, findings
from incidents.audience.mailboxes import LATIN_TWINS
from incidents.models import ImportBatch
from tests.factories import make_account, make_address, make_affected, make_incident

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident(db):
    return make_incident()


def read(incident, text: str) -> ImportBatch:
    batch = audience.read(incident, io.BytesIO(text.encode()), file_name="list.csv", by=None, source="room")
    assert batch.state == ImportBatch.State.STAGED, batch.refusal
    return batch


def found(batch: ImportBatch, kind: str) -> list[tuple]:
    rows = list(batch.findings.filter(kind=kind).values_list("line", "account", "value", "other"))
    assert batch.counts["findings"][kind] == len(rows)
    return rows


def test_clean_addresses_are_no_findings(incident):
    batch = read(incident, "id,email\na,jane@one.com\nb,jane@two.com\na,jane.d@one.com\n")

    assert not batch.findings.exists()
    assert not any(batch.counts["findings"].values())


def test_one_address_of_several_accounts_is_one_finding(incident):
    batch = read(incident, "id,email\na,x@one.com\nb,X@One.com\nc,x@one.com\nb,y@one.com\n,x@one.com\n")

    assert found(batch, "same_address") == [(2, "a", "x@one.com", "b, c, x@one.com")]


def test_an_address_several_rows_of_one_account_have_is_none(incident):
    assert found(read(incident, "id,email\na,x@one.com\na,x@one.com\n"), "same_address") == []


def test_an_address_that_another_account_has_already_is_reported(incident):
    make_account("northwind", "owner@northwind.com")
    make_affected(incident, make_account("held", "jane@gmail.com"))

    batch = read(incident, "id,email\na,owner@northwind.com\nb,j.ane+x@gmail.com\nheld,jane@gmail.com\n")

    assert found(batch, "same_address") == [(2, "a", "owner@northwind.com", "northwind")]
    assert found(batch, "possible_duplicate") == [(3, "b", "j.ane+x@gmail.com", "jane@gmail.com")]


def test_a_second_import_of_the_same_list_finds_nothing_shared(incident):
    text = "id,email\na,x+1@one.com\nb,y@one.com\n,jane+z@one.com\n"
    audience.save(read(incident, text), by=None, beyond_estimate=True)

    batch = read(incident, text)

    assert found(batch, "same_address") == found(batch, "possible_duplicate") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jane@one.com", "jane+shop@one.com"),
        ("jane+a@one.com", "jane+b@one.com"),
        ("jane.doe@gmail.com", "janedoe@gmail.com"),
        ("janedoe@googlemail.com", "jane.doe+x@gmail.com"),
        ("jane@muller.com", "jane@m\N{LATIN SMALL LETTER U WITH DIAERESIS}ller.com"),
        ("jane@strase.de", "jane@stra\N{LATIN SMALL LETTER SHARP S}e.de"),
    ],
)
def test_addresses_that_are_probably_one_mailbox_are_reported_and_stay_apart(incident, one, other):
    batch = read(incident, f"id,email\na,{one}\nb,{other}\n")

    assert [line for line, *_ in found(batch, "possible_duplicate")] == [2]
    assert batch.counts["accounts"] == 2
    assert found(batch, "same_address") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("jane.doe@one.com", "janedoe@one.com"), ("jane@one.com", "jane@one.org"), ("+1@one.com", "+2@one.com")],
)
def test_addresses_that_may_well_be_two_mailboxes_are_not(incident, one, other):
    assert found(read(incident, f"id,email\na,{one}\nb,{other}\n"), "possible_duplicate") == []


def test_two_tags_of_one_account_are_no_duplicate(incident):
    assert found(read(incident, "id,email\na,jane@one.com\na,jane+x@one.com\n"), "possible_duplicate") == []


def test_ids_that_differ_only_in_case_are_probably_one_account(incident):
    batch = read(incident, "id,email\nNorthWind,a@one.com\nnorthwind,b@one.com\nCONTOSO,c@one.com\n")

    assert found(batch, "possible_duplicate") == [(2, "NorthWind", "NorthWind", "northwind")]


@pytest.mark.parametrize(
    "address",
    [
        "abuse@one.com",
        "Postmaster@one.com",
        "list-dev@one.com",
        "dev-l@one.com",
        "x@lists.one.com",
        "y@googlegroups.com",
    ],
)  # fmt: skip
def test_mailboxes_with_many_readers_are_reported(incident, address):
    batch = read(incident, f"id,email\na,{address}\nb,jane@one.com\n")

    assert found(batch, "role_address") == [(2, "a", address, "")]
    assert batch.findings.get().words


@pytest.mark.parametrize(
    ("address", "perhaps"),
    [
        ("jane@gmial.com", "gmail.com"), ("jane@hotmail.con", "hotmail.com"), ("jane@one.test", ""),
        ("jane@example.com", ""), ("jane@files.example", ""), ("noreply@one.com", ""), ("no-reply-shop@one.com", ""),
        ("donotreply@one.com", ""), ("jane@mail.local", ""),
    ],
)  # fmt: skip
def test_addresses_that_mail_may_not_reach_are_reported(incident, address, perhaps):
    batch = read(incident, f"id,email\na,{address}\nb,jane@one.com\n")

    assert found(batch, "doubtful_address") == [(2, "a", address, perhaps)]


def test_a_rejected_row_is_found_nothing_about(incident):
    batch = read(incident, "id,email,role\na,abuse@one.com,boss\nb,jane@one.com,\n")

    assert found(batch, "role_address") == []


def test_only_the_first_are_kept_and_all_are_counted(incident, monkeypatch):
    monkeypatch.setattr(findings, "ODD_KEPT", findings.ODD_KEPT.replace("10000", "3"))
    batch = read(incident, "id,email\n" + "".join(f"a{n},info@a{n}.com\n" for n in range(7)))

    assert batch.counts["findings"]["role_address"] == 7
    assert [row.line for row in batch.findings.all()] == [2, 3, 4]


def test_comparing_again_finds_the_same_once(incident):
    batch = read(incident, "id,email\na,x@one.com\nb,x@one.com\n")

    audience.compare(batch)

    assert len(found(batch, "same_address")) == 1


def test_a_row_without_email_is_no_trouble(incident):
    make_address(make_account("held", None), "Main St. 1, Berlin", kind="post")

    batch = read(incident, 'id,phone,post\na,+49 30 12345,"Main St. 1, Berlin"\nb,+49 30 12345,\n')

    assert found(batch, "same_address") == []


def test_every_letter_drawn_like_a_latin_one_has_its_latin_one():
    for letter in LATIN_TWINS:
        assert doubts.skeleton(f"{letter}.com").isascii(), unicodedata.name(letter)
