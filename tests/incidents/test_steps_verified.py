"""A pipeline says: we checked, this key is revoked."""

import json
from datetime import timedelta
from functools import partial

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from incidents import steps
from incidents.models import StepState
from notifications.reading.acts import tick
from tests.accounts.test_tokens import make_token
from tests.factories import (
    make_account,
    make_address,
    make_affected,
    make_incident,
    make_many_affected,
    make_segment,
    make_step,
)

URL = "/api/incidents/api-keys-2018/steps"


@pytest.fixture
def incident(db):
    return make_incident()


@pytest.fixture
def step(incident):
    return make_step(incident)


@pytest.fixture
def say(ada):
    """say({...}, {...}) posts these checks; the results in words."""
    token = make_token(ada, "verify:steps", "read:incidents")
    headers = {"Authorization": f"Bearer {token}"}
    post = partial(Client().post, f"{URL}/verified", content_type="application/json", headers=headers)

    def act(*checks: dict):
        response = post(json.dumps({"checks": checks}))
        act.answer = response
        return [one["result"] for one in response.json()["results"]] if response.status_code == 200 else response

    act.get = lambda: Client().get(URL, headers=headers)
    return act


def state() -> StepState:
    return StepState.objects.get()


def test_a_revoked_key_closes_the_step_for_its_account(incident, step, say):
    affected = make_affected(incident)
    at = timezone.now() - timedelta(hours=1)

    assert say({"external_id": "northwind", "step": step.pk, "at": at.isoformat()}) == ["verified"]

    assert (state().affected_account, state().step, state().state, state().at) == (affected, step, "verified", at)


def test_the_same_list_again_changes_nothing_and_is_logged_once(incident, step, say):
    make_affected(incident)
    say({"external_id": "northwind", "step": step.pk})
    before = StepState.objects.values().get()

    assert say({"external_id": "northwind", "step": step.pk}) == ["already"]

    assert StepState.objects.values().get() == before
    assert AuditEntry.objects.filter(act="steps.verified").count() == 1


def test_one_list_makes_one_entry_with_its_numbers_and_nobody_in_it(incident, step, say, as_user, ada):
    make_many_affected(incident, 3)

    say(*[{"external_id": f"acme-{n:04}", "step": step.pk} for n in range(1, 5)])

    entry = AuditEntry.objects.get(act="steps.verified")
    assert json.loads(entry.body)["facts"]["counts"] == {"verified": 3, "unknown_account": 1}
    assert "acme" not in entry.body
    assert "verified 3" in as_user(ada).get("/staff/log/").text


@pytest.mark.parametrize("fact", [None, {"name": "api_key", "value": "none of theirs"}])
def test_whoever_asks_only_who_is_on_the_list_is_in_the_log(incident, step, say, fact):
    who = "northwind" if fact else "nobody"
    make_affected(incident)

    say({"external_id": who, "step": step.pk} | ({"fact": fact} if fact else {}))

    assert AuditEntry.objects.filter(act="steps.not_verified").count() == 1


def test_a_list_that_names_no_step_of_ours_tells_and_logs_nothing(incident, say):
    make_affected(incident)

    assert say({"external_id": "northwind", "step": 1}) == ["unknown_step"]

    assert not AuditEntry.objects.filter(act__startswith="steps").exists()


def test_an_account_is_found_by_its_address_too(incident, step, say):
    make_affected(incident)

    assert say({"email": "Owner@Northwind.example", "step": step.pk}) == ["verified"]


def test_an_address_that_several_share_names_nobody(incident, step, say):
    make_affected(incident)
    make_affected(incident, make_account("contoso", "owner@northwind.example"))

    assert say({"email": "owner@northwind.example", "step": step.pk}) == ["several_accounts"]
    assert not StepState.objects.exists()


def test_what_is_unknown_is_said_item_by_item_and_the_rest_counts(incident, step, say):
    make_affected(incident)
    make_account("elsewhere", "x@elsewhere.example")  # a customer, but not in this incident
    foreign = make_step(make_incident("other"), "Somebody else's")
    theirs = make_step(incident, "Another group's", segment=make_segment(incident))

    assert say(
        {"external_id": "nobody", "step": step.pk},
        {"external_id": "elsewhere", "step": step.pk},
        {"email": "x@elsewhere.example", "step": step.pk},
        {"external_id": "northwind", "step": foreign.pk},
        {"external_id": "northwind", "step": theirs.pk},
        {"external_id": "northwind", "step": step.pk, "fact": {"name": "api_key", "value": "key-…000"}},
        {"external_id": "northwind", "step": step.pk},
    ) == ["unknown_account"] * 3 + ["unknown_step", "not_their_step", "unknown_fact", "verified"]
    assert StepState.objects.count() == 1


def test_of_three_keys_one_revoked_is_not_enough(incident, step, say):
    make_affected(incident, facts={"rows": [{"key": "a1"}, {"key": "b2"}, {"key": "c3"}, {"key": "c3"}]})
    key = partial(dict, external_id="northwind", step=step.pk)

    assert say(key(fact={"name": "key", "value": "a1"})) == ["partly"]
    assert state().state == "open"
    assert say(key(fact={"name": "key", "value": "a1"})) == ["already"]
    assert say(*[key(fact={"name": "key", "value": value}) for value in ("b2", "c3")]) == ["partly", "verified"]
    assert state().state == "verified"


def test_a_number_is_found_as_it_reads(incident, step, say):
    make_affected(incident, facts={"key_id": 4711})

    named = {"name": "key_id", "value": "4711"}
    assert say({"external_id": "northwind", "step": step.pk, "fact": named}) == ["verified"]


def test_the_reader_cannot_take_it_back(incident, step, say):
    affected = make_affected(incident)
    tick(affected, shown=[step.pk], ticked=[step.pk])
    say({"external_id": "northwind", "step": step.pk})

    tick(affected, shown=[step.pk], ticked=[])

    assert state().state == "verified"


def test_what_we_did_for_them_stays_ours(incident, step, say):
    StepState.objects.create(
        affected_account=make_affected(incident), step=step, state="done_for_you", at=timezone.now()
    )

    assert say({"external_id": "northwind", "step": step.pk}) == ["already"]
    assert state().state == "done_for_you"


@pytest.mark.parametrize(
    "wrong",
    [
        {"step": 1},
        {"step": 1, "external_id": "a", "email": "a@b.example"},
        {"step": 2**63, "external_id": "a"},
        {"step": "x", "external_id": "a"},
        {"step": 1, "external_id": "a", "at": "2026-11-24T10:00:00"},
        {"step": 1, "external_id": "a", "at": "2999-01-01T00:00:00Z"},
        {"step": 1, "external_id": "a\u0000"},
        {"step": 1, "external_id": "a", "colour": "red"},
    ],
)
def test_a_wrong_check_is_refused_with_its_field_and_nothing_is_done(incident, step, say, wrong):
    make_affected(incident)

    response = say({"external_id": "northwind", "step": step.pk}, wrong)

    assert response.status_code in {400, 422}
    assert response.json()["detail"]
    assert not StepState.objects.exists()


def test_more_than_a_thousand_are_refused(incident, step, say):
    assert say(*[{"external_id": "a", "step": step.pk}] * 1001).status_code == 422
    assert say().status_code == 422


def test_a_thousand_take_few_questions(incident, step, ada, django_assert_max_num_queries):
    make_many_affected(incident, 1000)
    checked = [steps.Checked(step.pk, f"acme-{n:04}") for n in range(1, 1001)]

    with django_assert_max_num_queries(16):
        results = steps.verify(incident, checked, by=ada)

    assert set(results) == {"verified"}


def test_the_steps_are_listed_with_their_numbers(incident, step, say):
    make_step(incident, "Look at your logs", segment=make_segment(incident), ends_exposure=False, position=1)

    first, second = say.get().json()

    assert first == {"id": step.pk, "title": "Rotate your API keys", "segment": None, "ends_exposure": True}
    assert second["segment"] == "api"


def test_a_withdrawn_address_still_names_its_account(incident, step, say):
    make_address(make_affected(incident).account, "old@northwind.example", withdrawn_at=timezone.now())

    assert say({"email": "old@northwind.example", "step": step.pk}) == ["verified"]
