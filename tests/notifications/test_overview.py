"""The overview: what stands where, in sentences, each with its number."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import approvals
from incidents import publishing
from incidents.models import ImportBatch, Incident, StepState
from notifications import overview
from tests.factories import (
    NOON,
    in_hours,
    make_account,
    make_affected,
    make_incident,
    make_many_affected,
    make_segment,
    make_step,
    make_update,
)
from tests.notifications.arrange import make_recipient

pytestmark = pytest.mark.django_db
URL = "/staff/api-keys-2018/"


@pytest.fixture
def incident():
    return make_incident()


@pytest.fixture
def words(as_user, otto):
    """The page's text, blanks folded."""

    def read() -> str:
        response = as_user(otto).get(URL)
        assert response.status_code == 200
        return " ".join(response.content.decode().split())

    return read


def test_a_fresh_incident_says_how_to_begin(incident, words):
    page = words()

    assert "How to begin" in page
    assert "Write the holding statement" in page
    assert "Nothing is public." in page
    assert "Nobody is on the list" in page
    assert "Nothing is in the log" in page


def test_what_is_done_leaves_the_list_of_things_to_do(incident, words):
    make_update(incident)
    make_affected(incident)

    page = words()

    assert "Still to do" in page
    assert "Write the holding statement" not in page
    assert "Import the affected accounts" not in page


def test_an_overdue_promise_is_loud(incident, words):
    incident.next_update_by = in_hours(-2)
    incident.save()

    page = words()

    assert "Overdue:" in page
    assert "sentence-urgent" in page


def test_a_promise_far_away_is_not_urgent(incident):
    now = timezone.now()
    incident.next_update_by = now + timedelta(hours=5)

    promise = overview.promise_of(incident, at=now)

    assert not promise.is_overdue
    assert not promise.is_urgent


def test_a_resolved_incident_promises_nothing(incident, words):
    incident.next_update_by, incident.phase = in_hours(-2), "resolved"
    incident.save()

    assert "Overdue" not in words()


def test_a_key_is_live_until_somebody_did_something_about_it(incident):
    step = make_step(incident)
    first, second, third, _, ruled_out = make_many_affected(incident, 5)
    StepState.objects.create(affected_account=first, step=step, state="ticked", at=timezone.now())
    StepState.objects.create(affected_account=second, step=step, state="verified", at=timezone.now())
    StepState.objects.create(affected_account=third, step=step, state="open", at=timezone.now())
    ruled_out.certainty = "ruled_out"
    ruled_out.save()

    assert overview.keys(incident) == overview.Keys(live=2, ticked=1, gone=1)


def test_a_step_of_a_segment_concerns_only_those_in_it(incident):
    api = make_segment(incident)
    make_step(incident, segment=api)
    make_step(incident, title="Read your logs", ends_exposure=False)
    first, _ = make_many_affected(incident, 2)
    first.segments.add(api)

    assert overview.keys(incident).live == 1


def test_keys_of_another_incident_are_not_counted(incident):
    other = make_incident("other")
    make_step(other)
    make_many_affected(other, 2)

    assert overview.keys(incident).live == 0


def test_it_names_the_request_that_waits_and_who_asked(incident, words, wanda):
    make_update(incident)
    publishing.ask(incident, by=wanda)

    page = words()

    assert "Waits for a second person:" in page
    assert "Asked by Wanda Writer" in page


def test_it_says_whether_something_changed_since_the_page_was_published(
    incident, words, wanda, anton, settings, tmp_path
):
    settings.SITE_FOLDER = str(tmp_path)
    make_update(incident)
    approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton)
    publishing.publish(incident, by=wanda)
    assert "Nothing was changed since." in words()

    make_step(incident)

    assert "was changed since" in words().replace("Nothing was changed since", "")


def test_it_says_what_keeps_the_sentence_from_being_finished_fact(incident, words):
    make_many_affected(incident, 3)
    ImportBatch.objects.create(incident=incident, number=1, source="room", state="staged")

    page = words()

    assert "3 accounts are not written to" in page
    assert "An import waits to be confirmed" in page


@pytest.mark.parametrize(("state", "said"), [
    ("received", "waits to be told what its columns are"), ("reading", "is being worked on"),
    ("staged", "waits to be confirmed or put away"), ("confirming", "is being worked on"),
])  # fmt: skip
def test_an_import_that_nobody_has_ended_is_still_to_do(incident, words, state, said):
    make_affected(incident)
    ImportBatch.objects.create(incident=incident, number=1, source="room", state=state)
    ImportBatch.objects.create(incident=incident, number=2, source="room", state="discarded")

    page = words()

    assert f"Import 1</a> {said}" in page
    assert "the list may grow" in page


def test_an_import_that_only_rules_out_makes_no_list_longer(incident, words):
    make_affected(incident)
    ImportBatch.objects.create(incident=incident, number=1, source="room", state="staged", mode="rule_out")

    page = words()

    assert "waits to be confirmed or put away" in page
    assert "the list may grow" not in page


def test_an_import_that_was_undone_keeps_nobody_waiting(incident, words):
    make_affected(incident)
    ImportBatch.objects.create(
        incident=incident, number=1, source="room", state="undone", confirmed_at=NOON, undone_at=NOON,
        counts={"rejected": 3},
    )  # fmt: skip

    page = words()

    assert "the list may grow" not in page
    assert "were left out" not in page


def test_rows_that_an_import_left_out_are_named(incident, words):
    make_affected(incident)
    ImportBatch.objects.create(
        incident=incident, number=3, source="room", state="confirmed", confirmed_at=NOON, counts={"rejected": 4}
    )

    page = words()

    assert "4 rows of import 3 could not be read" in page
    assert "4 rows of import 3</a> were left out" in page


def test_still_to_do_names_what_blocks_worst_first(incident, wanda, words):
    make_recipient(incident, make_affected(incident), state="unknown")
    make_affected(incident, make_account("contoso", "it@contoso.example"))
    incident.mailings.update(started_at=NOON, state="running")
    ImportBatch.objects.create(
        incident=incident, number=3, source="room", state="confirmed", confirmed_at=NOON, counts={"rejected": 1}
    )
    make_update(incident)
    publishing.ask(incident, by=wanda)

    page = re.sub("<[^>]+>", "", words())

    said = [
        "1 message of mailing 1 is unknown: look at", "1 account is unreached: tell them",
        "1 row of import 3 was left out", ": waits for a second person.", "1 draft is not published.",
    ]  # fmt: skip
    places = [page.index(words) for words in said]
    assert places == sorted(places)


def test_the_steps_of_a_beginner_go_once_the_incident_is_old(incident, words):
    assert "Write the holding statement" in words()

    Incident.objects.update(created_at=in_hours(-73))

    assert "Write the holding statement" not in words()


def test_it_asks_as_many_questions_for_one_account_as_for_two_hundred(incident, as_user, ada):
    make_step(incident)
    few, many = _questions(incident, 1, as_user(ada)), _questions(incident, 199, as_user(ada), first=2)

    assert few == many


def _questions(incident, count, client, first=1):
    if first == 1:
        make_affected(incident)
    else:
        make_many_affected(incident, count)
    client.get(URL)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert client.get(URL).status_code == 200
    return len(asked)


def test_the_overview_itself_asks_few_questions(incident, django_assert_max_num_queries):
    make_step(incident)
    make_many_affected(incident, 3)

    with django_assert_max_num_queries(14):
        overview.read(incident, at=timezone.now())


def test_somebody_without_a_role_does_not_see_it(incident, as_user, stranger):
    assert as_user(stranger).get(URL).status_code == 403


def test_an_incident_that_does_not_exist_is_not_found(as_user, otto):
    assert as_user(otto).get("/staff/nothing-here/").status_code == 404
