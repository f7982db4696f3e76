"""Following on a phone and on a desk, in the light and in the dark, without scripts; and read by axe."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from accounts.models import User
from notifications import tasks
from notifications.models import Subscriber
from notifications.subscriptions import tokens
from notifications.subscriptions.tokens import Purpose
from tests.browser import press
from tests.factories import make_organisation
from tests.notifications.following import make_follower, make_public, parts, through
from tests.notifications.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def incident(settings, tmp_path, live_server, wanda: User, anton: User):
    settings.SITE_FOLDER = tmp_path
    settings.PUBLIC_BASE_URL = live_server.url
    make_organisation()
    return make_public("api-keys", by=wanda, yes=anton)


def test_a_reader_follows_and_ends_it(page, live_server, incident, settings):
    with SmtpServer() as server:
        through(server, settings)
        page.goto(f"{live_server.url}/follow/api-keys/")
        page.get_by_label("Email address").fill("reader@northwind.example")
        press(page, "Send me the link")
        assert page.get_by_role("heading", level=1).inner_text() == "Look in your mailbox"
        tasks.tell_followers()

    text, _ = parts(server.accepted[0])
    page.goto(re.search(r"\S+/follow/confirm/\S+", text)[0])
    press(page, "Yes, send me updates")
    assert page.get_by_role("heading", level=1).inner_text() == "You follow now"
    assert Subscriber.objects.following().count() == 1

    page.goto(re.search(r"\S+/follow/end/\S+", text)[0])
    press(page, "Send me no more")
    assert not Subscriber.objects.following().exists()


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page, live_server, incident, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    end = tokens.token(make_follower("reader@northwind.example", incident), Purpose.END)

    for path in ["", "api-keys/", "asked/", "confirmed/", f"confirm/{end}/", f"end/{end}/"]:
        page.goto(f"{live_server.url}/follow/{path}")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
