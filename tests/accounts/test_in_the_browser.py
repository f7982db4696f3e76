"""Signing in and approving in a real browser: passkeys under our policy, keyboard, phone width, accessibility."""

import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from playwright.sync_api import Page

from accounts import approvals
from tests.browser import press
from tests.factories import PASSWORD, TOTP_SECRET, make_incident, make_organisation, make_user


@pytest.fixture(autouse=True)
def _mail_and_limits(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    cache.clear()


@pytest.fixture
def quiet_page(page: Page):
    """A page on which nothing was blocked and nothing broke: checked when the test ends."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    assert said == []


def sign_in(page: Page, base: str, email: str) -> None:
    page.goto(f"{base}/account/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def enter_code(page: Page) -> None:
    page.fill("[name=code]", format_hotp_value(hotp_value(TOTP_SECRET, int(time.time()) // 30)))
    page.keyboard.press("Enter")
    page.wait_for_url("**/staff/**")


def with_a_key(page: Page) -> None:
    """Chromium's virtual authenticator: a passkey holder that always says yes."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def assert_readable(page: Page) -> None:
    """No violation of the accessibility rules and nothing to scroll sideways, light and dark, phone and laptop."""
    for width, scheme in ((360, "light"), (1280, "light"), (360, "dark"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour on its way to another
        found = [(rule["id"], rule["nodes"][0]["html"]) for rule in Axe().run(page).response["violations"]]
        assert found == [], f"{page.url} at {width}, {scheme}"
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{page.url} at {width}"


def test_a_novice_adds_a_passkey_and_then_signs_in_with_it_alone(transactional_db, live_server, quiet_page):
    make_organisation()
    make_user("nora@relaypost.example", role="Writer", mfa=False, name="Nora Novice")
    page = quiet_page
    with_a_key(page)

    sign_in(page, live_server.url, "nora@relaypost.example")
    page.goto(f"{live_server.url}/staff/approvals/")
    assert page.inner_text("h1") == "Second factor"
    assert_readable(page)

    page.click("text=Add a passkey")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#mfa_webauthn_add")
    assert_readable(page)
    page.check("[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/recovery-codes/")

    page.goto(f"{live_server.url}/staff/approvals/")
    assert page.inner_text("h1") == "Approvals"
    press(page, "Sign out")
    page.goto(f"{live_server.url}/account/login/")
    page.click("#passkey_login")
    page.wait_for_url("**/staff/")


def test_whoever_has_no_passkey_is_told_so(transactional_db, live_server, page):
    make_organisation()
    with_a_key(page)
    page.goto(f"{live_server.url}/account/login/")

    page.click("#passkey_login")

    page.wait_for_selector("text=No passkey was used")
    assert_readable(page)


def test_an_app_is_set_up_from_the_image_or_the_key(transactional_db, live_server, quiet_page):
    make_organisation()
    make_user("nora@relaypost.example", role="Writer", mfa=False, name="Nora Novice")
    page = quiet_page
    sign_in(page, live_server.url, "nora@relaypost.example")
    page.goto(f"{live_server.url}/account/2fa/totp/activate/")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#secret")

    assert page.evaluate("document.querySelector('.second-factor-image img').naturalWidth") > 0
    assert_readable(page)
    secret = page.inner_text("#secret")
    page.fill("[name=code]", format_hotp_value(hotp_value(secret, int(time.time()) // 30)))
    page.keyboard.press("Enter")
    page.wait_for_url("**/recovery-codes/")

    page.goto(f"{live_server.url}/staff/approvals/")
    assert page.inner_text("h1") == "Approvals"


def test_an_approver_says_yes_on_a_phone_by_keyboard(transactional_db, live_server, quiet_page):
    make_organisation()
    wanda = make_user("wanda@relaypost.example", role="Writer", name="Wanda Writer")
    make_user("anton@relaypost.example", role="Approver", name="Anton Approver")
    asked = approvals.ask(
        act="publish", thing=make_incident(), hashes={"content": "3f" * 32}, by=wanda, page="/staff/approvals/",
        summary="Everyone can read “API keys of some customers were exposed”",
    )  # fmt: skip
    page = quiet_page
    sign_in(page, live_server.url, "anton@relaypost.example")
    assert_readable(page)
    enter_code(page)

    page.goto(f"{live_server.url}/staff/approvals/")
    assert_readable(page)
    page.set_viewport_size({"width": 360, "height": 800})
    page.focus(f"#approval-words-{asked.pk}")
    page.keyboard.type("Read twice")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Approve"
    page.keyboard.press("Enter")
    page.wait_for_selector("text=You approved.")

    asked.refresh_from_db()
    assert asked.state == "given"
    assert asked.sign_offs.get().words == "Read twice"
    assert_readable(page)


def test_the_pages_of_an_administrator_are_readable(transactional_db, live_server, quiet_page):
    make_organisation()
    make_user("ada@relaypost.example", role="Administrator", name="Ada Administrator")
    wanda = make_user("wanda@relaypost.example", role="Writer", name="Wanda Writer")
    page = quiet_page
    sign_in(page, live_server.url, "ada@relaypost.example")
    enter_code(page)

    for path in ("people/", f"people/{wanda.pk}/", f"people/{wanda.pk}/close/", "organisation/", "log/"):
        page.goto(f"{live_server.url}/staff/{path}")
        assert_readable(page)
