"""What tests in a real browser share."""

import re

from playwright.sync_api import Page


def press(page: Page, name: str | re.Pattern, *, role: str = "button") -> None:
    """Press a button (or follow a link) and wait for the page it leads to.

    A click does not wait by itself: going elsewhere at once would cut the request off.
    """
    with page.expect_navigation():
        page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]
