"""What was approved is published by itself at its moment, or somebody reads why not."""

from datetime import timedelta

import pytest

from accounts import approvals
from accounts.models import User
from incidents import publishing
from incidents.models import Incident, PlannedPublication
from tests.factories import NOON, make_incident, make_update

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
DUE = NOON + timedelta(hours=3)


@pytest.fixture
def incident():
    incident = make_incident()
    make_update(incident)
    return incident


@pytest.fixture
def approved(incident, wanda, anton):
    approvals.answer(publishing.ask(incident, by=wanda, at=NOON), yes=True, by=anton, at=NOON)
    return incident


def plan(incident, by, due_at=DUE):
    return publishing.plan(incident, due_at=due_at, by=by, at=NOON)


def test_it_goes_public_at_its_moment_and_not_before(approved, anton):
    plan(approved, anton)

    publishing.tick(at=DUE - timedelta(seconds=1))
    assert publishing.latest(approved) is None

    publishing.tick(at=DUE)
    version = publishing.latest(approved)
    assert (version.number, version.by, version.made_at) == (1, anton, DUE)
    assert publishing.open_plan(approved) is None

    publishing.tick(at=DUE + timedelta(seconds=10))
    assert publishing.latest(approved) == version


def test_without_an_approval_nothing_can_be_planned(incident, anton):
    with pytest.raises(approvals.NotApproved):
        plan(incident, anton)


@pytest.mark.parametrize(("due_at", "words"), [(NOON, "has passed"), (NOON + timedelta(days=40), "a month away")])
def test_moments_that_make_no_sense_are_refused(approved, anton, due_at, words):
    with pytest.raises(publishing.NotAPlan, match=words):
        plan(approved, anton, due_at)


def test_an_edit_stops_it_in_words(approved, anton, wanda):
    plan(approved, anton)
    Incident.objects.update(title="Another title")

    publishing.tick(at=DUE)

    assert publishing.latest(approved) is None
    assert "Ask again" in publishing.last_stopped(approved).stopped


def test_one_that_is_long_overdue_asks_a_person(approved, anton):
    plan(approved, anton)

    publishing.tick(at=DUE + timedelta(hours=1))

    assert publishing.latest(approved) is None
    assert "moment passed" in publishing.last_stopped(approved).stopped


def test_whoever_lost_the_right_to_publish_publishes_nothing(approved, anton):
    plan(approved, anton)
    User.objects.filter(pk=anton.pk).update(is_active=False)

    publishing.tick(at=DUE)

    assert publishing.latest(approved) is None
    assert "may not publish" in publishing.last_stopped(approved).stopped


def test_a_cancelled_plan_does_nothing(approved, anton):
    plan(approved, anton)
    publishing.cancel(approved, by=anton, at=NOON)

    publishing.tick(at=DUE)

    assert publishing.latest(approved) is None
    with pytest.raises(publishing.NotAPlan):
        publishing.cancel(approved, by=anton)


def test_planning_again_replaces_the_plan(approved, anton):
    plan(approved, anton)
    plan(approved, anton, DUE + timedelta(hours=1))

    publishing.tick(at=DUE)

    assert publishing.latest(approved) is None
    assert PlannedPublication.objects.filter(ended_at=None).count() == 1


def test_the_room_plans_and_cancels(approved, anton, wanda, as_user):
    client, page = as_user(anton), f"/staff/{approved.slug}/publish/"
    due_at = (NOON + timedelta(days=365 * 20)).strftime("%Y-%m-%dT%H:%M")
    assert "more than a month away" in client.post(f"{page}plan/", {"due_at": due_at}, follow=True).content.decode()
    assert "Say when" in client.post(f"{page}plan/", {"due_at": "soon"}, follow=True).content.decode()

    PlannedPublication.objects.create(
        incident=approved, approval=approvals.living("publish", approved), due_at=DUE, by=anton
    )
    assert "Planned for" in client.get(page).content.decode()
    assert "is cancelled" in client.post(f"{page}plan/cancel/", follow=True).content.decode()
    assert as_user(wanda).post(f"{page}plan/", {"due_at": due_at}).status_code == 403


def test_an_incident_that_is_opened_again_is_no_longer_resolved(approved, anton, publish):
    publishing.publish(approved, by=anton, at=NOON)
    make_update(approved, "It is over.", phase="resolved")
    publish(approved, at=NOON + timedelta(hours=1))
    approved.refresh_from_db()
    assert approved.resolved_at

    make_update(approved, "It is not over.", phase="investigating")
    publish(approved, at=NOON + timedelta(hours=2))

    approved.refresh_from_db()
    assert (approved.resolved_at, approved.phase) == (None, "investigating")
