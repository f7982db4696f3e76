"""Reminders of legal clocks: once for each mark, to those who decide, with nothing about the incident."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from incidents import obligations
from incidents.models import LawRule, ObligationEntry, ObligationReminder
from incidents.obligations import reminding
from notifications import clocks, tasks
from tests.factories import NOON, make_decision, make_incident, make_organisation, make_user

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def cara(db):
    """Counsel."""
    return make_user("cara@relaypost.example", role="Counsel", name="Cara Counsel")


@pytest.fixture
def incident(cara, wanda):
    make_organisation()
    return make_incident()


@pytest.fixture
def clock(incident, cara):
    """Seventy-two hours from noon."""
    make_decision(incident, "aware", at=NOON, precision="minute")
    (made,) = obligations.choose(incident, [LawRule.objects.newest().get(key="uk-gdpr-33")], by=cara, at=NOON)
    return made


def ring(hours):
    at = NOON + hours * HOUR
    return reminding.remind(lambda incident: clocks.read(incident, at=at), at=at)


def test_each_mark_is_told_once_to_those_who_decide(clock, mailoutbox):
    assert [ring(hours) for hours in (1, 23, 24, 25, 48, 49, 68, 71, 71.5, 72, 90)] == [0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0]
    assert [message.to for message in mailoutbox] == [["cara@relaypost.example"]] * 5
    assert mailoutbox[0].subject == "Relaypost: a legal deadline ends in less than 2 days"
    assert mailoutbox[-1].subject == "Relaypost: a legal deadline has passed"
    assert AuditEntry.objects.filter(act="obligation.reminded").count() == 5


def test_nothing_about_the_incident_stands_in_the_mail(clock, incident, mailoutbox):
    ring(71)
    said = mailoutbox[0].subject + mailoutbox[0].body
    assert incident.title not in said
    assert incident.slug not in said
    assert "17 March 2026, 12:00 UTC" in said


def test_after_an_outage_only_the_nearest_mark_is_told(clock, mailoutbox):
    ring(71.5)
    ring(71.6)
    assert len(mailoutbox) == 1
    assert "1 hour" in mailoutbox[0].subject


def test_while_the_mail_server_is_away_nothing_counts_as_told(clock, mailoutbox, monkeypatch):
    def away(self, **more):
        raise ConnectionRefusedError

    with monkeypatch.context() as patched:
        patched.setattr("django.core.mail.EmailMessage.send", away)
        assert ring(71) == 0
    assert not ObligationReminder.objects.exists()
    assert ring(71) == 1


def test_what_is_met_or_held_reminds_nobody(clock, incident, cara, mailoutbox):
    (found,) = obligations.standing(incident, at=NOON)
    entry = ObligationEntry(
        kind="met", at=NOON + HOUR, precision="minute", proof="upload", reference="ICO-1", obligation=clock
    )
    obligations.say(entry, clock=found, by=cara, at=NOON + HOUR)
    assert ring(71) == 0
    assert not mailoutbox


def test_a_clock_that_was_moved_reminds_again(clock, incident, mailoutbox):
    ring(71)
    first = incident.decisions.get()
    make_decision(incident, "aware", at=NOON + 2 * HOUR, precision="minute", supersedes=first)
    assert ring(73) == 1


def test_beat_rings_for_what_is_due_now(incident, cara, mailoutbox):
    make_decision(incident, "aware", at=timezone.now() - 71.5 * HOUR, precision="minute")
    obligations.choose(incident, [LawRule.objects.newest().get(key="uk-gdpr-33")], by=cara)
    tasks.remind_of_deadlines()
    tasks.remind_of_deadlines()
    assert len(mailoutbox) == 1
