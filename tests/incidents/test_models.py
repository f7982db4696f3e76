"""What the database refuses, whoever asks."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from accounts.models import Account
from incidents.models import (
    AffectedAccount,
    Correction,
    Decision,
    Exposure,
    ImportBatch,
    Incident,
    Indicator,
    Measure,
    PageDocument,
    PageVersion,
    ScopeEstimate,
    Segment,
    StepState,
    TimelineEvent,
    Update,
)
from tests.factories import NOON, make_account, make_affected, make_incident, make_segment, make_step, make_update

pytestmark = pytest.mark.django_db

KNOWN = {"at": NOON, "precision": "day"}
UNKNOWN = {"at": None, "precision": "unknown"}


@pytest.fixture
def incident():
    return make_incident()


def refused(constraint, make):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make()


def test_a_drill_is_never_public():
    refused("incident_drill_is_never_public", lambda: make_incident(drill=True))


def test_an_incident_has_an_address():
    refused("incident_has_a_slug", lambda: Incident.objects.create(slug="", title="Untitled"))


@pytest.mark.parametrize(
    ("constraint", "model", "fields"),
    [
        ("event_at_known_or_not", TimelineEvent, {"kind": "attack", "text": "It began."}),
        ("measure_at_known_or_not", Measure, {"text": "We closed it."}),
        ("estimate_at_known_or_not", ScopeEstimate, {"of_what": "customers", "bound": "all"}),
        ("update_at_known_or_not", Update, {"phase": "monitoring", "body": "We know more."}),
        ("decision_at_known_or_not", Decision, {"kind": "aware", "reasons": "A customer wrote."}),
    ],
)
def test_a_moment_is_unknown_exactly_when_there_is_none(incident, constraint, model, fields):
    refused(constraint, lambda: model.objects.create(incident=incident, at=NOON, precision="unknown", **fields))
    refused(constraint, lambda: model.objects.create(incident=incident, at=None, precision="day", **fields))
    model.objects.create(incident=incident, **KNOWN, **fields)
    model.objects.create(incident=incident, **UNKNOWN, **fields)


def test_an_event_does_not_end_before_it_began(incident):
    early = NOON - timedelta(seconds=1)
    refused(
        "event_until_not_before_at",
        lambda: TimelineEvent.objects.create(incident=incident, kind="attack", text="It.", until=early, **KNOWN),
    )


def test_each_key_date_stands_once(incident):
    def detected():
        return TimelineEvent.objects.create(
            incident=incident, kind="detection", text="We noticed.", marks="detected", **KNOWN
        )

    detected()
    refused("event_one_per_mark", detected)


def test_an_estimate_has_a_number_where_its_bound_needs_one(incident):
    refused(
        "estimate_value_where_bound_needs_one",
        lambda: ScopeEstimate.objects.create(incident=incident, of_what="customers", bound="less_than", **KNOWN),
    )


def test_no_more_than_a_hundred_percent(incident):
    refused(
        "estimate_percent_to_100",
        lambda: ScopeEstimate.objects.create(
            incident=incident, of_what="customers", bound="about", value=101, unit="percent", **KNOWN
        ),
    )


def test_a_segment_s_word_stands_once_per_incident(incident):
    make_segment(incident)
    refused("segment_key_once", lambda: make_segment(incident))
    make_segment(make_incident("another"))


def test_a_kind_of_data_stands_once_for_everyone(incident):
    def exposure():
        return Exposure.objects.create(incident=incident, data_class="API keys", status="confirmed")

    exposure()
    refused("exposure_once", exposure)


def test_an_indicator_says_something_and_stands_once(incident):
    refused("indicator_has_a_value", lambda: Indicator.objects.create(incident=incident, kind="domain", value=""))
    Indicator.objects.create(incident=incident, kind="domain", value="evil.example")
    refused("indicator_once", lambda: Indicator.objects.create(incident=incident, kind="domain", value="evil.example"))


def test_an_update_says_something(incident):
    refused("update_says_something", lambda: make_update(incident, body=""))


def test_a_correction_changes_something(incident):
    update = make_update(incident, kind="correction")
    refused(
        "correction_changes_something",
        lambda: Correction.objects.create(update=update, subject="update", what="the hour", was="10:00", now="10:00"),
    )


def test_a_decision_has_reasons(incident):
    refused(
        "decision_has_reasons", lambda: Decision.objects.create(incident=incident, kind="aware", reasons="", **KNOWN)
    )


@pytest.mark.parametrize("given", [{}, {"ground": "GDPR 34(3)(c)"}, {"means": "The public page"}])
def test_not_contacting_needs_ground_and_means(incident, given):
    refused(
        "decision_not_to_contact_has_ground_and_means",
        lambda: Decision.objects.create(
            incident=incident, kind="do_not_contact", reasons="Nothing to do.", **given, **KNOWN
        ),
    )


def test_no_longer_says_of_what(incident):
    refused(
        "decision_no_longer_of_what",
        lambda: Decision.objects.create(incident=incident, kind="no_longer", reasons="It ended.", **KNOWN),
    )


def test_an_account_is_affected_once_per_incident(incident):
    account = make_account()
    make_affected(incident, account)
    refused("affected_once_per_incident", lambda: make_affected(incident, account))


def test_an_account_that_is_affected_cannot_be_deleted(incident):
    affected = make_affected(incident)

    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(pk=affected.account_id)._raw_delete("default")
        transaction.get_connection().check_constraints()
    assert AffectedAccount.objects.exists()


def test_a_step_has_one_state_per_account(incident):
    step, affected = make_step(incident), make_affected(incident)

    def ticked():
        return StepState.objects.create(affected_account=affected, step=step, state="ticked", at=NOON)

    ticked()
    refused("step_state_once", ticked)


def test_a_confirmed_import_has_its_moment_and_no_other_has(incident):
    refused(
        "batch_confirmed_has_a_moment",
        lambda: ImportBatch.objects.create(incident=incident, number=1, source="room", state="confirmed"),
    )
    refused(
        "batch_confirmed_has_a_moment",
        lambda: ImportBatch.objects.create(incident=incident, number=1, source="room", confirmed_at=NOON),
    )
    ImportBatch.objects.create(incident=incident, number=1, source="room")
    refused("batch_number_once", lambda: ImportBatch.objects.create(incident=incident, number=1, source="room"))


def test_a_page_version_that_was_published_was_approved(incident):
    refused(
        "page_version_published_was_approved",
        lambda: PageVersion.objects.create(incident=incident, number=1, cause="published"),
    )


@pytest.fixture
def version(incident):
    version = PageVersion.objects.create(incident=incident, number=1, cause="time", content_hash="a", hash="b")
    PageDocument.objects.create(version=version, path="index.html", content_type="text/html", sha256="c", body=b"words")
    return version


def test_a_page_version_changes_nothing_but_its_marks(version):
    PageVersion.objects.filter(pk=version.pk).update(written_at=NOON, announced_at=NOON)

    for change in ({"hash": "d"}, {"content": {"title": "Other"}}, {"number": 2}):
        with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
            PageVersion.objects.filter(pk=version.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        PageVersion.objects.filter(pk=version.pk)._raw_delete("default")


def test_of_a_page_document_only_the_bytes_may_go(version):
    documents = PageDocument.objects.filter(version=version)

    with pytest.raises(DatabaseError, match="only be redacted"), transaction.atomic():
        documents.update(body=b"other words")
    with pytest.raises(DatabaseError, match="only be redacted"), transaction.atomic():
        documents.update(sha256="d")
    documents.update(body=None)
    with pytest.raises(DatabaseError), transaction.atomic():
        documents._raw_delete("default")


def test_published_means_public_said_and_no_drill():
    make_incident("public-and-said", first_published_at=NOON)
    make_incident("public-not-said")
    make_incident("told-only", visibility="told_only", first_published_at=NOON)
    make_incident("drill", visibility="told_only", drill=True, first_published_at=NOON)

    assert [incident.slug for incident in Incident.objects.published()] == ["public-and-said"]


def test_segment_rows_stand_in_their_own_order(incident):
    make_segment(incident, "second", position=2)
    make_segment(incident, "first", position=1)

    assert [segment.key for segment in Segment.objects.all()] == ["first", "second"]
