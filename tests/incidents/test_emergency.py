"""Breaking the glass: one person publishes where two are demanded; with a reason, loudly, looked at afterwards."""

import pytest
from django.core import mail
from django.db import IntegrityError
from django.urls import reverse
from django.utils import timezone

from accounts import approvals, asking_by_mail, emergencies
from accounts.models import Approval, AuditEntry, Organisation
from incidents import publishing
from incidents.models import Incident, PageVersion
from incidents.publishing.emergency import publish_alone
from tests.factories import make_incident, make_organisation, make_update

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
ALONE = "/staff/api-keys-2018/publish/alone/"
BECAUSE = "Keys are being used now and nobody answers the phone."
PRESSED = {"because": BECAUSE, "sure": "on"}


@pytest.fixture
def incident(site):
    make_organisation()
    incident = make_incident()
    make_update(incident, "Stop using your keys now.")
    return incident


def text(response):
    return response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_one_person_publishes_with_a_reason_and_the_room_says_so_until_it_is_reviewed(
    incident, anton, ada, as_user, site
):
    approver, admin = as_user(anton), as_user(ada)
    assert "Publish to everyone, alone" in text(approver.get(ALONE))

    done = text(approver.post(ALONE, PRESSED, follow=True))

    assert "Published by you alone: the page shows version 1." in done
    assert "Stop using your keys now." in (site / "incidents/api-keys-2018/index.html").read_text()
    assert "Published by one person alone" in done and BECAUSE.replace("'", "&#x27;") in done
    assert "Published by one person alone" in text(admin.get("/staff/organisation/"))
    acts = list(AuditEntry.objects.filter(act__startswith="approval.").values_list("act", flat=True))
    assert acts == ["approval.alone", "approval.asked"]

    approval = Approval.objects.get()
    reviewed = admin.post(reverse("accounts:review", args=[approval.pk]), {"answer": "agree"}, follow=True)

    assert "You agreed" in text(reviewed)
    assert "Published by one person alone" not in text(admin.get("/staff/organisation/"))
    approval.refresh_from_db()
    assert (approval.reviewed_by, approval.review_agrees) == (ada, True)


def test_without_a_reason_or_the_second_thought_nothing_is_published(incident, anton, as_user):
    client = as_user(anton)

    for pressed in ({"because": "asap", "sure": "on"}, {"because": BECAUSE}, {}):
        assert client.post(ALONE, pressed).status_code == 422

    assert not PageVersion.objects.exists() and not Approval.objects.exists()


def test_only_whoever_may_publish_may_break_the_glass_and_after_showing_the_second_factor(
    incident, wanda, otto, anton, as_user
):
    for user in (wanda, otto):
        assert as_user(user).post(ALONE, PRESSED).status_code == 403
    assert as_user(anton, minutes_ago=30).post(ALONE, PRESSED).headers["Location"].startswith("/account/2fa/")

    assert not PageVersion.objects.exists()


def test_where_nobody_else_is_demanded_there_is_no_glass(incident, anton, as_user):
    Organisation.objects.update(sign_offs=0)

    assert "Nobody else has to say yes here" in text(as_user(anton).get(ALONE))
    with pytest.raises(emergencies.NotAnEmergency):
        publish_alone(incident, because=BECAUSE, by=anton)


def test_what_may_not_be_published_cannot_be_published_alone_and_leaves_no_yes_behind(incident, anton):
    Incident.objects.update(summary="")
    incident.refresh_from_db()

    with pytest.raises(publishing.NotReady):
        publish_alone(incident, because=BECAUSE, by=anton)

    assert not Approval.objects.exists() and not AuditEntry.objects.filter(act="approval.alone").exists()


def test_a_drill_stays_inside(incident, anton):
    Incident.objects.update(drill=True, visibility="private")
    incident.refresh_from_db()

    with pytest.raises(publishing.DrillStaysInside):
        publish_alone(incident, because=BECAUSE, by=anton)


def test_what_was_asked_before_is_void(incident, wanda, anton):
    asked = publishing.ask(incident, by=wanda)

    publish_alone(incident, because=BECAUSE, by=anton)

    asked.refresh_from_db()
    assert asked.state == "void"


def test_the_next_publication_needs_two_people_again(incident, anton):
    publish_alone(incident, because=BECAUSE, by=anton)
    Incident.objects.update(summary="We know more now.")
    incident.refresh_from_db()

    with pytest.raises(approvals.NotApproved):
        publishing.publish(incident, by=anton)


def test_everybody_who_may_approve_is_mailed_once_and_nobody_else(incident, wanda, anton, ada, otto):
    publish_alone(incident, because=BECAUSE, by=anton)

    assert asking_by_mail.tell_approvers(at=timezone.now()) == 1
    assert asking_by_mail.tell_approvers(at=timezone.now()) == 0

    assert [message.to for message in mail.outbox] == [[ada.email]]
    assert "without a second person" in mail.outbox[0].body
    assert BECAUSE not in mail.outbox[0].body, "what it is about stands in the room"


def test_nobody_reviews_their_own_and_an_objection_needs_words(incident, anton, ada, wanda):
    publish_alone(incident, because=BECAUSE, by=anton)
    approval = Approval.objects.get()

    for user, agrees in ((anton, True), (wanda, True), (ada, False)):
        with pytest.raises(approvals.NotAllowed):
            emergencies.review(approval, agrees=agrees, by=user)

    emergencies.review(approval, agrees=False, by=ada, words="The number is wrong.")
    with pytest.raises(approvals.NotAllowed):
        emergencies.review(approval, agrees=True, by=ada)


def test_the_database_takes_it_for_publishing_alone_and_no_review_by_oneself(incident, anton):
    publish_alone(incident, because=BECAUSE, by=anton)

    with pytest.raises(IntegrityError):
        Approval.objects.update(act=Approval.Act.MAIL)


def test_the_database_takes_no_review_by_whoever_did_it(incident, anton):
    publish_alone(incident, because=BECAUSE, by=anton)

    with pytest.raises(IntegrityError):
        Approval.objects.update(reviewed_by=anton, reviewed_at=timezone.now(), review_agrees=True)
