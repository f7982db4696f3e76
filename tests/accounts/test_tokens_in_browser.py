"""The token pages in a real browser, and the API's own description."""

import re

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect

from accounts.models import ApiToken
from tests.accounts.test_in_the_browser import assert_readable, enter_code, quiet_page, sign_in  # noqa: F401
from tests.browser import press
from tests.factories import make_organisation, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def room(live_server, quiet_page: Page) -> Page:  # noqa: F811
    """Ada is signed in."""
    cache.clear()
    make_organisation()
    make_user("ada@relaypost.example", role="Administrator", name="Ada Administrator")
    sign_in(quiet_page, live_server.url, "ada@relaypost.example")
    enter_code(quiet_page)
    return quiet_page


def test_a_token_is_made_shown_listed_and_revoked(room, live_server):
    room.goto(f"{live_server.url}/staff/tokens/")
    assert_readable(room)
    press(room, "Make a token", role="link")
    assert_readable(room)
    room.fill("[name=name]", "key service")
    room.get_by_label("Hand in affected accounts").check()
    press(room, "Make the token")

    token = room.locator("#token").inner_text()
    assert re.fullmatch(r"inc_[0-9a-z]{8}_[0-9A-Za-z]{43}", token)
    assert token not in room.url
    assert_readable(room)
    press(room, re.compile("I have it"), role="link")
    assert_readable(room)
    expect(room.get_by_text("write:affected")).to_be_visible()
    assert token not in room.content()

    press(room, re.compile("^Revoke"), role="link")
    assert_readable(room)
    press(room, "Revoke key service")
    assert_readable(room)
    expect(room.get_by_role("status")).to_contain_text("is revoked")
    assert ApiToken.objects.get().revoked_by.email == "ada@relaypost.example"


def test_the_description_opens_and_names_the_scopes(room, live_server):
    room.goto(f"{live_server.url}/api/docs")

    room.get_by_text("Up to 1,000 accounts in one call").click()
    expect(room.get_by_text(re.compile("Scope of the token")).first).to_be_visible()
