"""The case of January 2023, typed into the staff room form by form: every fact of it finds a place, and none moves."""

import re

import pytest
from playwright.sync_api import Page, expect

from accounts import approvals
from incidents import casefile, publishing
from incidents.models import Incident
from tests.browser import press

CASE = casefile.named("circleci-2023-01")
ROOM = f"/staff/{CASE['slug']}/"
BUTTON = re.compile("^(Save|Add|Begin)")
# Where a form asks otherwise than the case file writes.
MOMENT = {"at", "utc_offset", "zone", "until"}


@pytest.fixture
def page(transactional_db, new_context, live_server, as_user, wanda, settings):
    context = new_context(base_url=live_server.url, java_script_enabled=False)
    session = as_user(wanda).cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    return context.new_page()


def put(page: Page, name: str, value) -> None:
    field = page.locator(f"main [name={name}]")
    kind = field.first.evaluate("field => field.type || field.tagName")
    if kind == "checkbox":
        field.set_checked(value)
    elif kind == "radio":
        page.locator(f"main [name={name}][value='{value}']").check()
    elif kind == "select-one":
        field.select_option(str(value))
    else:
        field.fill("\n".join(value) if isinstance(value, list) else str(value))


def when(page: Page, row: dict) -> None:
    if "at" in row:
        date, _, time = row["at"].partition("T")
        put(page, "date", date)
        put(page, "time", time)
    if "zone" in row:
        put(page, "zone", row["zone"])
    if "until" in row:
        put(page, "ends", row["until"].replace("T", " ").removesuffix(":00Z"))


def type_in(page: Page, address: str, row: dict, **others) -> None:
    page.goto(ROOM + address)
    elsewhere = page.locator("summary", has_text="said elsewhere")
    if row.get("said_elsewhere") and elsewhere.count():
        elsewhere.click()
    when(page, row)
    plain = {name: value for name, value in row.items() if name not in MOMENT | {"held_back", "correction"}}
    for name, value in (plain | others).items():
        put(page, name, value.removesuffix(":00Z") if name in {"cut_off", "due_at"} else value)
    press(page, BUTTON)
    expect(page.locator(".problem")).to_have_count(0)


def begin(page: Page) -> None:
    page.goto("/staff/incidents/new/")
    for name in ("title", "slug", "summary"):
        put(page, name, CASE[name])
    press(page, BUTTON)
    page.goto(f"{ROOM}edit/")
    for name in ("phase", "impact", "not_notified", "told_through", "internal_notes"):
        put(page, name, CASE[name])
    press(page, BUTTON)


def guidance(page: Page) -> None:
    incident = Incident.objects.get()
    for section in ("events", "segments", "exposures", "steps", "measures", "indicators", "estimates", "faq",
                    "references"):  # fmt: skip
        for row in CASE[section]:
            others = {}
            if "segment" in row:
                others["segment"] = incident.segments.get(key=row["segment"]).pk
            type_in(page, f"guidance/{section}/new/", row, **others)
            if row.get("held_back"):
                press(page, re.compile("^Hold back"))


def updates(page: Page) -> None:
    incident = Incident.objects.get()
    for row in CASE["updates"]:
        correction = row.get("correction")
        if correction is None:
            type_in(page, "updates/new/", {"kind": "update", **row})
            continue
        said = incident.updates.order_by("pk")[correction["corrects"] - 1]
        told = {} if "tell_again" not in correction else {"tell_again": "yes" if correction["tell_again"] else "no"}
        parts = {name: correction[name] for name in ("subject", "what", "was", "now")}
        row = {name: value for name, value in row.items() if name != "kind"}
        type_in(page, "updates/correct/", row, **parts, **told, corrects=said.pk)


def test_every_fact_of_a_long_incident_finds_its_place(page, wanda, anton, settings, tmp_path):
    settings.SITE_FOLDER = tmp_path / "site"
    begin(page)
    guidance(page)
    updates(page)

    typed = casefile.read(Incident.objects.get())
    for section in CASE:
        assert typed[section] == CASE[section], section

    Incident.objects.update(visibility="public")
    incident = Incident.objects.get()
    approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton)
    publishing.publish(incident, by=anton)
    made = (settings.SITE_FOLDER / f"incidents/{CASE['slug']}/index.html").read_text()
    for fact in (
        "4 January 2023", "16 December 2022", "19 December 2022</time> (believed)", "06:40", "10:15",
        "Less than 5 customers",
        "potrax[.]com", "178.249.214[.]10", "repo.download_zip", "Mullvad VPN", "GitLab users",
        "2022-12-21 to 2023-01-04", "00:00 UTC, 5 January 2023",
    ):  # fmt: skip
        assert fact in made, fact
