"""`manage.py ready`: what is still missing for a real incident."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from accounts.models import AuditEntry
from config import readiness
from config.readiness import outside
from config.readiness.round_trip import round_trips
from incidents.models import Incident
from notifications import mailings
from notifications.models import DeliveryEvent
from tests.factories import make_incident, make_notice, make_organisation, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site_folder(settings, tmp_path):
    settings.SITE_FOLDER = tmp_path / "site"


def missing() -> set[str]:
    return {finding.what for finding in readiness.findings() if not finding.good}


def run(*arguments: str) -> tuple[str, int]:
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("ready", *arguments, stdout=out, no_color=True)
    return out.getvalue(), end.value.code


def test_a_new_house_is_told_everything_that_is_missing_and_how_to_mend_it():
    told, code = run()

    assert code == 1
    assert "missing  The organisation is set up\n         Fill in /staff/organisation/." in told
    assert "missing  Two people of staff have a second factor" in told
    assert "ok       PostgreSQL answers" in told


def test_what_has_been_set_up_is_no_longer_missing():
    make_organisation()
    make_user("anton@relaypost.example", role="Approver")
    make_user("ada@relaypost.example", role="Administrator")
    make_notice(make_incident())

    assert not missing() & {
        "The organisation is set up",
        "Messages have a sender of your own",
        "Two people of staff have a second factor",
        "Two people with a second factor may approve",
        "A notice has been written before it is needed",
    }


def test_one_person_without_a_second_factor_is_enough_to_be_missing():
    make_user("anton@relaypost.example", role="Approver")
    make_user("wanda@relaypost.example", role="Writer", mfa=False)

    assert "Everybody of staff has a second factor" in missing()
    assert "Two people of staff have a second factor" in missing()


def test_a_test_message_leaves_through_the_provider_and_is_recorded_without_its_address():
    told, _ = run("--send-test", "ada@relaypost.example")

    assert "The provider took the test message." in told
    assert mail.outbox[0].to == ["ada@relaypost.example"]
    assert "ada@" not in AuditEntry.objects.get(act=readiness.TEST_MESSAGE).body
    assert "The provider took a test message within 90 days" not in missing()


def test_a_mail_backend_that_only_keeps_messages_is_missing(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert "Messages leave through a real provider" in missing()


# More than the house itself knows -------------------------------------------------------------------------------


def test_a_machine_reads_it_as_json():
    told, code = run("--json", "--without-asking")
    said = json.loads(told)

    assert code == 1 and said["ready"] is False
    by_name = {one["what"]: one for one in said["findings"]}
    assert by_name["AUDIT_KEYS is your own"]["state"] == "missing", "the laptop's keys are no keys"
    assert by_name["PostgreSQL answers"] == {"state": "ok", "what": "PostgreSQL answers", "means": "", "remedy": ""}


def test_keys_of_ones_own_are_not_missing(settings):
    settings.AUDIT_KEYS, settings.LOOKUP_KEY, settings.INQUIRY_KEYS = ["a:c2VlZA"], "k" * 40, {"a": "b" * 43}

    assert not missing() & {"AUDIT_KEYS is your own", "LOOKUP_KEY is your own", "INQUIRY_KEYS is your own"}


def test_a_restore_and_a_drill_count_for_half_a_year(ada):
    names = {"A restore was tried within half a year", "A drill was held within half a year"}
    assert names <= missing()
    make_organisation()
    make_incident(drill=True, visibility="private")
    call_command("restore_tested", by=ada.email, stdout=StringIO())
    assert not names & missing()

    Incident.objects.update(created_at=timezone.now() - timedelta(days=200))

    assert names & missing() == {"A drill was held within half a year"}


def test_a_tick_of_beat_shows_that_it_is_awake():
    assert "Beat and a worker are awake" in missing()
    mailings.watch()
    assert "Beat and a worker are awake" not in missing()


def test_a_provider_that_does_not_answer_is_missing(settings):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "notifications.smtp.PhasedBackend",
        "127.0.0.1",
        1,
    )

    found = {one.what: one for one in outside.look()}

    assert found["The provider smtp answers"].good is False
    assert found["A second provider stands ready"].good is False


def test_what_others_said_stays_for_the_page(ada, as_user):
    client = as_user(ada)
    assert "Nobody has asked" in client.get("/staff/readiness/").content.decode()

    response = client.post("/staff/readiness/look/", follow=True)

    page = response.content.decode()
    assert response.redirect_chain == [("/staff/readiness/", 302)]
    assert "Asked just now" in page and "A second provider stands ready" in page and "were last asked" in page


def test_who_may_only_look_does_not_ask(otto, as_user):
    client = as_user(otto)

    assert "Ask now" not in client.get("/staff/readiness/").content.decode()
    assert client.post("/staff/readiness/look/").status_code == 403


# An event comes round -------------------------------------------------------------------------------------------


@pytest.fixture
def house(transactional_db, live_server, settings):
    settings.PUBLIC_BASE_URL = live_server.url
    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    settings.SPARE_EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"


def test_an_event_of_our_own_comes_round_and_a_forged_one_does_not(house):
    assert [(one.good, one.remedy) for one in round_trips() if not one.good] == []
    assert [event.recipient for event in DeliveryEvent.objects.all()] == [None, None]


def test_an_address_that_leads_to_nobody_is_missing(house, settings):
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:1"

    assert [one.good for one in round_trips()] == [False, False]


def test_a_door_that_takes_forged_events_is_missing(house, monkeypatch):
    monkeypatch.setattr("config.readiness.round_trip._post", lambda *args, **kwargs: 200)

    assert {one.remedy for one in round_trips()} == {"A forged event was taken: check the secret and the signing key."}
