"""Watching an import: read, compared and saved by a worker while the page asks how far it is."""

import io

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from incidents import audience
from incidents.models import AffectedAccount, ImportBatch, UploadPiece
from tests.factories import make_incident, make_organisation

pytestmark = pytest.mark.django_db

IMPORT = "/staff/api-keys-2018/affected/imports/1/"
LIST = "id,email\n" + "".join(f"a-{n},owner@a{n}.example\n" for n in range(5))


@pytest.fixture
def incident(db):
    make_organisation()
    return make_incident()


@pytest.fixture
def uploaded(incident, wanda) -> ImportBatch:
    """Its columns are said; no worker was there yet."""
    batch = audience.receive(incident, ContentFile(LIST.encode()), file_name="l.csv", by=wanda, source="room")
    return audience.begin(batch, meanings={"id": "id", "email": "email"}, by=wanda, at=timezone.now())


def test_the_page_waits_for_a_worker_then_shows_what_was_read(uploaded, as_user, wanda):
    client = as_user(wanda)
    assert "Waits for a worker." in client.get(IMPORT).text

    audience.work()

    assert "Import 5 accounts</button>" in client.get(IMPORT).text
    assert UploadPiece.objects.exists()  # until the batch ends: a crash of the database would lose the rows


def test_import_is_pressed_and_a_worker_does_it(uploaded, as_user, wanda):
    client = as_user(wanda)
    audience.work()

    page = client.post(f"{IMPORT}confirm/", follow=True)
    assert "Waits for a worker." in page.text
    assert not AffectedAccount.objects.exists()
    audience.work()

    assert "5 accounts are new" in client.get(IMPORT).text
    batch = ImportBatch.objects.get()
    assert (batch.state, batch.confirmed_by) == ("confirmed", wanda)
    assert not UploadPiece.objects.exists()


def test_progress_says_rows_and_bytes(uploaded, as_user, wanda):
    ImportBatch.objects.update(rows_read=3, bytes_read=50)
    with audience.claiming.claimed(uploaded):
        moving = as_user(wanda).get(f"{IMPORT}progress/?state=reading")

    assert "3 rows so far, 50\xa0bytes of" in moving.text
    assert "HX-Refresh" not in moving.headers
    assert "Look again" in moving.text


def test_the_whole_page_is_asked_for_once_there_is_something_new_to_see(uploaded, as_user, wanda):
    audience.work()

    assert as_user(wanda).get(f"{IMPORT}progress/?state=reading").headers["HX-Refresh"] == "true"


def test_reading_that_was_broken_off_is_said(uploaded, as_user, wanda):
    ImportBatch.objects.update(rows_read=3, bytes_read=50)

    assert "Reading was broken off after 3 rows." in as_user(wanda).get(IMPORT).text


def test_what_stopped_the_import_stands_on_its_page(incident, uploaded, as_user, wanda):
    make_organisation(customers_total=10)
    incident.estimates.create(of_what="customers", bound="less_than", value=1, unit="percent", precision="unknown")
    client = as_user(wanda)
    audience.work()

    client.post(f"{IMPORT}confirm/")
    audience.work()

    page = client.get(IMPORT).text
    assert "Nothing was imported.</strong> This is more than the page says" in page
    assert not AffectedAccount.objects.exists()
    client.post(f"{IMPORT}confirm/", {"beyond_estimate": "on"})
    audience.work()
    assert AffectedAccount.objects.count() == 5


def test_a_list_that_changed_meanwhile_is_compared_again(incident, uploaded, as_user, wanda):
    client = as_user(wanda)
    audience.work()
    other = audience.read(incident, io.BytesIO(b"id\na-1\n"), file_name="o.csv", by=None, source="command")
    audience.save(other, by=None)

    assert "The list has changed since this file was read." in client.get(IMPORT).text
    audience.work()

    assert "4 new, 1 changed" in client.get(IMPORT).text


def test_comparing_again_can_be_asked_for(uploaded, as_user, wanda):
    client = as_user(wanda)
    audience.work()

    assert "It is being compared" in client.post(f"{IMPORT}compare/", follow=True).text
    audience.work()

    assert "Import 5 accounts" in client.get(IMPORT).text


def test_looking_costs_a_few_queries_and_compares_nothing(uploaded, as_user, wanda):
    client = as_user(wanda)
    client.get(IMPORT)
    with CaptureQueriesContext(connection) as asking:
        client.get(f"{IMPORT}progress/?state=reading")
    audience.work()
    with CaptureQueriesContext(connection) as looking:
        client.get(IMPORT)

    assert len(asking) <= 13, [query["sql"][:90] for query in asking.captured_queries]
    assert len(looking) <= 40
    assert not any("imported" in query["sql"] for query in looking.captured_queries)


def test_an_auditor_watches_and_starts_nothing(uploaded, as_user, otto, stranger):
    assert as_user(otto).get(f"{IMPORT}progress/").status_code == 200
    assert as_user(otto).post(f"{IMPORT}compare/").status_code == 403
    assert as_user(otto).post(f"{IMPORT}confirm/").status_code == 403
    assert as_user(stranger).get(f"{IMPORT}progress/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_browser_sees_the_rows_grow_and_then_what_was_read(live_server, page, uploaded, as_user, wanda, settings):
    session = as_user(wanda).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    with audience.claiming.claimed(uploaded):
        ImportBatch.objects.update(rows_read=2, bytes_read=40)
        page.goto(live_server.url + IMPORT)
        assert Axe().run(page).violations_count == 0

        ImportBatch.objects.update(rows_read=4, bytes_read=80)
        page.get_by_text("4 rows so far").wait_for()
    audience.work()

    page.get_by_role("button", name="Import 5 accounts").wait_for()
    assert Axe().run(page).violations_count == 0
