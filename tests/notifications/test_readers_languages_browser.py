"""Readers' pages in Arabic: they run from the right, nothing overflows, nothing is in the way of a screen reader."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from accounts.models import Account
from notifications import links
from tests.browser import press
from tests.notifications.reader import _files_apart, make_letter, make_story, publish  # noqa: F401


def is_sound(page) -> None:
    assert page.evaluate("document.dir") == "rtl"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [360, 1280])
def test_readers_pages_in_arabic(new_context, live_server, transactional_db, wanda, anton, width):
    incident = make_story()
    publish(incident, by=wanda, yes=anton)
    letter = make_letter(incident)
    Account.objects.update(locale="ar")
    page = new_context(viewport={"width": width, "height": 800}, locale="ar").new_page()

    for path in ("genuine/", "genuine/report/", "follow/", "your-notices/sign-in/"):
        page.goto(f"{live_server.url}/{path}")
        is_sound(page)
    page.goto(f"{live_server.url}/notice/{links.token(letter.link)}/")
    is_sound(page)
    press(page, "متابعة")
    is_sound(page)
