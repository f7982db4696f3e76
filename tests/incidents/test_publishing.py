"""Asking, approving, publishing: one transaction, and nothing that nobody approved."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import approvals, audit
from accounts.models import AuditEntry, Organisation
from incidents import documents, publishing
from incidents.models import Correction, Decision, Incident, PageVersion, Update
from tests.factories import NOON, make_affected, make_incident, make_step, make_update

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
LATER = NOON + timedelta(hours=2)


@pytest.fixture
def incident(site):
    incident = make_incident()
    make_update(incident, "We have closed the way in.", phase="monitoring")
    return incident


def publish(incident, wanda, anton, *, at=NOON):
    approvals.answer(publishing.ask(incident, by=wanda, at=at), yes=True, by=anton, at=at)
    return publishing.publish(incident, by=anton, at=at)


def test_publishing_makes_a_version_and_gives_drafts_their_moment(incident, wanda, anton):
    version = publish(incident, wanda, anton)

    update = incident.updates.get()
    assert (version.number, version.by, version.cause) == (1, anton, "published")
    assert (update.published_at, update.at, update.precision) == (NOON, NOON, "second")
    assert {document.path for document in version.documents.all()} == {
        "incidents/api-keys-2018/index.html",
        "incidents/api-keys-2018/versions/index.html",
        "incidents/api-keys-2018/versions/1/index.html",
        "incidents/api-keys-2018/feed.atom",
        "incidents/api-keys-2018/feed.rss",
        "incidents/api-keys-2018/feed.json",
        "incidents/api-keys-2018/csaf.json",
    }


def test_the_version_holds_exactly_what_was_approved(incident, wanda, anton):
    version = publish(incident, wanda, anton)
    version.refresh_from_db()

    assert documents.content_hash(version.content) == version.content_hash == version.approval.hashes["content"]


def test_after_publishing_nothing_is_new(incident, wanda, anton):
    publish(incident, wanda, anton)

    with pytest.raises(publishing.NothingNew, match="Version 1 of the page already says exactly this"):
        publishing.ask(incident, by=wanda, at=LATER)


def test_the_incident_follows_its_newest_update(incident, wanda, anton):
    publish(incident, wanda, anton)
    incident.refresh_from_db()
    assert (incident.phase, incident.first_published_at, incident.resolved_at) == ("monitoring", NOON, None)

    make_update(incident, "It is over.", phase="resolved")
    publish(incident, wanda, anton, at=LATER)

    incident.refresh_from_db()
    assert (incident.phase, incident.first_published_at, incident.resolved_at) == ("resolved", NOON, LATER)


def test_the_log_says_who_published_which_hashes(incident, wanda, anton):
    version = publish(incident, wanda, anton)

    entry = AuditEntry.objects.get(act="page.published")
    assert entry.by == anton and entry.incident == incident.pk
    assert version.content_hash in entry.body and version.hash in entry.body
    audit.verify()


def test_nothing_is_published_that_nobody_approved(incident, wanda, anton):
    with pytest.raises(approvals.NotApproved):
        publishing.publish(incident, by=anton, at=NOON)
    publishing.ask(incident, by=wanda, at=NOON)
    with pytest.raises(approvals.NotApproved):
        publishing.publish(incident, by=anton, at=NOON)

    assert not PageVersion.objects.exists()
    assert incident.updates.get().published_at is None


def test_a_writer_cannot_approve_her_own_page(incident, wanda):
    approval = publishing.ask(incident, by=wanda, at=NOON)

    with pytest.raises(approvals.NotAllowed):
        approvals.answer(approval, yes=True, by=wanda)


@pytest.mark.parametrize(
    "edit",
    [
        lambda incident: incident.updates.update(body="Something else."),
        lambda incident: make_step(incident),
        lambda incident: make_update(incident, "One more."),
        lambda incident: Incident.objects.update(summary="Another summary."),
        lambda incident: Organisation.objects.update(domain="evil.example"),
    ],
    ids=["update", "step", "draft", "summary", "organisation"],
)
def test_any_edit_after_approval_ends_it(incident, wanda, anton, edit):
    approvals.answer(publishing.ask(incident, by=wanda, at=NOON), yes=True, by=anton)

    edit(incident)

    with pytest.raises(approvals.NotApproved, match="changed after it was approved"):
        publishing.publish(incident, by=anton, at=NOON)
    assert not PageVersion.objects.exists()


def test_the_second_to_press_publish_reads_that_it_is_done(incident, wanda, anton, ada):
    publish(incident, wanda, anton)

    with pytest.raises(publishing.NothingNew):
        publishing.publish(incident, by=ada, at=LATER)

    assert PageVersion.objects.filter(incident=incident).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_pressing_publish_at_once_make_one_version(incident, wanda, anton, ada):
    approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton)
    outcomes, together = [], threading.Barrier(2)

    def press(person):
        together.wait()
        try:
            outcomes.append(publishing.publish(incident, by=person).number)
        except publishing.NothingNew as problem:
            outcomes.append(str(problem))
        finally:
            connection.close()

    both = [threading.Thread(target=press, args=[person]) for person in (anton, ada)]
    for one in both:
        one.start()
    for one in both:
        one.join()

    assert sorted(map(str, outcomes)) == ["1", "Version 1 of the page already says exactly this."]


def test_a_drill_stays_inside(incident, wanda):
    Incident.objects.update(drill=True, visibility="told_only")
    incident.refresh_from_db()

    with pytest.raises(publishing.DrillStaysInside):
        publishing.ask(incident, by=wanda)
    with pytest.raises(publishing.DrillStaysInside):
        publishing.publish(incident, by=wanda)
    assert (
        b"Drill. Nothing on this page has happened."
        in publishing.preview(incident)["incidents/api-keys-2018/index.html"]
    )


def test_held_back_drafts_stay_drafts(incident, wanda, anton):
    held = make_update(incident, "Not yet.", held_back=True)

    version = publish(incident, wanda, anton)

    held.refresh_from_db()
    assert held.published_at is None and "Not yet." not in str(version.content)


def test_what_was_said_elsewhere_keeps_its_moment(incident, wanda, anton):
    then = NOON - timedelta(days=60)
    old = make_update(incident, "Our post.", said_elsewhere=True, at=then, precision="day")

    publish(incident, wanda, anton)

    old.refresh_from_db()
    assert (old.at, old.precision, old.published_at) == (then, "day", NOON)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda incident: Incident.objects.update(title=" "), "no title"),
        (lambda incident: Incident.objects.update(summary=""), "summary is empty"),
        (lambda incident: Update.objects.all().delete(), "Nothing has been said yet"),
        (lambda incident: Update.objects.update(held_back=True), "Nothing has been said yet"),
        (lambda incident: Incident.objects.update(visibility="private"), "is private"),
        (lambda incident: Incident.objects.update(next_update_by=NOON), "has passed"),
        (lambda incident: Incident.objects.update(not_notified="not_contacted"), "say in words who they are"),
        (lambda incident: make_update(incident, "Wrong.", kind="correction"), "what was wrong and what is right"),
        (lambda incident: undecided_correction(incident), "decide whether"),
        (lambda incident: hidden_decision(incident), "decision not to contact"),
        (lambda incident: nobody_but_somebody(incident), "nobody is affected"),
        (lambda incident: make_step(incident, url="https://relaypost.example.evil.test/"), "which is not ours"),
    ],
)
def test_what_is_missing_is_said_in_words_and_blocks(incident, wanda, spoil, words):
    assert publishing.problems(incident, at=NOON) == []

    spoil(incident)

    incident.refresh_from_db()
    found = publishing.problems(incident, at=NOON)
    assert len(found) == 1 and words in found[0].words
    with pytest.raises(publishing.NotReady, match=words):
        publishing.ask(incident, by=wanda, at=NOON)


@pytest.mark.parametrize(
    "url",
    ["https://relaypost.example/keys", "https://dashboard.relaypost.example/", "https://login.elsewhere.example/"],
)
def test_a_step_links_to_us_and_to_where_two_people_said(incident, url):
    Organisation.objects.update(link_hosts=["login.elsewhere.example"])
    make_step(incident, url=url)

    assert publishing.problems(incident, at=NOON) == []


def undecided_correction(incident):
    update = make_update(incident, "Wrong.", kind="correction")
    Correction.objects.create(update=update, subject="event", what="the day", was="2 January", now="1 January")


def hidden_decision(incident):
    Incident.objects.update(not_notified="not_affected")
    Decision.objects.create(incident=incident, kind="do_not_contact", reasons="No address", ground="GDPR 34(3)(c)",
                            means="This page", at=NOON)  # fmt: skip


def nobody_but_somebody(incident):
    Incident.objects.update(not_notified="nobody_affected")
    make_affected(incident)


def test_a_promise_of_the_past_does_not_matter_once_it_is_over(incident):
    Incident.objects.update(next_update_by=NOON)
    incident.updates.update(phase="resolved")
    incident.refresh_from_db()

    assert publishing.problems(incident, at=LATER) == []


def test_a_public_page_cannot_be_taken_back(incident, wanda, anton):
    publish(incident, wanda, anton)
    Incident.objects.update(visibility="told_only")
    incident.refresh_from_db()

    assert "cannot be taken back" in publishing.problems(incident)[0].words


def test_a_version_never_changes(incident, wanda, anton):
    version = publish(incident, wanda, anton)

    with pytest.raises(IntegrityError), transaction.atomic():
        PageVersion.objects.filter(pk=version.pk).update(content_hash="0" * 64)


def test_a_preview_is_no_publication(incident, site):
    made = publishing.preview(incident)["incidents/api-keys-2018/index.html"].decode()

    assert "We have closed the way in." in made and "Preview. Nobody outside sees this yet." in made
    assert '<link rel="stylesheet" href="/static/css/page.css">' in made, "ours, not a published one"
    assert not PageVersion.objects.exists() and not site.exists()
