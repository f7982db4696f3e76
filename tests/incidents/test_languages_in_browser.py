"""Pages in other languages, and from right to left, in a real browser."""

import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe

from config.site_front import front
from incidents import documents, site_folder
from incidents.documents import Edition, Telling
from tests.factories import NOON, make_event, make_incident, make_organisation, make_step, make_update
from tests.incidents.test_documents_in_browser import WCAG, Quiet, full_incident

pytestmark = pytest.mark.django_db
PAGES = ["/ar/", "/ar/history/", "/ar/incidents/full/", "/incidents/keys/", "/de/incidents/full/", "/incidents/full/"]


class Server(ThreadingMixIn, WSGIServer):
    """A browser opens a connection ahead of a click and says nothing on it: one thread alone would wait for it."""

    daemon_threads = True


@pytest.fixture
def site(tmp_path):
    """Where the front serves an incident in English and one in Arabic, each in three languages."""
    organisation = documents.freeze_organisation(make_organisation(languages=["en", "de", "ar"]))
    shown = [documents.freeze(full_incident()), documents.freeze(in_arabic())]
    for content in shown:
        made = documents.render(
            content, telling=Telling(state="done", as_of=NOON.isoformat()),
            version=Edition(number=1, at=NOON, said_at=NOON),
        )  # fmt: skip
        site_folder.write(tmp_path, made.items())
    made = documents.render_site(
        published=[(content, NOON) for content in shown],
        newest=[documents.Shown.of(content, NOON) for content in shown],
        organisation=organisation, at=NOON,
    )  # fmt: skip
    site_folder.write(tmp_path, made.items())
    site_folder.mark(tmp_path)
    server = make_server("127.0.0.1", 0, front(lambda *_: [], tmp_path), Server, Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def in_arabic():
    incident = make_incident(
        "keys", language="ar", title="انكشاف مفاتيح API لبعض العملاء", not_notified="not_affected",
        summary="استخدم شخص حساب أحد الموظفين لقراءة مفاتيح API لعدد قليل من عملائنا.",
    )  # fmt: skip
    make_step(incident, "استبدلوا مفاتيح API", how="اضغطوا على **استبدال**.", why="المفتاح القديم ما زال يعمل.")
    make_event(incident, "لاحظنا وصولًا غير معتاد.", marks="detected", precision="minute", zone="PT", utc_offset=-480)
    make_update(incident, "أغلقنا منفذ الدخول.", phase="monitoring")
    return incident


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_in_another_language_breaks_a_rule_of_accessibility(page, site, path, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(site + path)

    found = Axe().run(page, options=WCAG).response["violations"]

    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == []


@pytest.mark.parametrize("path", PAGES)
def test_no_page_in_another_language_scrolls_sideways(page, site, path):
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(site + path)

    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_reader_goes_from_language_to_language_and_back(page, site):
    page.goto(site + "/incidents/full/")
    page.get_by_role("link", name="العربي").click()
    page.wait_for_url("**/ar/incidents/full/")

    assert page.locator("html").get_attribute("dir") == "rtl"
    page.get_by_role("link", name="English").click()
    page.wait_for_url(site + "/incidents/full/")


def test_the_readers_own_time_is_in_the_language_and_digits_of_the_page(browser, site):
    context = browser.new_context(timezone_id="Europe/Berlin", locale="ar-EG")
    page = context.new_page()
    page.goto(site + "/incidents/keys/")

    assert "(13:00 بتوقيتكم)" in page.locator(".status-line").inner_text()
    context.close()
