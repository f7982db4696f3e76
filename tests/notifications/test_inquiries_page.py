"""The room of inquiries: numbers without names, five texts that two people approve, and a switch."""

import pytest
from django.test import Client

from accounts import approvals
from accounts.models import AuditEntry
from notifications import tasks
from notifications.inquiries import texts
from notifications.mailings.said_no import NotNow
from notifications.models import Inquiry, InquiryAnswer, Notice
from tests.factories import make_organisation
from tests.notifications.following import make_public
from tests.notifications.inquiring import UNKNOWN, approve_answers, ask

pytestmark = pytest.mark.django_db
ROOM = "/staff/api-keys/inquiries/"


@pytest.fixture(autouse=True)
def site(settings, tmp_path):
    settings.SITE_FOLDER = tmp_path
    make_organisation()


@pytest.fixture
def incident(wanda, anton):
    return make_public("api-keys", by=wanda, yes=anton)


def words(response) -> str:
    return " ".join(response.content.decode().split())


def test_whoever_waits_without_approved_texts_is_seen(incident, as_user, otto):
    ask(UNKNOWN)
    page = words(as_user(otto).get(ROOM))
    assert "1 person waits for an answer" in page
    assert "No texts are approved yet" in page
    assert UNKNOWN not in page


def test_the_page_counts_what_was_asked_and_how_it_ended(incident, as_user, otto, wanda, anton):
    approve_answers(incident, by=wanda, yes=anton)
    ask(UNKNOWN)
    ask(UNKNOWN)
    tasks.answer_inquiries()
    page = words(as_user(otto).get(ROOM))
    assert "<dt>Asked</dt><dd>2</dd>" in page
    assert "1 not on the list" in page
    assert "1 asked again within a day" in page


def test_two_people_put_the_texts_to_use(incident, as_user, wanda, anton):
    as_user(wanda).post(f"{ROOM}draft/")
    as_user(wanda).post(f"{ROOM}ask/")
    approval = approvals.living(texts.ACT, incident)
    assert approval.needs >= 1
    with pytest.raises(approvals.NotAllowed):
        approvals.answer(approval, yes=True, by=wanda)
    as_user(anton).post(f"{ROOM}use/")
    assert not InquiryAnswer.objects.exists()

    approvals.answer(approval, yes=True, by=anton)
    as_user(anton).post(f"{ROOM}use/")
    assert InquiryAnswer.objects.filter(state="running").count() == 5


def test_an_edit_ends_the_approval(incident, as_user, wanda, anton):
    texts.draft_all(incident, by=wanda)
    approvals.answer(texts.ask(incident, by=wanda), yes=True, by=anton)
    notice = texts.drafts(incident)["not_listed"]
    said = {"subject": notice.subject, "body": notice.body + "\nOne more line.", "edits": notice.edits}
    answer = as_user(wanda).post(f"{ROOM}not_listed/en/", said)
    assert answer.status_code == 302
    assert approvals.living(texts.ACT, incident) is None
    with pytest.raises(approvals.NotApproved):
        texts.put_to_use(incident, by=anton)


def test_each_language_is_edited_by_itself(incident, as_user, wanda):
    texts.draft_all(incident, by=wanda)
    notice = texts.drafts(incident)["ruled_out"]
    german = notice.texts.get(language="de")
    said = {"subject": german.subject, "body": german.body + "\nNoch eine Zeile.", "edits": notice.edits}
    page = as_user(wanda).post(f"{ROOM}ruled_out/de/", said, follow=True)
    assert page.status_code == 200
    german.refresh_from_db()
    assert "Noch eine Zeile" in german.body


def test_a_text_without_its_code_cannot_be_asked_for(incident, wanda):
    texts.draft_all(incident, by=wanda)
    notice = texts.drafts(incident)["listed"]
    Notice.objects.filter(pk=notice.pk).update(subject="No code", body="Nothing to check it by at {{ domain }}.")
    with pytest.raises(NotNow):
        texts.ask(incident, by=wanda)


def test_answers_do_not_stand_among_notices(incident, as_user, wanda):
    texts.draft_all(incident, by=wanda)
    notice = texts.drafts(incident)["listed"]
    assert "On the list" not in words(as_user(wanda).get("/staff/api-keys/notices/"))
    assert as_user(wanda).get(f"/staff/api-keys/notices/{notice.pk}/").status_code == 404


@pytest.mark.parametrize("act", ["draft/", "ask/", "use/", "pause/", "resume/", "switch/"])
def test_whoever_only_looks_changes_nothing(incident, as_user, otto, stranger, act):
    assert as_user(otto).post(ROOM + act).status_code == 403
    assert as_user(stranger).post(ROOM + act).status_code in {302, 403, 404}
    assert Client().post(ROOM + act).status_code in {302, 403}
    assert not Notice.objects.filter(kind="answer").exists()


def test_the_switch_stands_in_the_log(incident, as_user, anton):
    as_user(anton).post(f"{ROOM}switch/", {"on": "no"})
    assert "We do not answer this question" in words(Client().get("/inquiry/api-keys/"))
    as_user(anton).post(f"{ROOM}switch/", {"on": "yes"})
    acts = AuditEntry.objects.order_by("number").values_list("body", flat=True)
    assert sum("inquiries.switched" in body for body in map(str, acts)) == 2
    assert not Inquiry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_page_of_the_incident_leads_there(incident, settings):
    page = (settings.SITE_FOLDER / "incidents/api-keys/index.html").read_text()
    assert 'href="/inquiry/api-keys/en/"' in page
