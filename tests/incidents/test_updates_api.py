"""A machine drafts updates and asks for a yes; it neither says yes nor overwrites anybody."""

import pytest

from accounts.models import Approval
from incidents import drafting
from incidents.models import Update
from tests.factories import make_incident, make_organisation, make_update
from tests.incidents.push import Pipeline, make_pipeline


@pytest.fixture
def incident(db):
    make_organisation()
    return make_incident()


@pytest.fixture
def machine(incident, wanda) -> Pipeline:
    return make_pipeline(wanda, "read:incidents", "write:updates", "ask:publish")


def test_a_draft_is_written_read_and_changed_and_is_not_public(machine, incident):
    made = machine.call("POST", "/updates", {"kind": "holding", "body": "We look into it."})
    assert made.status_code == 201, made.text

    number, version = made.json()["id"], made.json()["version"]
    changed = machine.call("PUT", f"/updates/{number}", {"body": "We found it.", "version": version})

    assert (changed.status_code, changed.json()["body"]) == (200, "We found it.")
    assert changed.json()["version"] == version + 1
    assert [(one["id"], one["state"]) for one in machine.call("GET", "/updates").json()] == [(number, "draft")]
    assert not incident.page_versions.exists()
    assert Update.objects.get().written_by.email == "wanda@relaypost.example"


def test_whoever_was_slower_overwrites_nobody(machine, incident, wanda, anton):
    update = make_update(incident, "First.", at=None, precision="unknown", written_by=wanda)
    update.body = "Anton's words."
    drafting.write(update, changed=["body"], started_from=update.edits, by=anton)

    answer = machine.call("PUT", f"/updates/{update.pk}", {"body": "Mine.", "version": 0})

    assert answer.status_code == 409
    assert Update.objects.get().body == "Anton's words."


@pytest.mark.parametrize("body", ["", "   ", "a\x00b", "x" * 20_001, 7, None])
def test_words_that_are_none_are_refused(machine, body):
    assert machine.call("POST", "/updates", {"body": body}).status_code in {400, 422}
    assert not Update.objects.exists()


def test_a_machine_asks_and_cannot_answer_for_whoever_made_its_token(machine, wanda, anton, as_user):
    machine.call("POST", "/updates", {"kind": "holding", "body": "We look into it."})

    asked = machine.call("POST", "/ask")

    assert asked.status_code == 202, asked.text
    assert (asked.json()["state"], asked.json()["people_wanted"]) == ("open", 1)
    approval = Approval.objects.get()
    as_user(wanda).post(f"/staff/approvals/{approval.pk}/answer/", {"answer": "yes"})
    approval.refresh_from_db()
    assert approval.state == "open"


def test_a_change_ends_what_was_asked(machine):
    made = machine.call("POST", "/updates", {"kind": "holding", "body": "We look into it."}).json()
    machine.call("POST", "/ask")

    machine.call("PUT", f"/updates/{made['id']}", {"body": "Else.", "version": made["version"]})

    assert Approval.objects.get().state == "void"
