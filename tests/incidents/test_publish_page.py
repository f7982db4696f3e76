"""The room where a page is checked, asked for, approved and published."""

import pytest
from django.urls import reverse

from accounts import approvals
from accounts.models import Approval, AuditEntry
from incidents import publishing
from incidents.models import Incident, PageVersion
from tests.factories import make_incident, make_update

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
ROOM = "/staff/api-keys-2018/publish/"


@pytest.fixture
def incident(site):
    incident = make_incident()
    make_update(incident, "We have closed the way in.")
    return incident


def text(response):
    return response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_the_whole_way_from_draft_to_page(incident, wanda, anton, as_user, site):
    writer, approver = as_user(wanda), as_user(anton)

    asked = writer.post(ROOM + "ask/", follow=True)
    assert "Asked for approval" in text(asked) and "Publish to everyone" not in text(asked).split("danger")[-1]

    approval = Approval.objects.get()
    approver.post(reverse("accounts:answer", args=[approval.pk]), {"answer": "yes", "next": ROOM})
    assert "Publish to everyone" in text(approver.get(ROOM))

    done = approver.post(ROOM + "now/", follow=True)

    assert "Published: the page shows version 1." in text(done)
    assert "We have closed the way in." in (site / "incidents/api-keys-2018/index.html").read_text()


def test_looking_changes_nothing(incident, otto, as_user):
    before = AuditEntry.objects.count()

    assert as_user(otto).get(ROOM).status_code == 200
    assert as_user(otto).get("/staff/api-keys-2018/preview/").status_code == 200
    assert as_user(otto).get("/staff/api-keys-2018/versions/").status_code == 200

    assert (Approval.objects.count(), PageVersion.objects.count(), AuditEntry.objects.count()) == (0, 0, before)


def test_the_room_says_what_changes_in_words(incident, wanda, anton, as_user):
    approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton)
    publishing.publish(incident, by=anton)
    Incident.objects.update(summary="We know more now.")

    page = text(as_user(wanda).get(ROOM))

    assert '<p class="diff-line diff-added"><ins>We know more now.</ins></p>' in page
    assert '<p class="diff-line diff-removed"><del>Somebody used an employee' in page
    assert "We have closed the way in.</ins>" not in page


def test_an_edit_after_approval_is_said_and_takes_the_button_away(incident, wanda, anton, as_user):
    approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton)

    make_update(incident, "One more thing.")

    page = text(as_user(anton).get(ROOM))
    assert "It was changed after it was approved." in page
    assert "Ask again" in page and ROOM + "now/" not in page


def test_problems_stand_in_words_and_block(incident, wanda, as_user):
    Incident.objects.update(summary="")

    page = text(as_user(wanda).get(ROOM))
    refused = text(as_user(wanda).post(ROOM + "ask/", follow=True))

    assert "The summary is empty" in page and "Ask for approval" not in page
    assert 'href="/staff/api-keys-2018/edit/#id_summary"' in as_user(wanda).get(ROOM).text
    assert "The summary is empty" in refused and not Approval.objects.exists()


def test_the_second_press_reads_that_nothing_was_published_twice(incident, wanda, anton, ada, as_user):
    approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton)
    as_user(anton).post(ROOM + "now/")

    second = text(as_user(ada).post(ROOM + "now/", follow=True))

    assert "Nothing was published. Version 1 of the page already says exactly this." in second
    assert PageVersion.objects.filter(incident=incident).count() == 1


def test_a_folder_that_cannot_be_written_is_said(
    incident, wanda, anton, as_user, site, django_capture_on_commit_callbacks
):
    site.write_text("in the way")
    approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton)

    with django_capture_on_commit_callbacks(execute=True):
        as_user(anton).post(ROOM + "now/")
    page = text(as_user(anton).get(ROOM))

    assert "approved and recorded, but not on the page yet" in page


@pytest.mark.parametrize(
    ("person", "path", "method", "status"),
    [
        ("wanda", "publish/now/", "post", 403),
        ("otto", "publish/ask/", "post", 403),
        ("otto", "publish/now/", "post", 403),
        ("stranger", "publish/", "get", 403),
        ("stranger", "preview/", "get", 403),
        ("stranger", "versions/", "get", 403),
        ("anton", "publish/now/", "get", 405),
        ("anton", "publish/ask/", "get", 405),
    ],
)
def test_who_may_do_what(incident, request, as_user, person, path, method, status):
    client = as_user(request.getfixturevalue(person))

    assert getattr(client, method)(f"/staff/api-keys-2018/{path}").status_code == status
    assert not PageVersion.objects.exists() and not Approval.objects.exists()


def test_an_unknown_incident_is_not_there(wanda, as_user):
    for path in ("publish/", "preview/", "versions/", "versions/1/"):
        assert as_user(wanda).get(f"/staff/nothing/{path}").status_code == 404


def test_a_drill_has_no_button(incident, wanda, as_user):
    Incident.objects.update(drill=True, visibility="told_only")

    page = text(as_user(wanda).get(ROOM))

    assert "This is a drill: it is never published." in page and ROOM + "ask/" not in page


def test_a_version_opens_as_it_was_published(incident, wanda, anton, otto, as_user):
    approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton)
    version = publishing.publish(incident, by=anton)
    Incident.objects.update(title="Another title")

    kept = as_user(otto).get("/staff/api-keys-2018/versions/1/")

    assert kept.content == bytes(version.documents.get(path="incidents/api-keys-2018/index.html").body)
    assert "/staff/api-keys-2018/versions/1/" in text(as_user(otto).get("/staff/api-keys-2018/versions/"))
