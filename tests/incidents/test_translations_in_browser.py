"""An incident in English and Arabic, side by side, and the room where it is translated: as people see them."""

import os
import threading
from pathlib import Path
from wsgiref.simple_server import make_server

import pytest
from axe_playwright_python.sync_playwright import Axe

from accounts.models import Organisation
from config.site_front import front
from incidents import documents, site_folder, translating
from incidents.documents import Edition, Telling
from incidents.models import Translation
from tests.factories import NOON, make_organisation
from tests.incidents.test_documents_in_browser import WCAG, Quiet, full_incident
from tests.incidents.test_languages_in_browser import Server

pytestmark = pytest.mark.django_db
ARABIC = {
    "title": "انكشاف مفاتيح API لبعض العملاء", "summary": "استخدم شخص حساب أحد الموظفين لقراءة مفاتيح قليلة.",
    "how": "اضغطوا على **استبدال**.", "why": "المفتاح القديم ما زال يعمل.", "body": "ذكرنا اليوم خطأً.",
    "text": "لاحظنا المفتاح المكشوف.", "question": "هل قُرئت بطاقتي؟", "answer": "لا.", "data_class": "مفاتيح API",
    "what": "اليوم", "was": "2 يناير", "now": "1 يناير",
}  # fmt: skip
SIZES = [(360, 740), (1280, 900)]


@pytest.fixture
def incident():
    """In English, translated into Arabic but for its segment."""
    make_organisation(languages=["en", "ar"])
    made = full_incident()
    Translation.objects.bulk_create(
        Translation(incident=made, language="ar", thing=text.thing, field=text.field, of=text.original,
                    words=ARABIC.get(text.field, "استبدلوا مفاتيحكم"))
        for text in translating.translations(made).texts if text.section != "segments"
    )  # fmt: skip
    return made


@pytest.fixture
def site(tmp_path, incident):
    content = documents.freeze(incident)
    made = documents.render(
        content, telling=Telling(state="done", as_of=NOON.isoformat()), version=Edition(number=1, at=NOON, said_at=NOON)
    )
    made |= documents.render_site(
        published=[(content, NOON)], newest=[documents.Shown.of(content, NOON)],
        organisation=documents.freeze_organisation(Organisation.get()), at=NOON,
    )  # fmt: skip
    site_folder.write(tmp_path, made.items())
    site_folder.mark(tmp_path)
    server = make_server("127.0.0.1", 0, front(lambda *_: [], tmp_path), Server, Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def picture(page, name):
    """Kept where somebody asks for them, to be looked at."""
    if folder := os.environ.get("CANDOR_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def violations(page):
    found = Axe().run(page, options=WCAG).response["violations"]
    return [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_page_translated_in_part_can_be_read_by_everyone(page, site, size, scheme, language):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme)
    page.goto(site + ("/ar" if language == "ar" else "") + "/incidents/full/")
    picture(page, f"page-{language}-{size[0]}-{scheme}")

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    if language == "ar":
        assert page.locator("h1").inner_text() == ARABIC["title"]
        assert page.locator("#steps ~ .in-the-original").count() == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_room_of_languages_can_be_used_by_everyone(
    transactional_db, incident, new_context, live_server, as_user, wanda, settings, size, scheme
):
    context = new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    session = as_user(wanda).cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page = context.new_page()

    for name, path in (("list", ""), ("form", "ar/"), ("open", "ar/?show=open")):
        page.goto(f"{live_server.url}/staff/full/languages/{path}")
        picture(page, f"room-{name}-{size[0]}-{scheme}")
        assert page.locator("h1").inner_text() in ("Languages", "Arabic")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
