"""Beat or the workers are away while a mailing should be going out: somebody must be able to see it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifications import awake, dispatch, mailings
from notifications.models import Mailing, SendingPulse
from tests.factories import make_incident, make_many_affected
from tests.notifications.arrange import make_mailing

pytestmark = pytest.mark.django_db
MINUTES_AGO = timedelta(minutes=3)


@pytest.fixture
def mailing() -> Mailing:
    incident = make_incident()
    return make_mailing(incident, make_many_affected(incident, 2))


def test_a_tick_of_just_now_is_no_silence(mailing):
    mailings.watch()

    assert awake.silent_since() is None


def test_a_last_tick_of_minutes_ago_is_told(mailing):
    Mailing.objects.update(started_at=timezone.now() - 2 * MINUTES_AGO)
    last = SendingPulse.objects.create(at=timezone.now() - MINUTES_AGO)

    assert awake.silent_since() == last.at


def test_a_house_where_beat_never_ran_is_silent_since_the_start(mailing):
    Mailing.objects.update(started_at=timezone.now() - MINUTES_AGO)

    assert awake.silent_since() == Mailing.objects.get().started_at


def test_a_mailing_that_starts_after_a_quiet_night_gets_its_minute(mailing):
    SendingPulse.objects.create(at=timezone.now() - timedelta(hours=8))

    assert awake.silent_since() is None


def test_where_nothing_goes_out_silence_says_nothing(mailing):
    Mailing.objects.update(state="paused", started_at=timezone.now() - MINUTES_AGO)

    assert awake.silent_since() is None


def test_health_tells_monitoring(mailing, client):
    assert client.get("/health/").json()["sending"] == "ok"
    Mailing.objects.update(started_at=timezone.now() - MINUTES_AGO)

    answer = client.get("/health/")

    assert (answer.status_code, answer.json()["sending"]) == (200, "silent")


def test_staff_read_it_on_every_page(mailing, as_user, anton):
    Mailing.objects.update(started_at=timezone.now() - MINUTES_AGO)

    assert "Nothing is being sent" in as_user(anton).get("/staff/").content.decode()


def test_staff_read_nothing_of_it_while_all_is_well(mailing, as_user, anton):
    assert "Nothing is being sent" not in as_user(anton).get("/staff/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_nothing_goes_out_of_a_restored_copy_before_beat_has_looked(monkeypatch):
    """A worker's lane may start before beat's first tick there."""
    incident = make_incident()
    mailing = make_mailing(incident, make_many_affected(incident, 2))
    mailings.watch()
    monkeypatch.setattr(awake, "which_database", lambda: "another")
    monkeypatch.setattr("notifications.mailings.watching.which_database", lambda: "another")

    assert dispatch.run_lane(seconds=1) == 0
    assert set(mailing.recipients.values_list("state", flat=True)) == {"queued"}
    mailings.watch()

    mailing.refresh_from_db()
    assert mailing.state == "paused" and "restored copy" in mailing.paused_because


@pytest.mark.django_db(transaction=True)
def test_nothing_goes_out_after_hours_of_silence_before_beat_has_looked():
    incident = make_incident()
    make_mailing(incident, make_many_affected(incident, 2))
    SendingPulse.objects.create(pk=1, at=timezone.now() - awake.SILENCE)

    assert dispatch.run_lane(seconds=1) == 0
