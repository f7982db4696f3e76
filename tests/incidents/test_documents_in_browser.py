"""The published page in a real browser: small screens, no scripts, the reader's own time, accessibility."""

import threading
from datetime import timedelta
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe

from config.site_front import front
from incidents import documents, site_folder
from incidents.documents import Edition, Telling
from incidents.models import Correction, Exposure, FAQEntry, Indicator
from tests.factories import NOON, make_event, make_incident, make_organisation, make_segment, make_step, make_update

pytestmark = pytest.mark.django_db
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def site(tmp_path):
    """Where the front serves a full incident, a bare holding statement and the site's documents."""
    organisation = documents.freeze_organisation(make_organisation())
    shown = [documents.freeze(full_incident()), documents.freeze(holding_statement())]
    edition = Edition(number=1, at=NOON, said_at=NOON)
    for content in shown:
        made = documents.render(content, telling=Telling(state="done", as_of=NOON.isoformat()), version=edition)
        site_folder.write(tmp_path, made.items())
    published = [(content, NOON) for content in shown]
    newest = [documents.Shown.of(content, NOON) for content in shown]
    made = documents.render_site(published=published, newest=newest, organisation=organisation, at=NOON)
    site_folder.write(tmp_path, made.items())
    site_folder.mark(tmp_path)
    server = make_server("127.0.0.1", 0, front(lambda *_: [], tmp_path), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def full_incident():
    incident = make_incident("full", not_notified="not_affected", next_update_by=NOON + timedelta(hours=4))
    segment = make_segment(incident, guidance="Change the [password](https://relaypost.example/smtp).")
    make_step(incident, segment=segment, how="Press **Rotate**.", due_at=NOON + timedelta(days=13), why="It works.")
    make_event(incident, marks="contained", precision="minute", zone="Pacific Time", utc_offset=-480)
    Exposure.objects.create(incident=incident, data_class="API keys", status="confirmed")
    Indicator.objects.create(incident=incident, kind="sha256", value="9f86d081884c7d659a2feaa0c55ad015" * 2)
    FAQEntry.objects.create(incident=incident, question="Was my card read?", answer="No.")
    update = make_update(incident, "We had the day wrong.", kind="correction", phase="monitoring")
    Correction.objects.create(update=update, subject="event", what="the day", was="2 January", now="1 January")
    return incident


def holding_statement():
    incident = make_incident("holding")
    make_update(incident, "We are looking into it.", kind="holding")
    return incident


PAGES = ["/incidents/full/", "/incidents/holding/", "/", "/history/", "/incidents/full/versions/", "/nothing/"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility(page, site, path, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(site + path)

    found = Axe().run(page, options=WCAG).response["violations"]

    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == []


@pytest.mark.parametrize("path", PAGES)
def test_no_page_scrolls_sideways_on_a_small_phone(page, site, path):
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(site + path)

    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_reader_sees_their_own_time_and_nothing_is_refused(browser, site):
    context = browser.new_context(timezone_id="Europe/Berlin")
    page = context.new_page()
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    page.on("requestfailed", lambda request: refused.append(request.url))

    page.goto(site + "/incidents/full/")

    assert "updated 12:00 UTC, 14 March 2026 (13:00 your time)" in page.locator(".status-line").inner_text()
    assert page.locator("button.copy").first.is_visible()
    assert refused == []
    context.close()


def test_the_first_screen_of_a_phone_says_what_happened(page, site):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(site + "/incidents/full/")

    for what in ("h1", ".incident-sentence", ".status-line", ".told-box-written h2"):
        box = page.locator(what).bounding_box()
        assert box["y"] + box["height"] <= 844, what


def test_the_page_reads_without_scripts(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(site + "/incidents/full/")

    assert "yours is not among them" in page.locator(".told-box-not-written").inner_text()
    assert not page.locator("button.copy").first.is_visible()
    context.close()


def test_the_history_is_searched_without_a_server(site, page):
    page.goto(f"{site}/history/")
    field, answer = page.get_by_label("Find in this list"), page.locator(".history-search [role=status]")
    everything = page.locator(".incidents-past li")
    titles = everything.locator("a").all_inner_texts()

    field.fill(titles[0].upper())
    assert [line for line in everything.all() if line.is_visible()]
    assert "found" in answer.inner_text()

    field.fill("no such incident anywhere")
    assert not [line for line in everything.all() if line.is_visible()]
    assert answer.inner_text() == "No incident found. Try another word."

    field.fill("")
    assert all(line.is_visible() for line in everything.all())


def test_without_scripts_the_history_offers_no_search(site, new_context):
    page = new_context(java_script_enabled=False).new_page()
    page.goto(f"{site}/history/")

    assert not page.get_by_label("Find in this list").is_visible()
    assert page.locator(".incidents-past li").first.is_visible()
