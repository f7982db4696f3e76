"""A reader on a phone, with and without scripts: open the link, continue, tick, come back."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from incidents.models import AffectedAccount, StepState
from notifications import links
from tests.browser import press
from tests.factories import in_hours
from tests.notifications.reader import _files_apart, make_letter, make_story, publish  # noqa: F401

PHONE = {"width": 360, "height": 740}


@pytest.fixture
def letter(transactional_db, wanda, anton):
    incident = make_story()
    publish(incident, by=wanda, yes=anton)
    return make_letter(incident)


def has_no_violations(page) -> bool:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    return True


def nothing_overflows(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("scripts", [True, False])
def test_open_continue_tick_and_find_it_saved(new_context, live_server, letter, scripts):
    page = new_context(viewport=PHONE, java_script_enabled=scripts).new_page()

    page.goto(f"{live_server.url}/notice/{links.token(letter.link)}/")
    press(page, "Continue")
    assert page.url == f"{live_server.url}/notice/"
    page.get_by_label("Rotate your API keys").check()
    press(page, "Save what I have done")
    page.reload()

    assert page.get_by_label("Rotate your API keys").is_checked()
    assert not page.get_by_label("Read your logs").is_checked()
    page.get_by_label("I have read this").check()
    press(page, "Confirm that I have read it")
    assert page.get_by_text("You told us that you have read it").is_visible()
    assert StepState.objects.get().state == StepState.State.TICKED
    assert AffectedAccount.objects.get().acknowledged_at


def test_the_first_step_stands_in_the_first_screen_of_a_phone(new_context, live_server, transactional_db, wanda, anton):
    incident = make_story(
        title="API keys and sending statistics of some customers were exposed to somebody outside",
        next_update_by=in_hours(5),
    )
    publish(incident, by=wanda, yes=anton)
    page = new_context(viewport=PHONE).new_page()

    page.goto(f"{live_server.url}/notice/{links.token(make_letter(incident).link)}/")
    press(page, "Continue")

    box = page.locator(".notice-step").first.locator("label").bounding_box()
    assert box["y"] + box["height"] <= PHONE["height"]


@pytest.mark.parametrize("width", [320, 360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(new_context, live_server, letter, width, scheme):
    page = new_context(viewport={"width": width, "height": 740}, color_scheme=scheme).new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    def looks_right():
        assert has_no_violations(page) and nothing_overflows(page)

    page.goto(f"{live_server.url}/notice/{links.token(letter.link)}/")
    looks_right()
    press(page, "Continue")
    page.locator("summary").click()
    looks_right()
    press(page, "check", role="link")
    looks_right()
    for code, answer in (
        (letter.code, "Yes."),
        (links.new_code(), "We have no message"),
        ("K7QF", "our codes have 12"),
    ):
        page.goto(f"{live_server.url}/genuine/")
        page.get_by_label("Reference code").fill(code)
        press(page, "Check the code")
        assert page.get_by_text(answer).first.is_visible()
        looks_right()
    assert errors == []


def test_pages_for_links_that_do_not_open_are_accessible(new_context, live_server, letter):
    page = new_context(viewport=PHONE).new_page()

    page.goto(f"{live_server.url}/notice/{'x' * 43}/")
    press(page, "Continue")
    assert page.get_by_role("heading", name="This link no longer opens").is_visible()
    assert has_no_violations(page)
    page.goto(f"{live_server.url}/notice/")
    assert has_no_violations(page)
