"""How far telling has come moves one sentence of the page, and nothing else."""

from datetime import timedelta

import pytest

from accounts import approvals
from accounts.models import AuditEntry
from incidents import publishing
from incidents.documents import plain
from incidents.models import Incident
from incidents.publishing import Telling
from tests.factories import NOON, make_decision, make_incident, make_organisation, make_update

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def incident(site, wanda, anton):
    """Published, with "not written to means not affected"."""
    incident = make_incident(not_notified="not_affected")
    make_update(incident)
    approvals.answer(publishing.ask(incident, by=wanda, at=NOON), yes=True, by=anton, at=NOON)
    publishing.publish(incident, by=anton, at=NOON)
    incident.refresh_from_db()
    return incident


def told(state, at=LATER, **fields):
    return Telling(state=state, as_of=at.isoformat(), **fields)


def words(version):
    return plain.lines(bytes(version.documents.get(path="incidents/api-keys-2018/index.html").body))


def test_only_the_sentences_about_telling_change(incident):
    first = publishing.latest(incident)

    second = publishing.record_telling(incident, told("under_way"), at=LATER)

    gone, come = set(words(first)) - set(words(second)), set(words(second)) - set(words(first))
    assert (second.number, second.cause, second.by, second.approval) == (2, "telling", None, None)
    assert second.content == first.content and second.content_hash == first.content_hash
    assert {line.split(",")[0] for line in come} == {
        "As of 13:00 UTC on 14 March 2026", "If we wrote to you", "If we did not",
        "Your account is affected",
    }  # fmt: skip
    assert len(gone) == len(come)


def test_drafts_never_ride_along(incident):
    make_update(incident, "canary draft")
    Incident.objects.update(title="canary title")

    version = publishing.record_telling(incident, told("done"), at=LATER)

    assert not any("canary" in line for line in words(version))


def test_the_sentence_is_finished_fact_only_when_telling_is_done(incident):
    before = words(publishing.record_telling(incident, told("under_way"), at=LATER))
    after = words(publishing.record_telling(incident, told("done"), at=LATER))

    assert not any("yours is not among them" in line for line in before)
    assert any("yours is not among them" in line for line in after)


def test_a_late_bounce_ends_the_present_tense_at_once(incident):
    publishing.record_telling(incident, told("done"), at=LATER)

    version = publishing.record_telling(incident, told("under_way"), at=LATER + timedelta(seconds=1))

    assert version and not any("yours is not among them" in line for line in words(version))


def test_the_same_state_makes_no_version(incident):
    publishing.record_telling(incident, told("done"), at=LATER)

    assert publishing.record_telling(incident, told("done", LATER + timedelta(days=1)), at=LATER) is None


def test_that_writing_has_begun_is_said_at_once_however_young_the_page_is(incident):
    at = publishing.latest(incident).made_at + timedelta(seconds=1)

    version = publishing.record_telling(incident, told("under_way"), at=at)

    assert version and not any("have not begun" in line for line in words(version))


def test_small_changes_wait_for_their_minute_and_are_caught_up(incident):
    publishing.record_telling(incident, told("under_way"), at=LATER)
    soon, in_time = LATER + timedelta(seconds=20), LATER + timedelta(seconds=61)

    waits = publishing.record_telling(incident, told("under_way", subjects=["Security notice"]), at=soon)

    assert waits is None
    assert publishing.catch_up(at=soon) == 0
    assert publishing.catch_up(at=in_time) == 1
    assert "Security notice" in words(publishing.latest(incident))
    assert publishing.catch_up(at=in_time + timedelta(hours=1)) == 0


def test_nothing_is_said_before_anything_is_published():
    unpublished = make_incident("quiet")

    assert publishing.record_telling(unpublished, told("done"), at=LATER) is None
    unpublished.refresh_from_db()
    assert unpublished.telling["state"] == "done"


def test_what_was_told_before_stands_in_the_first_version(wanda, anton):
    make_organisation()
    incident = make_incident("told-first", not_notified="not_affected")
    make_update(incident)
    publishing.record_telling(incident, told("done", NOON), at=NOON)
    approvals.answer(publishing.ask(incident, by=wanda, at=LATER), yes=True, by=anton)
    incident.refresh_from_db()

    version = publishing.publish(incident, by=anton, at=LATER)

    assert version.telling["state"] == "done"
    page = version.documents.get(path="incidents/told-first/index.html")
    assert b"As of 12:00 UTC on 14 March 2026, we have told every affected account." in bytes(page.body)


def test_a_decision_not_to_contact_ends_the_claim_that_all_were_told(incident):
    publishing.record_telling(incident, told("done"), at=LATER)
    make_decision(incident)

    assert publishing.catch_up(at=LATER + timedelta(seconds=5)) == 1

    assert not any("yours is not among them" in line for line in words(publishing.latest(incident)))
    assert publishing.catch_up(at=LATER + timedelta(hours=5)) == 0


def test_the_system_is_named_in_the_log(incident):
    publishing.record_telling(incident, told("done"), at=LATER)

    entry = AuditEntry.objects.get(act="page.telling_changed")
    assert entry.by is None and '"state":"done"' in entry.body
