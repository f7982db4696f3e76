"""The whole road in a real browser, with real workers, a real mail server and real webhooks."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from config.demo import provider, totp
from incidents.models import StepState
from notifications.evidence import asking
from notifications.models import Recipient
from tests.browser import press
from tests.factories import PASSWORD, TOTP_SECRET, make_organisation, make_user
from tests.journeys.house import House, eventually

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 12
ROOM = "/staff/keys-in-the-open/"


@pytest.fixture
def staff(transactional_db):
    make_organisation()
    make_user("wanda@relaypost.example", role="Writer", name="Wanda Writer")
    make_user("anton@relaypost.example", role="Approver", name="Anton Approver")
    make_user("ada@relaypost.example", role="Administrator", name="Ada Administrator")
    make_user("stranger@elsewhere.example")


@pytest.fixture
def affected_csv(tmp_path) -> Path:
    """Twelve accounts; the first has a second address; one row is wrong."""
    path = tmp_path / "affected.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["account_id", "name", "email", "role", "segment", "api_key"])
        for number in range(1, PEOPLE + 1):
            row = [
                f"acme-{number:02}",
                f"Acme {number:02}",
                f"owner@acme-{number:02}.example",
                "owner",
                "api",
                f"…4f{number:02}",
            ]
            table.writerow(row)
        table.writerow(["acme-01", "Acme 01", "security@acme-01.example", "security", "api", "…4f01"])
        table.writerow(["acme-99", "Acme 99", "not an address", "owner", "api", "…4f99"])
    return path


def sign_in(browser: Browser, house: House, email: str, *, second_factor: bool = True, **device) -> Page:
    page = browser.new_context(base_url=house.address, **device).new_page()
    page.goto("/account/login/")
    page.get_by_label("Email").first.fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Sign in")
    if second_factor:
        page.get_by_label("Code").fill(totp.code(TOTP_SECRET))
        press(page, "Sign in")
    return page


def write_the_incident(page: Page) -> None:
    page.goto("/staff/incidents/new/")
    page.get_by_label("Title").fill("API keys of some customers were exposed")
    page.get_by_label("Address").fill("keys-in-the-open")
    page.get_by_label("One or two sentences").fill("Somebody read API keys of a small part of our customers.")
    press(page, "Begin the incident")

    page.goto(f"{ROOM}edit/")
    page.get_by_label("Who may see the page").select_option("public")
    page.get_by_label("If we did not write to you").select_option("not_affected")
    press(page, "Save")
    page.get_by_label("Yes, everyone shall be able to read it").check()
    press(page, "Save")
    expect(page.locator("body")).to_contain_text("Saved")

    page.goto(f"{ROOM}guidance/segments/new/")
    page.get_by_label("Name").fill("API customers")
    page.get_by_label("Word in the import file").fill("api")
    press(page, "Save")

    page.goto(f"{ROOM}guidance/exposures/new/")
    page.get_by_label("What kind of data").fill("API keys")
    page.get_by_label("Was it exposed?").select_option("confirmed")
    press(page, "Save")

    page.goto(f"{ROOM}guidance/steps/new/")
    page.get_by_label("Step", exact=True).fill("Rotate your API keys")
    page.get_by_label("While this is open, an exposed key still works").check()
    press(page, "Save")

    page.goto(f"{ROOM}guidance/measures/new/")
    page.get_by_label("What we did").fill("We locked the employee's account.")
    page.get_by_label("Why the date is not known").fill("It is being established.")
    press(page, "Save")

    page.goto(f"{ROOM}updates/new/")
    page.get_by_label("What we say").fill("We closed the way in on 3 January and are writing to everyone affected.")
    press(page, "Save the draft")
    expect(page.locator("body")).to_contain_text("We closed the way in")


def import_the_accounts(page: Page, path: Path) -> None:
    page.goto(f"{ROOM}affected/imports/new/")
    page.locator("input[type=file]").set_input_files(path)
    press(page, "Upload")
    press(page, "Check the rows")
    batch = page.url
    eventually(lambda: "not an address" in page.goto(batch).text())
    press(page, re.compile(f"Import {PEOPLE} accounts"))
    eventually(lambda: "Imported." in page.goto(batch).text())


def test_the_breach_day(house, staff, affected_csv, browser):
    wanda = sign_in(browser, house, "wanda@relaypost.example")
    anton = sign_in(browser, house, "anton@relaypost.example")

    # Write, ask; nobody outside sees a thing before another person has said yes.
    write_the_incident(wanda)
    import_the_accounts(wanda, affected_csv)
    wanda.goto(f"{ROOM}publish/")
    press(wanda, re.compile("Ask"))
    reader = browser.new_context(
        base_url=house.address, java_script_enabled=False, viewport={"width": 360, "height": 740}
    ).new_page()
    assert reader.goto("/incidents/keys-in-the-open/").status == 404

    # Say yes, publish; the reader's page stands without scripts.
    anton.goto(f"{ROOM}publish/")
    press(anton, re.compile("Approve|Yes"))
    anton.goto(f"{ROOM}publish/")
    press(anton, re.compile("Publish"))
    eventually(lambda: reader.goto("/incidents/keys-in-the-open/").status == 200)
    expect(reader.locator("h1")).to_have_text("API keys of some customers were exposed")
    expect(reader.locator("body")).to_contain_text("Rotate your API keys")

    # Write the notice; a writer cannot approve her own.
    wanda.goto(f"{ROOM}notices/new/")
    press(wanda, "Save and preview")
    press(wanda, "Send a test to myself")
    assert house.messages("wanda@relaypost.example")
    press(wanda, "Prepare the mailing")
    mailing = wanda.url
    press(wanda, re.compile("Ask"))
    wanda.goto(mailing)
    expect(wanda.get_by_role("button", name=re.compile("Approve|^Yes"))).to_have_count(0)

    # Approve, send; every message arrives at the mail server, one to each.
    anton.goto(mailing)
    press(anton, re.compile("Approve|Yes"))
    anton.goto(mailing)
    press_send(anton)
    eventually(lambda: len([m for m in house.messages() if "[Test]" not in m["Subject"]]) == PEOPLE)
    arrived = [m["To"] for m in house.messages() if "[Test]" not in m["Subject"]]
    assert sorted(arrived) == [f"owner@acme-{number:02}.example" for number in range(1, PEOPLE + 1)]

    # Hear back: the first bounces and is written to at the next address, the others are delivered.
    eventually(lambda: Recipient.objects.filter(state="accepted").count() == PEOPLE)
    hear_back(house)
    eventually(lambda: house.messages("security@acme-01.example"))
    eventually(lambda: Recipient.objects.filter(state="accepted").count() == 1)
    hear_back(house)

    # One row of the file was left out: the page says nothing finished before somebody has answered for it.
    ada = sign_in(browser, house, "ada@relaypost.example")
    decide_that_the_scope_is_final(ada)
    eventually(lambda: "every affected account" in told(reader), seconds=60)

    # An affected person opens the link, reads, ticks a step; it is remembered.
    affected = browser.new_context(
        base_url=house.address, java_script_enabled=False, viewport={"width": 360, "height": 740}
    ).new_page()
    affected.goto(link_in(house.messages("owner@acme-02.example")[0]))
    press(affected, "Continue")
    expect(affected.locator("body")).to_contain_text("…4f02")
    expect(affected.locator("body")).not_to_contain_text("acme-03")
    affected.get_by_label(re.compile("Rotate your API keys")).check()
    press(affected, re.compile("Save"))
    affected.reload()
    expect(affected.get_by_label(re.compile("Rotate your API keys"))).to_be_checked()
    assert StepState.objects.get().affected_account.account.external_id == "acme-02"

    # The code in the message proves it genuine.
    affected.goto("/genuine/")
    affected.get_by_role("textbox", name=re.compile("code", re.IGNORECASE)).fill(Recipient.objects.first().code.lower())
    affected.get_by_role("button").first.click()
    expect(affected.locator("body")).to_contain_text("Yes")

    # A signed-in stranger gets nowhere.
    stranger = sign_in(browser, house, "stranger@elsewhere.example", second_factor=False)
    for path in ("/staff/", ROOM, f"{ROOM}affected/", f"{ROOM}evidence/", "/api/incidents"):
        assert stranger.goto(path).status in (401, 403)
        assert "acme" not in stranger.content()

    # The proof verifies offline.
    ada.goto(f"{ROOM}evidence/")
    press(ada, re.compile("Put together the evidence"))
    asking.work()
    ada.goto(f"{ROOM}evidence/")
    with ada.expect_download() as download:
        ada.get_by_role("button", name=re.compile("Download")).first.click()
    assert verify(download.value.path()).returncode == 0


def decide_that_the_scope_is_final(page: Page) -> None:
    page.goto(f"{ROOM}decisions/new/")
    page.get_by_label("What was decided").select_option("scope_final")
    page.get_by_label("Why", exact=True).fill("The row that was left out is our own test account.")
    press(page, re.compile("Record"))


def press_send(page: Page) -> None:
    """The button names the number; it may ask once more on a page of its own."""
    name = re.compile(f"Send to {PEOPLE} people")
    page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name)).first.click()
    again = page.get_by_role("button", name=name)
    if again.count():
        again.first.click()


def hear_back(house: House) -> None:
    for recipient in Recipient.objects.filter(state="accepted").select_related("address"):
        bounces = recipient.address.value == "owner@acme-01.example"
        what = provider.BOUNCE if bounces else provider.DELIVERY
        event = provider._event(what, recipient.address.value, recipient.message_id, timezone.now())
        assert provider.post(house.address, event) == 200


def told(reader: Page) -> str:
    reader.goto("/incidents/keys-in-the-open/")
    return reader.locator("body").inner_text()


def link_in(message) -> str:
    text = message.get_body(("plain",)).get_content()
    return re.search(r"http://localhost:\d+/notice/[A-Za-z0-9_-]{43}/", text)[0]


def verify(path: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-I", ROOT / "notifications" / "verify_evidence.py", path],
        capture_output=True,
        text=True,
        check=False,
    )
