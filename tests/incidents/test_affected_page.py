"""The room "Affected accounts": uploading, confirming and finding, as staff see it."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry
from incidents import audience
from incidents.models import AffectedAccount, ImportBatch
from tests.factories import (
    make_account,
    make_address,
    make_affected,
    make_incident,
    make_organisation,
    make_segment,
)
from tests.incidents.uploading import upload

pytestmark = pytest.mark.django_db

ROOM = "/staff/api-keys-2018/affected/"
GOOD = b"id,email,name\nnorthwind,owner@northwind.example,Northwind\ncontoso,it@contoso.example,Contoso\n"


@pytest.fixture
def incident(db):
    make_organisation()
    return make_incident()


def confirm(client, **said):
    """Press Import, let a worker do it, look at the page."""
    client.post(f"{ROOM}imports/1/confirm/", said)
    audience.work()
    return client.get(f"{ROOM}imports/1/")


def test_a_writer_uploads_reads_the_preview_and_imports(incident, as_user, wanda):
    client = as_user(wanda)

    preview = upload(client, GOOD)
    assert "2 accounts with 2 addresses: 2 new" in preview.text
    assert "Import 2 accounts</button>" in preview.text
    assert "owner@northwind.example" in preview.text
    assert not AffectedAccount.objects.exists()

    done = confirm(client)
    assert "Imported.</strong> 2 accounts are new, 0 changed" in done.text
    assert AffectedAccount.objects.count() == 2
    assert ImportBatch.objects.get().confirmed_by == wanda


def test_a_file_of_which_no_row_can_be_used_is_not_said_to_hold_nothing_new(incident, as_user, wanda):
    page = upload(as_user(wanda), b"id,email\na,nobody\nb,nowhere\n")

    assert "No row of this file could be used" in page.text
    assert "stays on no list" in page.text
    assert "nothing new" not in page.text


def test_whoever_was_ruled_out_before_is_not_taken_back_in_silence(incident, as_user, wanda):
    make_affected(incident, make_account("contoso"), certainty="ruled_out")

    page = upload(as_user(wanda), GOOD)

    assert "1 account in this file was ruled out before, and stays so" in page.text


def test_the_same_file_again_is_said_to_hold_nothing_new(incident, as_user, wanda):
    client = as_user(wanda)
    upload(client, GOOD)
    confirm(client)

    again = upload(client, GOOD)

    assert "This file holds nothing new" in again.text
    assert ImportBatch.objects.get(number=2).state == "discarded"
    assert "This very file was imported before" in again.text
    assert "confirm/" not in again.text


def test_a_file_with_nothing_new_and_rows_left_out_waits_for_a_person(incident, as_user, wanda):
    client = as_user(wanda)
    upload(client, GOOD)
    confirm(client)

    again = upload(client, GOOD + b"fabrikam,no address,Fabrikam\n")

    assert "Put this file away</button>" in again.text
    assert ImportBatch.objects.get(number=2).state == "staged"


def test_a_person_answers_for_the_rows_that_were_left_out(incident, as_user, wanda, otto):
    client, path = as_user(wanda), f"{ROOM}imports/1/"
    upload(client, GOOD + b"fabrikam,no address,Fabrikam\n")
    confirm(client)
    assert as_user(otto).post(f"{path}dealt-with/", {"because": "no"}).status_code == 403
    assert "Say what became of these rows" in client.post(f"{path}dealt-with/", {"because": " "}, follow=True).text
    assert audience.left_out(incident).exists()

    said = client.post(f"{path}dealt-with/", {"because": "Told by telephone."}, follow=True)
    twice = client.post(f"{path}dealt-with/", {"because": "Told by letter."}, follow=True)

    assert "These rows are dealt with, because: Told by telephone." in said.text
    assert "Wanda Writer has already said" in twice.text and "by letter" not in twice.text
    assert not audience.left_out(incident).exists()
    entry = AuditEntry.objects.get(act="import.dealt_with")
    assert entry.by == wanda and "Told by telephone." in entry.body


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "list.csv", "The file is empty"),
        (GOOD.decode().encode("utf-16")[:-1], "list.csv", "UTF-16"),
        (b"PK\x03\x04", "list.xlsx", "damaged workbook"),
        (b'id,name\na,"A\n', "list.csv", "quotation mark"),
        (b"id\0", "list.csv", "NUL"),
    ],
)
def test_a_bad_file_gets_a_page_in_words(incident, as_user, wanda, content, name, words):
    page = upload(as_user(wanda), content, name)

    assert page.status_code == 200
    assert "could not be read" in page.text
    assert words in page.text
    assert ImportBatch.objects.get().state == ImportBatch.State.REFUSED


def test_a_form_without_a_file_says_what_is_missing(incident, as_user, wanda):
    page = as_user(wanda).post(f"{ROOM}imports/new/")

    assert "Choose the file that lists the affected accounts." in page.text
    assert not ImportBatch.objects.exists()


def test_rejected_rows_are_listed_with_place_and_remedy(incident, as_user, wanda):
    page = upload(as_user(wanda), GOOD + b"fabrikam,nobody,Fabrikam\n")

    assert "1 row will be left out" in page.text
    assert "This is no email address: it has no @." in page.text
    assert "Import 2 accounts" in page.text


def test_a_look_alike_domain_is_reported(incident, as_user, wanda):
    content = "id,email\na,owner@ex\N{CYRILLIC SMALL LETTER A}mple.com\nb,b@b.example\n".encode()

    assert "only looks like another" in upload(as_user(wanda), content).text


def test_markup_in_a_file_stays_text(incident, as_user, wanda):
    page = upload(as_user(wanda), b"id,name,<b>x\na,<script>alert(1)</script>,<i>\nb@,nobody,\n", "<img>.csv")

    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text
    assert "<b>x" not in page.text
    assert "<img>.csv" not in page.text


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r", "\0", "＝", "＠"])
def test_no_cell_of_the_downloaded_rejected_rows_is_a_formula(incident, as_user, wanda, beginning):
    value = f"{beginning}cmd|x".replace("\0", "")
    batch = ImportBatch.objects.create(
        incident=incident, number=1, source="room", state="staged", headers=["id", value]
    )
    batch.rejected_rows.create(line=2, column=value, value=value, problem="p", remedy="r", cells=[value, value])

    response = as_user(wanda).get(f"{ROOM}imports/1/rejected.csv")

    assert response["Content-Disposition"] == 'attachment; filename="import-1-rejected-rows.csv"'
    rows = list(csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig"), newline="")))
    assert rows[0][2:] == ["what is wrong", "what to do"]
    assert not any(cell.startswith(tuple("=+-@\t\r\0＝＠")) for row in rows for cell in row)


def test_the_sample_can_be_imported_as_it_is(incident, as_user, wanda):
    client = as_user(wanda)
    sample = client.get(f"{ROOM}imports/sample.csv").getvalue()

    page = upload(client, sample)

    assert "Import 3 accounts" in page.text
    assert "No row is left out" in page.text


def test_more_than_the_page_says_needs_the_box_ticked(incident, as_user, wanda):
    make_organisation(customers_total=10)
    incident.estimates.create(of_what="customers", bound="less_than", value=1, unit="percent", precision="unknown")
    client = as_user(wanda)

    preview = upload(client, GOOD)
    assert "This is more than the page says: 20 %" in preview.text

    refused = confirm(client)
    assert "Nothing was imported." in refused.text
    assert not AffectedAccount.objects.exists()

    confirm(client, beyond_estimate="on")
    assert AffectedAccount.objects.count() == 2


def test_the_second_of_two_people_who_confirm_is_told_who_was_first(incident, as_user, wanda, anton):
    upload(as_user(wanda), GOOD)
    confirm(as_user(wanda))

    late = as_user(anton).post(f"{ROOM}imports/1/confirm/", follow=True)

    assert "Import 1 was already confirmed by Wanda Writer." in late.text
    assert AuditEntry.objects.filter(act="import.confirmed").count() == 1


def test_discarding_says_that_nothing_was_imported(incident, as_user, wanda):
    client = as_user(wanda)
    upload(client, GOOD)

    page = client.post(f"{ROOM}imports/1/discard/", follow=True)

    assert "Import 1 was discarded. Nothing of it was imported." in page.text
    late = client.post(f"{ROOM}imports/1/confirm/", follow=True)
    assert "Upload the file again" in late.text


PAGES = ["", "1/", "imports/", "imports/new/", "imports/1/", "imports/1/rejected.csv", "imports/sample.csv"]
ACTS = ["look-up/", "imports/new/", "imports/1/confirm/", "imports/1/discard/"]


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_gets_nowhere(incident, as_user, stranger, page):
    assert as_user(stranger).get(ROOM + page).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_nobody_gets_in_without_signing_in(incident, client, page):
    assert client.get(ROOM + page).status_code == 302


@pytest.mark.parametrize("act", ACTS)
def test_a_stranger_can_do_nothing(incident, as_user, wanda, stranger, act):
    upload(as_user(wanda), GOOD)

    assert as_user(stranger).post(ROOM + act).status_code == 403
    assert ImportBatch.objects.get().state == ImportBatch.State.STAGED


def test_an_auditor_reads_everything_and_changes_nothing(incident, as_user, wanda, otto):
    upload(as_user(wanda), GOOD)
    affected = make_affected(incident)
    client = as_user(otto)

    for page in ["", f"{affected.pk}/", "imports/", "imports/1/", "imports/1/rejected.csv"]:
        assert client.get(ROOM + page).status_code == 200, page
    for act in ACTS[1:]:
        assert client.post(ROOM + act).status_code == 403
    assert "confirm/" not in client.get(f"{ROOM}imports/1/").text
    assert ImportBatch.objects.get().state == ImportBatch.State.STAGED


@pytest.mark.parametrize("act", ACTS[2:])
def test_reading_an_address_never_acts(incident, as_user, wanda, act):
    upload(as_user(wanda), GOOD)

    assert as_user(wanda).get(ROOM + act).status_code == 405


def test_nothing_of_another_incident_is_shown(incident, as_user, wanda):
    other = make_incident("another")
    affected = make_affected(other)
    client = as_user(wanda)
    client.post("/staff/another/affected/imports/new/", {"file": SimpleUploadedFile("l.csv", GOOD), "mode": "add"})

    assert client.get(f"{ROOM}{affected.pk}/").status_code == 404
    assert client.get(f"{ROOM}imports/1/").status_code == 404
    assert client.post(f"{ROOM}imports/1/confirm/").status_code == 404
    assert "northwind" not in client.get(ROOM).text


def queries(client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_the_number_of_queries_does_not_grow_with_the_rows(incident, as_user, wanda):
    make_segment(incident)
    client = as_user(wanda)

    def grow(count: int, name: str) -> None:
        for n in range(count):
            account = make_account(f"{name}-{n}", f"owner@{name}-{n}.example")
            make_address(account, f"second@{name}-{n}.example")
            make_affected(incident, account, segments=incident.segments.all())
        rows = "".join(f"{name}-{n},x@{name}-{n}.example,api\nbad-{n},nobody,\n" for n in range(count))
        content = f"id,email,segment\n{rows}".encode()
        audience.read(incident, io.BytesIO(content), file_name="l.csv", by=wanda, source="room")

    grow(2, "few")
    client.get(ROOM)  # the first page of a session costs one more
    few = {page: queries(client, ROOM + page) for page in ("", "imports/", "imports/1/")}
    grow(30, "many")
    many = {page: queries(client, ROOM + page) for page in ("", "imports/")} | {
        "imports/1/": queries(client, f"{ROOM}imports/2/")
    }

    assert many == few
