"""Uploading a list in the staff room: what its columns mean is asked, and nothing is read before somebody has said."""

import io

import openpyxl
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from django.test.utils import CaptureQueriesContext

from incidents.audience import working
from incidents.models import ColumnMapping, ImportBatch, StagedRow
from tests.browser import press
from tests.factories import make_incident, make_organisation, make_user
from tests.incidents.uploading import ROOM, answer, filled_in, send

BATCH = f"{ROOM}imports/1/"
ODD = "Kd.-Nr.;Wer;Zuletzt gesehen\nnorthwind;owner@northwind.example;2018-01-03\n"


@pytest.fixture
def incident(db):
    make_organisation()
    return make_incident()


def workbook(*rows: tuple) -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "Customers"
    for row in rows:
        book.active.append(row)
    book.create_sheet("Notes").append(["id", "email"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_the_columns_are_shown_with_values_and_a_guess(incident, as_user, wanda):
    page = send(as_user(wanda), ODD.encode())

    assert page.redirect_chain == [(BATCH, 302)]
    assert "Say what its columns mean; nothing is imported yet." in page.text
    assert "owner@northwind.example" in page.text
    assert filled_in(page)["meaning_0"] == "id"
    assert filled_in(page)["meaning_1"] == "email"
    assert (filled_in(page)["meaning_2"], filled_in(page)["type_2"]) == ("fact:", "date")
    assert filled_in(page)["name_2"] == "zuletzt_gesehen"
    assert not StagedRow.objects.exists()


def test_what_was_corrected_by_hand_is_read_and_remembered(incident, as_user, wanda, anton):
    client = as_user(wanda)
    send(client, ODD.encode())

    page = answer(client, ImportBatch.objects.get(), name_2="last_seen", type_2="text")
    working.work_on(ImportBatch.objects.get())

    assert "The file is being read." in page.text
    batch = ImportBatch.objects.get()
    assert (batch.state, batch.uploaded_by) == (ImportBatch.State.STAGED, wanda)
    assert batch.rows.get().facts == {"last_seen": "2018-01-03"}
    again = send(as_user(anton), ODD.replace("northwind", "contoso").encode())
    assert "as last time, by Wanda Writer on" in again.text
    assert filled_in(again)["name_2"] == "last_seen"


def test_a_contradiction_is_said_beside_its_column_and_nothing_is_read(incident, as_user, wanda):
    client = as_user(wanda)
    send(client, ODD.encode())

    page = answer(client, ImportBatch.objects.get(), meaning_2="email")

    assert page.status_code == 200
    assert "Two columns mean the same: “Zuletzt gesehen” (as is “Wer”) is email address." in page.text
    assert '<a href="#id_meaning_2">' in page.text
    assert ImportBatch.objects.get().state == ImportBatch.State.RECEIVED
    assert not ColumnMapping.objects.exists()


def test_windows_letters_are_shown_and_can_be_read_another_way(incident, as_user, wanda):
    client = as_user(wanda)
    page = send(client, "id;name\na;Łódź\n".encode("windows-1250"))
    assert "CSV, Windows-1252 (Western Europe), semicolon" in page.text
    assert "Are these letters right?" in page.text
    assert "2  a;£ódŸ" in page.text

    changed = client.post(
        f"{BATCH}read-as/", {"encoding": "windows-1250", "delimiter": ";", "header": "names"}, follow=True
    )

    assert "Read as CSV, Windows-1250 (Central Europe), semicolon." in changed.text
    assert "2  a;Łódź" in changed.text


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"encoding": "utf-16-le", "delimiter": ";", "header": "names"}, "Nothing was changed."),
        ({"encoding": "klingon", "delimiter": ";", "header": "names"}, "choose among what is offered"),
        ({}, "choose among what is offered"),
    ],
)
def test_a_format_that_makes_no_sense_changes_nothing(incident, as_user, wanda, said, words):
    client = as_user(wanda)
    send(client, ODD.encode())

    page = client.post(f"{BATCH}read-as/", said, follow=True)

    assert words in page.text
    assert ImportBatch.objects.get().format["encoding"] == "utf-8"


def test_the_first_line_can_be_data(incident, as_user, wanda):
    client = as_user(wanda)
    send(client, b"north,3\nsouth,4\n")

    page = client.post(f"{BATCH}read-as/", {"encoding": "utf-8", "delimiter": ",", "header": "data"}, follow=True)

    assert "column 1" in page.text and "north · south" in page.text


def test_another_sheet_can_be_chosen(incident, as_user, wanda):
    client = as_user(wanda)
    page = send(client, workbook(("Konto", "Kontakt"), ("a", "a@a.example")), "list.csv")
    assert "ends in .csv; inside it is Excel workbook, sheet “Customers”" in page.text
    assert "a@a.example" in page.text

    empty = client.post(f"{BATCH}read-as/", {"sheet": "1", "header": "names"}, follow=True)

    assert "Nothing was changed. There is a header and no row below it." in empty.text


@pytest.mark.parametrize("mode", ["replace", "rule_out"])
def test_whoever_rules_out_cites_what_shows_it(incident, as_user, wanda, mode):
    client = as_user(wanda)

    refused = send(client, ODD.encode(), mode=mode, evidence="no")
    assert "Cite what shows it, in a sentence." in refused.text
    assert not ImportBatch.objects.exists()

    send(client, ODD.encode(), mode=mode, evidence="The gateway's log shows none of their keys.")
    assert ImportBatch.objects.get().mode == mode
    assert "gateway" in ImportBatch.objects.get().evidence


def test_two_people_answer_and_the_second_is_told(incident, as_user, wanda, anton):
    send(as_user(wanda), ODD.encode())
    form = filled_in(as_user(anton).get(BATCH))
    as_user(wanda).post(f"{BATCH}columns/", form)

    late = as_user(wanda).post(f"{BATCH}columns/", form, follow=True)

    assert "does not wait for its columns any more" in late.text


def test_a_file_that_is_only_received_can_be_discarded(incident, as_user, wanda):
    client = as_user(wanda)
    send(client, ODD.encode())

    client.post(f"{BATCH}discard/")

    batch = ImportBatch.objects.get()
    assert batch.state == ImportBatch.State.DISCARDED
    assert not batch.pieces.exists()


def test_a_push_whose_pieces_still_come_asks_for_no_columns_and_can_be_discarded(incident, as_user, wanda):
    ImportBatch.objects.create(incident=incident, number=1, source="api", state="received", idempotency_key="k")
    client = as_user(wanda)

    page = client.get(BATCH)

    assert "still coming in" in page.text
    assert "Discard</button>" in page.text
    assert "does not wait for its columns" in client.post(f"{BATCH}columns/", follow=True).text
    assert "Nothing was changed." in client.post(f"{BATCH}read-as/", follow=True).text


@pytest.mark.parametrize("act", ["columns/", "read-as/"])
def test_only_who_may_write_answers_for_columns(incident, as_user, wanda, otto, stranger, act):
    send(as_user(wanda), ODD.encode())

    assert as_user(otto).post(BATCH + act).status_code == 403
    assert as_user(stranger).post(BATCH + act).status_code == 403
    assert as_user(wanda).get(BATCH + act).status_code == 405
    page = as_user(otto).get(BATCH)
    assert "Your role may look at this" in page.text and "<select" not in page.text
    assert ImportBatch.objects.get().state == ImportBatch.State.RECEIVED


def test_markup_in_headers_cells_and_sheets_stays_text(incident, as_user, wanda):
    page = send(as_user(wanda), b'id,"<b>x</b>"\na,<script>alert(1)</script>\n')

    assert "<b>x" not in page.text
    assert "<script>alert" not in page.text


def test_the_page_asks_the_same_few_questions_whatever_the_size(incident, as_user, wanda):
    client = as_user(wanda)
    for rows in (1, 400_000):
        send(client, b"id,name\n" + b"".join(b"a%d,A\n" % n for n in range(rows)))
    client.get(BATCH)

    few, many = (queries(client, f"{ROOM}imports/{number}/") for number in (1, 2))

    assert many == few


def queries(client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


# In a browser ---------------------------------------------------------------------------------------------------


@pytest.fixture
def room(transactional_db, new_context, live_server, as_user, settings):
    make_organisation()
    make_incident()
    user = make_user("wanda@relaypost.example", role="Writer", name="Wanda Writer")

    def enter(**options):
        context = new_context(base_url=live_server.url, **options)
        session = as_user(user).cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
        return context.new_page()

    return enter


def put_in(page, name: str, content: bytes) -> None:
    page.goto(f"{ROOM}imports/new/")
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "", "buffer": content})
    press(page, "Upload")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_odd_columns_are_mapped_by_hand_and_known_the_next_time(room, scripts):
    page = room(java_script_enabled=scripts)
    first = workbook(("Wer", "Merkmal", "Datum"), ("C-00012", "…4f2a", "3.1.2018"), ("C-00013", "…9c01", "4.1.2018"))

    put_in(page, "affected.xlsx", first)
    page.get_by_label("What “Wer” is").select_option(label="Account id")
    page.get_by_label("Name of “Merkmal” in messages").fill("api_key")
    press(page, "Check the rows")
    working.work()
    page.goto(f"{ROOM}imports/1/")

    assert "2 accounts" in page.locator("main").inner_text()
    batch = ImportBatch.objects.get()
    assert batch.columns == {"Wer": "id", "Merkmal": "fact:api_key", "Datum": "fact:datum:date"}
    put_in(page, "second.xlsx", workbook(("Wer", "Merkmal", "Datum"), ("C-00099", "…77aa", "5.1.2018")))
    assert "as last time, by Wanda Writer" in page.locator("main").inner_text()
    assert page.get_by_label("Name of “Merkmal” in messages").input_value() == "api_key"


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit(room, width, scheme):
    page = room(viewport={"width": width, "height": 800}, color_scheme=scheme)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    put_in(
        page, "list.csv", "id;Name;Zuletzt gesehen am und noch ein langes Wort\na;Müller;2018-01-03\n".encode("cp1252")
    )

    for path in (f"{ROOM}imports/1/", f"{ROOM}imports/new/"):
        page.goto(path)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
    assert errors == []
