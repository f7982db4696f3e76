"""Decisions: recorded with their reasons, superseded, never changed."""

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from accounts.models import AuditEntry
from incidents import deciding
from incidents.models import Decision
from tests.factories import NOON, make_decision, make_incident, make_segment

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident():
    return make_incident()


@pytest.fixture
def aware(incident, ada):
    return deciding.decide(
        Decision(incident=incident, kind="aware", at=NOON, precision="minute", reasons="A customer wrote."), by=ada
    )


def at(name, incident):
    return reverse(f"incidents:{name}", args=[incident.slug])


def filled(**fields):
    return {
        "kind": "aware", "segment": "", "date": "2018-01-03", "time": "10:00", "zone": "PT", "unknown_because": "",
        "reasons": "A customer's key was used by somebody else.", "ground": "", "means": "", "supersedes": "", **fields,
    }  # fmt: skip


def test_an_empty_room_says_what_to_record_first(as_user, ada, incident):
    assert "Begin with the moment we became aware" in as_user(ada).get(at("decisions", incident)).text


def test_a_decision_is_recorded_with_its_moment_and_who_made_it(as_user, ada, incident):
    page = as_user(ada).post(at("decision_new", incident), filled(), follow=True).text

    decision = Decision.objects.get()
    assert (decision.by, decision.zone, decision.utc_offset) == (ada, "PT", -480)
    assert "10:00 PT" in page
    assert "Ada Administrator" in page
    assert AuditEntry.objects.get().act == "decision.recorded"


def test_not_contacting_people_needs_a_ground_and_the_means(as_user, ada, incident):
    segment = make_segment(incident)
    sent = filled(kind="do_not_contact", segment=segment.pk)

    page = as_user(ada).post(at("decision_new", incident), sent)

    assert page.status_code == 422
    assert "Name the rule it rests on." in page.text
    assert "Say how they are told instead." in page.text

    as_user(ada).post(at("decision_new", incident), sent | {"ground": "GDPR 34(3)(c)", "means": "The public page"})
    assert Decision.objects.get().segment == segment


def test_a_decision_without_reasons_is_refused(as_user, ada, incident):
    assert as_user(ada).post(at("decision_new", incident), filled(reasons=" ")).status_code == 422
    assert not Decision.objects.exists()


def test_no_longer_needs_the_decision_it_ends(as_user, ada, incident):
    page = as_user(ada).post(at("decision_new", incident), filled(kind="no_longer"))

    assert "Choose the decision that no longer holds." in page.text


def test_a_later_decision_supersedes_and_both_stay_readable(as_user, ada, incident, aware):
    begin = as_user(ada).get(at("decision_new", incident), {"supersedes": aware.pk}).text
    assert f'<option value="{aware.pk}" selected>' in begin

    page = as_user(ada).post(at("decision_new", incident), filled(supersedes=aware.pk, reasons="Earlier."), follow=True)

    assert "A customer wrote." in page.text
    assert "superseded" in page.text
    assert Decision.objects.get(supersedes=aware).reasons == "Earlier."


def test_the_second_to_supersede_the_same_decision_is_told(incident, ada, aware):
    def another():
        return Decision(
            incident=incident, kind="aware", at=NOON, precision="minute", reasons="Another.", supersedes=aware
        )

    deciding.decide(another(), by=ada)

    with pytest.raises(deciding.AlreadySuperseded):
        deciding.decide(another(), by=ada)


def test_nobody_changes_or_deletes_a_decision(aware):
    with pytest.raises(DatabaseError), transaction.atomic():
        Decision.objects.filter(pk=aware.pk).update(reasons="Something else.")
    with pytest.raises(DatabaseError), transaction.atomic():
        aware.delete()


def test_writers_and_auditors_read_decisions_and_record_none(as_user, wanda, otto, incident, aware):
    for user in (wanda, otto):
        page = as_user(user).get(at("decisions", incident))
        assert "A customer wrote." in page.text
        assert "Record a decision" not in page.text
        assert as_user(user).post(at("decision_new", incident), filled()).status_code == 403
    assert Decision.objects.count() == 1


def test_while_law_enforcement_asks_to_wait_publishing_says_so_first(as_user, anton, incident):
    assert "asked us to wait" not in as_user(anton).get(at("publish", incident)).text
    make_decision(incident, "law_enforcement_hold", reasons="The police are at the door.")
    page = as_user(anton).get(at("publish", incident)).text
    assert "asked us to wait" in page
    assert "The police are at the door." in page
