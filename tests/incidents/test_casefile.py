"""Cases go in and come out as they were, and each fact lands where it belongs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import AuditEntry
from incidents import casefile
from incidents.models import Incident, Precision

CASES = ("mailgun-2018-01", "circleci-2023-01", "dropbox-sign-2024-04", "pypi-2023-11")

pytestmark = pytest.mark.django_db


@pytest.fixture
def case():
    return lambda name: casefile.load(casefile.named(name))


@pytest.mark.parametrize("name", CASES)
def test_reading_a_loaded_case_gives_the_very_same_document(name):
    document = casefile.named(name)

    assert casefile.read(casefile.load(document)) == document


def test_a_case_read_back_can_be_loaded_again_under_another_slug(case):
    document = casefile.read(case("circleci-2023-01")) | {"slug": "a-second-one"}

    assert casefile.read(casefile.load(document)) == document


def test_a_loaded_case_is_a_private_draft_with_an_audit_entry(wanda):
    incident = casefile.load(casefile.named("mailgun-2018-01"), by=wanda)

    assert incident.visibility == Incident.Visibility.PRIVATE
    assert incident.first_published_at is None
    assert incident.created_by == wanda
    assert not incident.updates.published().exists()
    entry = AuditEntry.objects.get(incident=incident.pk)
    assert (entry.act, entry.by) == ("incident.loaded", wanda)


def test_less_than_one_percent_of_customers_as_of_5_january(case):
    estimate = case("mailgun-2018-01").estimates.get(of_what="customers")

    assert (estimate.bound, estimate.value, estimate.unit) == ("less_than", Decimal(1), "percent")
    assert estimate.certainty == "potential"
    assert (estimate.at, estimate.precision) == (datetime(2018, 1, 5, tzinfo=UTC), Precision.DAY)


def test_an_attack_of_unknown_beginning_says_why_it_is_unknown(case):
    beginning = case("mailgun-2018-01").events.get(marks="attack_start")

    assert (beginning.at, beginning.precision) == (None, Precision.UNKNOWN)
    assert beginning.unknown_because
    assert "late December 2017" in beginning.note


def test_the_demo_case_speaks_to_api_and_smtp_customers_separately(case):
    incident = case("mailgun-2018-01")

    assert [(step.title, step.segment.key, step.ends_exposure) for step in incident.steps.all()] == [
        ("Rotate your API keys", "api", True),
        ("Change your SMTP user name and passwords", "smtp", True),
    ]
    assert incident.not_notified == Incident.NotNotified.NOT_AFFECTED
    assert list(incident.segments.filter(receives_notice=True).values_list("key", flat=True)) == ["api", "smtp"]
    assert {e.data_class: e.status for e in incident.exposures.all()} == {
        "API keys": "confirmed",
        "SMTP credentials": "possible",
        "Content of messages sent through the account": "possible",
        "Billing data": "ruled_out",
        "Credit card data": "ruled_out",
    }


def test_what_lasted_has_a_beginning_and_an_end(case):
    event = case("circleci-2023-01").events.get(text__contains="Atlassian")

    assert event.at == datetime(2023, 1, 6, 6, 40, tzinfo=UTC)
    assert event.until == datetime(2023, 1, 6, 10, 15, tzinfo=UTC)


def test_a_correction_points_at_what_it_corrects_and_keeps_both_texts(case):
    update = case("circleci-2023-01").updates.get(correction__what="the time at which Bitbucket tokens expired")

    assert (update.correction.was, update.correction.now) == ("10:00 UTC", "10:15 UTC")
    assert "10:00 UTC" in update.correction.corrects.body


def test_every_indicator_is_kept_as_it_is(case):
    kinds = list(case("circleci-2023-01").indicators.values_list("kind", "value"))

    assert len([kind for kind, _ in kinds if kind == "ipv4"]) == 8
    assert ("domain", "potrax.com") in kinds
    assert ("file", "/private/tmp/.svx856.log") in kinds
    assert ("log_query", "repo.download_zip") in kinds


def test_a_moment_in_pacific_time_keeps_its_zone_as_written(case):
    event = case("dropbox-sign-2024-04").events.get(zone="PT")

    assert event.at == datetime(2024, 5, 1, 20, 30, tzinfo=UTC)
    assert event.as_written().utcoffset() == timedelta(hours=-7)


def test_affected_and_not_contacted_is_a_decision_about_a_segment(case):
    incident = case("dropbox-sign-2024-04")

    assert {d.segment.key for d in incident.decisions.filter(kind="do_not_contact")} == {
        "no-sign-in-data",
        "recipients",
    }
    assert incident.not_notified == Incident.NotNotified.NOT_CONTACTED
    assert not incident.segments.get(key="recipients").receives_notice


def test_entries_out_of_order_keep_the_order_of_the_source_and_sort_by_time(case):
    incident = case("pypi-2023-11")

    as_written = [e.at.strftime("%H:%M:%S") for e in incident.events.order_by("position") if e.kind == "response"]
    by_time = [e.at.strftime("%H:%M:%S") for e in incident.events.all() if e.kind == "response"]
    assert as_written == ["14:46:00", "14:44:00"]
    assert by_time == ["14:44:00", "14:46:00"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"kind": "attack", "text": "It began.", "at": "yesterday"}, "events 1: 'yesterday' is not a moment"),
        ({"kind": "attack", "text": "It began.", "colour": "red"}, "events 1: nothing here is called colour"),
        ({"kind": "weather", "text": "It began."}, "events 1: kind:"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_kept(row, words):
    with pytest.raises(casefile.BadCase, match=words):
        casefile.load({"slug": "wrong", "title": "Wrong", "events": [row]})

    assert not Incident.objects.exists()


def test_a_pointer_at_a_row_that_is_not_there_is_named():
    with pytest.raises(casefile.BadCase, match="steps 1: segment points at 'nobody'"):
        casefile.load({"slug": "wrong", "title": "Wrong", "steps": [{"title": "Rotate", "segment": "nobody"}]})
