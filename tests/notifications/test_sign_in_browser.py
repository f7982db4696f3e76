"""Signing in on a phone, with and without scripts; every page of it is accessible and fits."""

import re

import pytest
from django.core import mail
from django.utils import timezone

from notifications.reading import signing_in
from tests.browser import press
from tests.notifications.reader import _files_apart, make_letter, make_story, publish  # noqa: F401
from tests.notifications.test_reader_browser import has_no_violations, nothing_overflows


@pytest.fixture
def letter(transactional_db, wanda, anton):
    incident = make_story()
    publish(incident, by=wanda, yes=anton)
    return make_letter(incident)


def code() -> str:
    signing_in.send_waiting(at=timezone.now())
    return re.search(r"^    (\S+)$", mail.outbox[-1].body, re.MULTILINE)[1]


@pytest.mark.parametrize(
    ("width", "scheme", "scripts"), [(360, "light", False), (360, "light", True), (1280, "dark", True)]
)
def test_sign_in_read_open_and_sign_out(new_context, live_server, letter, width, scheme, scripts):
    page = new_context(
        viewport={"width": width, "height": 740}, color_scheme=scheme, java_script_enabled=scripts
    ).new_page()

    def looks_well() -> None:
        if scripts:  # both are asked by script
            assert nothing_overflows(page) and has_no_violations(page)

    page.goto(f"{live_server.url}/your-notices/")
    looks_well()
    page.get_by_label("Email address").fill("owner@northwind.example")
    press(page, "Send me a code")
    page.get_by_label("Code from the message").fill("nonsense")
    press(page, "Go on")
    looks_well()
    page.get_by_label("Code from the message").fill(code())
    press(page, "Go on")
    assert page.url == f"{live_server.url}/your-notices/"
    looks_well()

    press(page, "Open the notice about northwind")
    assert page.get_by_role("heading", name="API keys of some customers were exposed").is_visible()
    looks_well()
    page.goto(f"{live_server.url}/your-notices/")
    press(page, "Sign out")
    assert page.get_by_text("You are signed out").is_visible()
    looks_well()
    page.goto(f"{live_server.url}/notice/")
    assert page.get_by_text("There is no open notice").is_visible()


def test_somebody_without_a_notice_gets_a_page_that_fits(new_context, live_server, letter):
    page = new_context(viewport={"width": 360, "height": 740}).new_page()
    page.goto(f"{live_server.url}/your-notices/")
    page.get_by_label("Email address").fill("stranger@elsewhere.example")
    press(page, "Send me a code")
    page.get_by_label("Code from the message").fill(code())
    press(page, "Go on")

    assert page.get_by_text("we hold no notice for this mailbox").is_visible()
    assert nothing_overflows(page) and has_no_violations(page)
    page.goto(f"{live_server.url}/notice/{'x' * 43}/")
    press(page, "Continue")
    assert nothing_overflows(page) and has_no_violations(page)
    press(page, "Send me a fresh link")
    assert page.get_by_role("heading", name="Look in your mailbox").is_visible()
    assert has_no_violations(page)
