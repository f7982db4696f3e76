"""The kill switch: one person stops everything; another lets it go on."""

import threading
import time

import pytest
from django.db import connections
from django.urls import reverse

from accounts.models import AuditEntry
from notifications import dispatch, mailings, stopping
from notifications.models import SendingStop
from tests.factories import make_account, make_affected, make_incident, make_many_affected, make_notice, make_user
from tests.notifications.arrange import make_mailing
from tests.notifications.smtp_server import SmtpServer

SENDING = "/staff/sending/"


@pytest.fixture
def running(wanda):
    incident = make_incident()
    return make_mailing(incident, make_many_affected(incident, 3))


def test_nothing_is_claimed_while_it_holds(running, anton, ada):
    counts = stopping.stop(by=anton, because="the text is wrong")

    assert counts == {"mailings": 1, "waiting": 3, "sending": 0}
    assert dispatch.claim(10) is None
    stopping.lift(by=ada, because="the text is right after all")
    assert len(dispatch.claim(10).numbers) == 3


def test_a_stop_holds_what_is_started_later(running, anton):
    stopping.stop(by=anton, because="no")
    incident = make_incident("second")
    make_mailing(incident, [make_affected(incident, make_account("contoso", "it@contoso.example"))])

    assert dispatch.claim(10) is None


def test_of_two_who_press_the_second_is_told_who_was_first(running, anton, ada):
    stopping.stop(by=anton, because="no")

    with pytest.raises(stopping.AlreadyStopped, match="Anton Approver did at"):
        stopping.stop(by=ada, because="no")

    assert SendingStop.objects.count() == 1


def test_whoever_stopped_it_does_not_lift_it_alone(running, anton):
    stopping.stop(by=anton, because="no")

    with pytest.raises(stopping.NotLifted, match="You stopped it yourself"):
        stopping.lift(by=anton, because="never mind")

    assert stopping.standing()


def test_an_administrator_lifts_what_she_stopped_with_a_reason(running, ada):
    stopping.stop(by=ada, because="no")

    stopping.lift(by=ada, because="alone tonight")

    assert stopping.standing() is None
    with pytest.raises(stopping.NotLifted, match="not stopped"):
        stopping.lift(by=ada, because="again")
    assert [e.act for e in AuditEntry.objects.filter(act__startswith="sending.").order_by("number")] == [
        "sending.stopped",
        "sending.allowed_again",
    ]


def test_no_test_message_leaves_while_it_holds(running, anton, wanda):
    stopping.stop(by=anton, because="no")

    with pytest.raises(mailings.NotSent, match="stopped"):
        mailings.test_send(make_notice(running.incident, wanda), by=wanda)


@pytest.mark.django_db(transaction=True)
def test_it_takes_effect_within_two_seconds_in_the_middle_of_a_window(settings):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "notifications.smtp.PhasedBackend", "127.0.0.1"
    anton = make_user("anton@relaypost.example", role="Approver", name="Anton Approver")
    incident = make_incident()
    mailing = make_mailing(incident, make_many_affected(incident, 60))
    with SmtpServer(delay=0.2) as server:
        settings.EMAIL_PORT = server.port
        lane = threading.Thread(target=lambda: (dispatch.run_lane(seconds=20), connections.close_all()))
        lane.start()
        while not server.accepted:
            time.sleep(0.05)
        stopping.stop(by=anton, because="the text is wrong")
        time.sleep(2)
        after_two_seconds = len(server.accepted)
        lane.join()

    assert len(server.accepted) == after_two_seconds < 60
    counts = mailings.progress(mailing)
    assert counts == {"accepted": after_two_seconds, "queued": 60 - after_two_seconds}


# The page -------------------------------------------------------------------------------------------------------


def test_the_button_names_the_people_and_one_press_stops(running, as_user, anton):
    client = as_user(anton)
    assert "Stop all sending: 3 people in 1 mailing<" in client.get(SENDING).content.decode()

    answer = client.post(reverse("notifications:sending_stop"), {"because": ""}, follow=True)

    assert "All sending is stopped. 3 people wait" in answer.content.decode()
    assert stopping.standing().because == "by Anton Approver"


def test_every_staff_page_says_so_while_it_holds(running, as_user, anton, otto):
    assert "All sending is stopped" not in as_user(otto).get("/staff/").content.decode()
    stopping.stop(by=anton, because="the text is wrong")

    for path in ("/staff/", "/staff/api-keys-2018/", "/staff/api-keys-2018/decisions/"):
        assert "the text is wrong" in as_user(otto).get(path).content.decode()


@pytest.mark.parametrize("who", ["wanda", "otto"])
def test_whoever_may_not_send_cannot_stop_or_lift(running, as_user, request, who, anton):
    client = as_user(request.getfixturevalue(who))

    assert client.post(reverse("notifications:sending_stop")).status_code == 403
    stopping.stop(by=anton, because="no")
    assert client.post(reverse("notifications:sending_lift"), {"because": "yes"}).status_code == 403
    assert "Let sending go on to" not in client.get(SENDING).content.decode()


def test_lifting_wants_a_reason(running, as_user, anton, ada):
    stopping.stop(by=anton, because="no")

    answer = as_user(ada).post(reverse("notifications:sending_lift"), {"because": " "})

    assert answer.status_code == 422 and stopping.standing()
