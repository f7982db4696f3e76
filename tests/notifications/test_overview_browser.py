"""Overview and evidence in a real browser: accessible, nothing overflows, nothing is blocked."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from notifications.evidence import asking
from tests.browser import press
from tests.factories import in_hours, make_incident
from tests.notifications import night


@pytest.fixture
def incident(transactional_db, tmp_path):
    incident = night.play(tmp_path / "site")
    incident.refresh_from_db()
    incident.next_update_by = in_hours(-1.5)
    incident.save()
    make_incident("fresh", title="Something was noticed")
    return incident


@pytest.fixture
def open_pages(new_context, live_server, as_user, ada, settings):
    def open_context(**options):
        context = new_context(**options)
        session = as_user(ada).cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
        return context.new_page()

    return open_context


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(incident, open_pages, live_server, width, scheme):
    page = open_pages(viewport={"width": width, "height": 800}, color_scheme=scheme)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    for path in ("api-keys-2018/", "fresh/", "api-keys-2018/evidence/", "fresh/evidence/"):
        page.goto(f"{live_server.url}/staff/{path}")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
    assert errors == []


def test_the_evidence_is_asked_for_and_downloaded_by_its_buttons(incident, open_pages, live_server):
    page = open_pages(java_script_enabled=False)
    page.goto(f"{live_server.url}/staff/api-keys-2018/evidence/")

    press(page, "Put together the evidence of 6 people")
    assert asking.work() == 1
    page.goto(f"{live_server.url}/staff/api-keys-2018/evidence/")
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("^Download")).click()

    assert download.value.suggested_filename.startswith("evidence-api-keys-2018-")
