"""Whoever follows waits for whoever must be told: notices go first, however many updates are queued."""

import threading
import time

import pytest
from django.db import connection
from django.db.models.functions import Now

from notifications import dispatch, lanes, stopping, tasks
from notifications.models import Announcement, Outbox, Subscriber, UpdateMail, UpdateOutbox
from notifications.subscriptions import sending
from tests.factories import make_many_affected, make_organisation
from tests.notifications.arrange import make_mailing, queue
from tests.notifications.following import LONG_AGO, make_public, through
from tests.notifications.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db(transaction=True)

TO_FOLLOWERS = "reader-"


@pytest.fixture(autouse=True)
def site(settings, tmp_path):
    settings.SITE_FOLDER = tmp_path
    settings.SENDING_PER_SECOND = 5000
    make_organisation()


@pytest.fixture
def incident(wanda, anton):
    return make_public("api-keys", by=wanda, yes=anton)


@pytest.fixture
def server(settings):
    with SmtpServer() as server:
        yield through(server, settings)


def queue_updates(incident, count: int) -> Announcement:
    """An announcement on its way to so many who follow."""
    Announcement.objects.all().delete()
    announcement = Announcement.objects.create(
        incident=incident, version=incident.page_versions.first(), number=1, state="running", provider="smtp",
        sender="security@relaypost.example",
    )  # fmt: skip
    rows = Subscriber.objects.bulk_create(
        Subscriber(
            address=f"reader-{n}@northwind.example", lookup=n.to_bytes(32), language="en", key_id="laptop",
            asked_at=LONG_AGO, confirmed_at=LONG_AGO,
        )
        for n in range(count)
    )  # fmt: skip
    mails = UpdateMail.objects.bulk_create(
        UpdateMail(mailing=announcement, subscriber=row, message_id=f"follow.{row.pk}@relaypost.example")
        for row in rows
    )
    UpdateOutbox.objects.bulk_create(
        UpdateOutbox(recipient=one, mailing=announcement, not_before=Now()) for one in mails
    )
    return announcement


def test_a_mailing_that_starts_goes_before_ten_thousand_updates(incident, server):
    queue_updates(incident, 10_000)
    mailing = make_mailing(incident, make_many_affected(incident, 60))

    assert sending.run_lane(seconds=30) == 0
    dispatch.run_lane(seconds=30)

    assert len(server.accepted) == 60
    assert not any(reader.startswith(TO_FOLLOWERS) for reader in server.readers)
    assert not Outbox.objects.filter(mailing=mailing).exists()


def test_a_lane_of_updates_ends_when_a_mailing_starts_in_its_midst(incident, server):
    server.delay = 0.02
    queue_updates(incident, 2_000)
    affected = make_many_affected(incident, 10)
    mailing = make_mailing(incident, [])
    done: dict[str, float] = {}

    def lane() -> None:
        try:
            sending.run_lane(seconds=20)
            done["at"] = time.monotonic()
        finally:
            connection.close()

    thread = threading.Thread(target=lane)
    thread.start()
    while len(server.accepted) < 5:
        time.sleep(0.01)
    queue(mailing, affected)
    started = time.monotonic()
    thread.join()

    assert done["at"] - started < 2
    assert UpdateOutbox.objects.filter(state="leased").count() == 0
    sent = len(server.accepted)
    assert UpdateMail.objects.filter(state="accepted").count() == sent
    assert UpdateOutbox.objects.count() == 2_000 - sent


@pytest.mark.parametrize(
    ("reply", "ends"),
    [
        ("550 5.1.1 no such user", True),
        ("550 no such user", True),
        ("550 5.2.1 mailbox disabled", True),
        ("550 5.7.1 you are on a list", False),
        ("554 refused", False),
        ("452 4.2.2 full", False),
    ],
)
def test_a_mailbox_that_is_refused_at_once_ends_as_if_it_had_bounced(incident, server, reply, ends):
    queue_updates(incident, 2)
    server.faults["rcpt"] = {"reader-1": reply}

    sending.run_lane(seconds=5)

    gone = Subscriber.objects.exclude(ended_at=None)
    assert list(gone.values_list("ended_because", "address")) == ([("bounced", "")] if ends else [])
    assert server.readers == ["reader-0@northwind.example"]


def test_updates_go_on_once_no_notice_waits(incident, server):
    queue_updates(incident, 30)
    make_mailing(incident, make_many_affected(incident, 5))

    dispatch.run_lane()
    sending.run_lane()

    assert len(server.accepted) == 35
    assert [reader.startswith(TO_FOLLOWERS) for reader in server.readers] == [False] * 5 + [True] * 30


def test_a_paused_mailing_holds_no_update_up(incident, server):
    queue_updates(incident, 3)
    make_mailing(incident, make_many_affected(incident, 5), state="paused", paused_at=Now())

    sending.run_lane()

    assert len(server.accepted) == 3


def test_there_is_one_lane_of_updates(incident, server):
    queue_updates(incident, 3)

    with lanes.one(of=sending.LANE_LOCK, at_most=1):
        thread = threading.Thread(target=lambda: (sending.run_lane(), connection.close()))
        thread.start()
        thread.join()

    assert not server.accepted


def test_the_kill_switch_holds_updates_too(incident, server, anton):
    queue_updates(incident, 3)
    stopping.stop(by=anton, because="Something is wrong")

    tasks.tell_followers()

    assert not server.accepted
    assert UpdateOutbox.objects.count() == 3


def test_updates_have_a_queue_of_their_own():
    from config.celery import app

    assert app.conf.task_routes["notifications.tasks.tell_followers"] == {"queue": "updates"}
    assert "updates" in {queue.name for queue in app.conf.task_queues}
