"""A slip of the pen in something published: mended by two people, told to nobody, and never more than wording."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts import approvals
from accounts.models import Approval, AuditEntry
from incidents import documents, drafting, publishing, rewording
from incidents.models import FAQEntry, Incident, PageVersion, Rewording
from tests.factories import NOON, make_incident, make_organisation, make_step, make_update

pytestmark = pytest.mark.django_db
SAID = "We have closed teh way in. No card was read, and 120 keys were."
MENDED = SAID.replace("teh", "the")
LATER = NOON + timedelta(hours=2)
ROOM = "/staff/api-keys-2018/"
PAGE = "incidents/api-keys-2018/"


@pytest.fixture
def announced():
    heard = []

    def hear(version, **_):
        heard.append(version.number)

    publishing.published.connect(hear)
    yield heard
    publishing.published.disconnect(hear)


@pytest.fixture
def update(site, publish, announced):
    incident = make_incident()
    FAQEntry.objects.create(incident=incident, question="Is my card safe?", answer="Yes, it si.")
    make_step(incident, "Rotate your keys")
    update = make_update(incident, SAID)
    publish(incident)
    update.refresh_from_db()
    return update


@pytest.fixture
def mend(wanda, anton, django_capture_on_commit_callbacks):
    def act(incident, *, at=LATER):
        approvals.answer(publishing.ask(incident, by=wanda, minor=True, at=at), yes=True, by=anton, at=at)
        with django_capture_on_commit_callbacks(execute=True):
            return publishing.publish(incident, by=anton, at=at)

    return act


def reword(update, body, by, started_from=0):
    rewording.reword(update, body=body, started_from=started_from, by=by, at=LATER)


def test_a_minor_edit_is_a_version_of_its_own_and_nobody_is_told(update, wanda, mend, site, announced):
    feeds = {name: (site / PAGE / f"feed.{name}").read_text() for name in ("atom", "json")}
    reword(update, MENDED, wanda)

    version = mend(update.incident)

    assert (version.number, version.cause, announced) == (2, "edited", [1])
    assert "closed the way" in (site / PAGE / "index.html").read_text()
    assert "closed teh way" in (site / PAGE / "versions/1/index.html").read_text()
    for name, before in feeds.items():
        assert (site / PAGE / f"feed.{name}").read_text() == before.replace("teh", "the")  # no entry, no moment moved
    assert AuditEntry.objects.filter(act="page.edited").count() == 1


def test_its_own_row_stays_and_the_mended_words_stay_too(update, wanda, mend):
    reword(update, MENDED, wanda)
    mend(update.incident)

    update.refresh_from_db()
    assert update.body == SAID
    with pytest.raises(IntegrityError, match="published words stay"), transaction.atomic():
        Rewording.objects.update(body="Something else.")
    reword(update, MENDED.replace("keys were", "keys were."), wanda)  # once more, on top
    assert mend(update.incident, at=LATER + timedelta(hours=1)).number == 3


def test_it_takes_two_people_like_everything_public(update, wanda, anton):
    reword(update, MENDED, wanda)
    asked = publishing.ask(update.incident, by=anton, minor=True)

    with pytest.raises(approvals.NotApproved):
        publishing.publish(update.incident, by=anton)
    with pytest.raises(approvals.NotAllowed, match="You wrote this yourself"):
        approvals.answer(asked, yes=True, by=wanda)


def test_a_yes_to_a_change_is_none_to_a_minor_edit_and_the_other_way_round(update, wanda, anton):
    reword(update, MENDED, wanda)
    approvals.answer(publishing.ask(update.incident, by=wanda, minor=True), yes=True, by=anton)
    minor = Approval.objects.live().get()
    assert publishing.still_stands(minor, update.incident)

    publishing.ask(update.incident, by=wanda)

    minor.refresh_from_db()
    assert minor.state == "void"
    with pytest.raises(approvals.NotApproved):
        publishing.publish(update.incident, by=anton)


def test_drafts_of_updates_wait_for_a_publication_that_is_announced(update, wanda, mend, site):
    make_update(update.incident, "News that waits.")
    reword(update, MENDED, wanda)

    mend(update.incident)

    assert "News that waits" not in (site / PAGE / "index.html").read_text()
    assert update.incident.updates.drafts().count() == 1


def test_slips_in_other_texts_go_the_same_way(update, wanda, mend, site):
    FAQEntry.objects.update(answer="Yes, it is.")

    mend(update.incident)

    assert "Yes, it is." in (site / PAGE / "index.html").read_text()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"summary": "Something quite different happened, and we say it here in a great many other words."}, "5 words"),
        ({"not_notified": "not_affected"}, "what “not written to” means"),
        ({"next_update_by": LATER}, "the promise of the next update"),
        ({"impact": "critical"}, "the impact"),
    ],
)
def test_more_than_wording_is_refused_and_said(update, wanda, change, reason):
    Incident.objects.update(**change)
    update.incident.refresh_from_db()

    with pytest.raises(rewording.NotMinor, match=reason):
        publishing.ask(update.incident, by=wanda, minor=True)

    assert not publishing.may_be_minor(update.incident)


def test_a_new_row_is_more_than_wording(update, wanda):
    make_step(update.incident, "Look at your logs")

    with pytest.raises(rewording.NotMinor, match="In the steps"):
        publishing.ask(update.incident, by=wanda, minor=True)


@pytest.mark.parametrize(
    "body",
    [
        SAID.replace("120", "1,200"),
        SAID.replace("No card", "A card"),
        "Nobody knows yet what happened or who did it, and we will say so as soon as we can.",
    ],
)
def test_an_update_is_not_turned_into_another_one(update, wanda, body):
    with pytest.raises(rewording.NotMinor):
        reword(update, body, wanda)

    assert not Rewording.objects.exists()


def test_somebody_elses_draft_is_not_overwritten(update, wanda, ada):
    reword(update, MENDED, wanda)

    with pytest.raises(drafting.EditedMeanwhile):
        reword(update, SAID.replace("teh", "that"), ada)


def test_the_words_as_they_stand_take_the_draft_back(update, wanda):
    reword(update, MENDED, wanda)
    reword(update, SAID, wanda, started_from=1)

    assert not Rewording.objects.exists()
    assert publishing.shows(update.incident, documents.freeze(update.incident))


def test_before_anything_is_published_there_is_nothing_minor(site, wanda):
    make_organisation()
    incident = make_incident("fresh")
    make_update(incident, "We are looking into it.")

    assert not publishing.may_be_minor(incident)


@pytest.mark.django_db(transaction=True)
def test_the_whole_way_in_the_room(update, wanda, anton, as_user, site):
    writer, approver = as_user(wanda), as_user(anton)
    form = writer.get(f"{ROOM}updates/{update.pk}/mend/")
    assert SAID in form.content.decode()

    refused = writer.post(f"{ROOM}updates/{update.pk}/mend/", {"body": "Other words. 7", "started_from": 0})
    assert refused.status_code == 422 and "more than a minor edit" in refused.content.decode()
    saved = writer.post(f"{ROOM}updates/{update.pk}/mend/", {"body": MENDED, "started_from": 0}, follow=True)
    assert "Nobody outside sees it" in saved.content.decode()

    asked = writer.post(f"{ROOM}publish/ask/", {"as": "minor"}, follow=True).content.decode()
    assert "Asked for approval" in asked
    approval = Approval.objects.live().get()
    approver.post(f"/staff/approvals/{approval.pk}/answer/", {"answer": "yes", "next": f"{ROOM}publish/"})
    room = approver.get(f"{ROOM}publish/").content.decode()
    assert "Publish the minor edit" in room and "Or publish it later" not in room

    done = approver.post(f"{ROOM}publish/now/", follow=True).content.decode()

    assert "the page shows version 2" in done
    assert PageVersion.objects.get(incident=update.incident, number=2).cause == "edited"


@pytest.mark.parametrize("who", ["otto", "stranger"])
def test_who_may_not_write_may_not_mend(update, who, request, as_user):
    client = as_user(request.getfixturevalue(who))

    assert client.post(f"{ROOM}updates/{update.pk}/mend/", {"body": MENDED}).status_code == 403
