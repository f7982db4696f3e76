"""The list of affected accounts and its export in a real browser: accessible, nothing overflows, nothing is blocked."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from accounts import approvals
from notifications import exports, listing
from tests.browser import press
from tests.factories import make_account, make_affected, make_incident, make_organisation, make_segment, make_step


@pytest.fixture
def incident(transactional_db):
    make_organisation()
    incident = make_incident()
    segment = make_segment(incident)
    make_step(incident, segment=segment)
    make_affected(incident, segments=[segment])
    for n in range(60):
        make_affected(incident, make_account(f"customer-number-{n:03}", f"owner@customer-{n}.example", name="A" * 60))
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
def test_list_and_export_are_accessible_and_fit(incident, open_pages, live_server, ada, anton, width, scheme):
    export = exports.ask(incident, listing.Filter(), format="csv", because="The regulator asked", by=ada, page="/{pk}/")
    approvals.answer(approvals.living(exports.ACT, export), yes=True, by=anton)
    page = open_pages(viewport={"width": width, "height": 800}, color_scheme=scheme)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    for path in ("", "?outcome=unreached&segment=api&country=x", "export/", f"exports/{export.pk}/"):
        page.goto(f"{live_server.url}/staff/api-keys-2018/affected/{path}")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
    assert errors == []


def test_the_way_from_the_list_to_the_file_works_without_scripts(incident, open_pages, live_server, anton):
    page = open_pages(java_script_enabled=False)
    page.goto(f"{live_server.url}/staff/api-keys-2018/affected/")
    page.get_by_label("Find an account").fill("customer-number-00")
    press(page, "Find")
    assert page.get_by_role("row").count() == 11
    assert "customer" not in page.url

    press(page, "Back to the list", role="link")
    page.get_by_text("Narrow the list").click()
    page.get_by_label("Segment").select_option("API customers")
    press(page, "Show these")
    press(page, "Show all", role="link")
    press(page, "Export …", role="link")
    page.get_by_label("Why these people's data leave the house").fill("The regulator asked")
    press(page, "Ask to export 61 people")
    approvals.answer(approvals.waiting_for(anton).get(), yes=True, by=anton)
    page.reload()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 61 people").click()

    assert download.value.suggested_filename.startswith("affected-api-keys-2018-")
