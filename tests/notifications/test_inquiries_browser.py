"""Asking on a phone and on a desk, in the light and in the dark, from left and from right; and read by axe."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe

from accounts.models import User
from notifications.models import Inquiry
from tests.browser import press
from tests.factories import make_organisation
from tests.notifications.following import make_public

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def incident(settings, tmp_path, live_server, wanda: User, anton: User):
    settings.SITE_FOLDER = tmp_path
    settings.PUBLIC_BASE_URL = live_server.url
    make_organisation(languages=["en", "ar"])
    return make_public("api-keys", by=wanda, yes=anton)


def test_a_reader_asks(page, live_server, incident):
    page.goto(f"{live_server.url}/inquiry/api-keys/")
    page.get_by_label("Email address").fill("reader@northwind.example")
    page.get_by_label("Write to me if the answer changes").check()
    press(page, "Send me the answer")

    assert page.get_by_role("heading", level=1).inner_text() == "Look in your mailbox"
    assert Inquiry.objects.get().wants_news


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page, live_server, incident, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)

    for path in ["en/", "ar/", "en/sent/", "ar/sent/"]:
        page.goto(f"{live_server.url}/inquiry/api-keys/{path}")
        if folder := os.environ.get("CANDOR_SHOTS"):
            page.screenshot(path=f"{folder}/{path.replace('/', '-')}{width}-{scheme}.png", full_page=True)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
