"""The log of one incident, in words, page by page."""

import pytest
from django.db import transaction
from django.urls import reverse

from accounts import audit
from incidents.views import log
from tests.factories import make_incident, make_step

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident():
    return make_incident()


def record(incident, act="mailing.paused", thing=None, by=None, **facts):
    with transaction.atomic():
        return audit.record(act=act, thing=thing or incident, by=by, incident=incident.pk, **facts)


def address(incident):
    return reverse("incidents:log", args=[incident.slug])


def test_an_empty_log_says_what_will_stand_here(as_user, otto, incident):
    assert "Nothing has happened yet" in as_user(otto).get(address(incident)).text


def test_acts_are_told_in_words_with_who_and_what(as_user, otto, wanda, incident):
    step = make_step(incident)
    record(incident, "step.changed", step, by=wanda, fields=["title", "due_at"])
    record(incident, "step.moved", step, by=wanda, up=True)
    record(incident, "mailing.paused")

    page = as_user(otto).get(address(incident)).text

    assert f"changed step {step.pk}" in page
    assert "fields: title, due at" in page
    assert f"moved step {step.pk} up" in page
    assert "paused mailing" in page
    assert "Wanda Writer" in page
    assert "the system" in page


def test_a_mailing_is_called_by_the_number_staff_know(as_user, otto, incident):
    mailing = make_step(incident)  # anything with a key: the log knows things by their names alone
    record(incident, "mailing.prepared", mailing, number=7)
    record(incident, "mailing.finished", mailing)

    page = as_user(otto).get(address(incident)).text

    assert "finished mailing 7" in page


def test_counts_read_as_words_and_an_export_as_one_line(as_user, otto, incident):
    record(incident, "import.confirmed", counts={"ruled_out": 3})
    record(incident, "evidence.exported", counts={"outcomes": {"told": 2}})
    record(incident, "approval.asked", of="mail")

    page = as_user(otto).get(address(incident)).text

    assert "ruled out 3" in page
    assert "exported the evidence" in page and "outcomes" not in page
    assert "asked for approval to send a notice" in page


def test_another_incident_s_acts_do_not_stand_here(as_user, otto, incident):
    record(make_incident("another"), "update.added")

    assert "Nothing has happened yet" in as_user(otto).get(address(incident)).text


def test_pages_go_back_without_gap_or_repetition(as_user, otto, incident, monkeypatch):
    monkeypatch.setattr(log, "ENTRIES", 3)
    numbers = [record(incident).number for _ in range(7)]
    seen, where = [], address(incident)

    for _ in range(3):
        answer = as_user(otto).get(where)
        seen += [line["entry"].number for line in answer.context["lines"]]
        where = address(incident) + answer.context["older"]

    assert seen == numbers[::-1]
    assert answer.context["older"] == ""


def test_one_person_s_acts_can_be_shown_alone(as_user, otto, wanda, incident):
    record(incident, "update.added", by=wanda)
    record(incident, "mailing.paused")

    page = as_user(otto).get(address(incident), {"who": wanda.pk}).text

    assert "added update" in page
    assert "paused mailing" not in page


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "²"])
def test_a_page_number_that_is_none_shows_a_page_all_the_same(as_user, otto, incident, before):
    record(incident)

    assert as_user(otto).get(address(incident), {"before": before, "who": before}).status_code == 200


def test_whoever_may_not_read_the_room_does_not_read_its_log(as_user, stranger, incident):
    assert as_user(stranger).get(address(incident)).status_code == 403
