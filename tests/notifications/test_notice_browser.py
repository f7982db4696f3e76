"""The pages of a notice in a real browser: several languages, variants, self-check; nothing to scroll sideways."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from notifications import composing, mailings
from tests.factories import (
    NOON,
    make_account,
    make_affected,
    make_incident,
    make_notice,
    make_organisation,
    make_segment,
    make_step,
    make_user,
)


def arrange(by) -> list[str]:
    """A notice in three languages with something to stop and to weigh; the paths of its pages."""
    make_organisation()
    incident = make_incident(first_published_at=NOON)
    make_step(incident)
    segment = make_segment(incident, "eu", name="Europe")
    make_affected(incident, make_account(locale="de"), segments=[segment])
    make_affected(incident, make_account("contoso", "it@contoso.example", locale="nl"))
    _, arabic = composing.starter(incident, "ar")
    notice = make_notice(
        incident, by,
        body='Hello {{ name }}, {{ code }}.\n\n:::if segment "eu"\nFor Europe, {{ account }}.\n:::\n\n{{ steps }}\n\n'
        "<https://a-rather-long-name-of-a-host.evil.test/with/a/path>\n\n{{ link }}",
    )  # fmt: skip
    mailings.edit_in(notice, "de", subject="Hinweis {{ code }}", body="Guten Tag {{ name }} {{ code }}\n\n{{ steps }}",
                     by=by, edits=0)  # fmt: skip
    mailings.edit_in(notice, "ar", subject="إشعار {{ code }}", body=arabic, by=by, edits=1)
    prepared = mailings.prepare(notice, by=by)
    of = f"/staff/{incident.slug}"
    at = f"{of}/notices/{notice.pk}"
    return [
        f"{at}/", f"{at}/?account=contoso", f"{at}/?variant=1", f"{at}/variants/", f"{at}/edit/", f"{at}/texts/new/",
        f"{at}/texts/ar/", f"{at}/texts/de/drop/", f"{of}/mailings/{prepared.number}/",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(
    transactional_db, new_context, live_server, as_user, settings, width, scheme
):
    make_user("wanda@relaypost.example", role="Writer", name="Wanda Writer")
    ada = make_user("ada@relaypost.example", role="Administrator", name="Ada Administrator")
    paths = arrange(ada)
    client = as_user(ada)
    context = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    session = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    for path in paths:
        answer = page.goto(f"{live_server.url}{path}")
        assert answer is not None and answer.status == 200, path
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
    assert errors == []


def test_the_html_part_has_our_style_and_is_as_wide_as_a_phone(
    transactional_db, new_context, live_server, as_user, settings
):
    ada = make_user("ada@relaypost.example", role="Administrator", name="Ada Administrator")
    path = arrange(ada)[0]
    client = as_user(ada)
    context = new_context(viewport={"width": 1280, "height": 800})
    session = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page = context.new_page()

    page.goto(f"{live_server.url}{path}")
    frame = page.frame_locator("iframe")

    box = page.locator("iframe").bounding_box()
    assert box and box["width"] == 360
    assert frame.locator("mark").first.inner_text() == "Northwind Traders"
    colour = frame.locator("mark").first.evaluate("element => getComputedStyle(element).backgroundColor")
    assert colour == "rgb(255, 243, 191)"
