"""What staff see of those who follow: numbers and sums; an address only where somebody types it, on record."""

import logging
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, Organisation
from notifications import bounces, tasks
from notifications.bounces import return_path
from notifications.models import Announcement, Subscriber, UpdateMail
from notifications.subscriptions import announcing, asking
from tests.factories import make_organisation, make_update
from tests.notifications.following import make_follower, make_public, publish, through
from tests.notifications.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db(transaction=True)
READER = "reader@northwind.example"
PAGE = "/staff/followers/"


@pytest.fixture(autouse=True)
def site(settings, tmp_path):
    settings.SITE_FOLDER = tmp_path
    make_organisation()


@pytest.fixture
def incident(wanda, anton):
    return make_public("api-keys", by=wanda, yes=anton)


@pytest.fixture
def waiting(incident, wanda, anton) -> Announcement:
    """An update queued for one who follows."""
    announcing.gather()
    make_follower(READER, incident)
    make_update(incident)
    publish(incident, by=wanda, yes=anton)
    announcing.gather()
    return Announcement.objects.get(number=2)


def test_the_page_has_numbers_and_no_address(waiting, incident, as_user, otto):
    make_follower("all@northwind.example")
    make_follower("asked@northwind.example", confirmed_at=None, asked_at=timezone.now())

    page = as_user(otto).get(PAGE).content.decode()

    assert "1 reader follows every incident, 1" in " ".join(page.split())
    assert "1 has asked" in page
    assert "1 queued" in page
    assert "northwind.example" not in page
    assert "Pause" not in page


def test_the_page_is_for_the_staff_room(as_user, stranger, client):
    assert client.get(PAGE).status_code == 302
    assert as_user(stranger).get(PAGE).status_code == 403


def test_a_look_up_of_one_address_is_on_record_without_it(waiting, as_user, ada):
    for address, says in [(" Reader@NORTHWIND.example", "Yes:"), ("nobody@northwind.example", "No.")]:
        page = as_user(ada).post(f"{PAGE}look-up/", {"address": address}).content.decode()
        assert says in page

    entries = AuditEntry.objects.filter(act="subscriber.looked_up")
    assert entries.count() == 2
    assert not any("northwind" in entry.body.lower() for entry in entries)


def test_who_may_not_look_up_or_pause(waiting, as_user, otto, wanda, anton):
    assert as_user(anton).post(f"{PAGE}look-up/", {"address": READER}).status_code == 403
    assert as_user(wanda).post(f"{PAGE}{waiting.pk}/pause/").status_code == 403
    assert as_user(otto).post(f"{PAGE}{waiting.pk}/resume/").status_code == 403


def test_staff_pause_an_update_and_let_it_go_on(waiting, as_user, anton, settings):
    client = as_user(anton)
    with SmtpServer() as server:
        through(server, settings)

        client.post(f"{PAGE}{waiting.pk}/pause/")
        tasks.tell_followers()
        assert not server.accepted

        client.post(f"{PAGE}{waiting.pk}/pause/")
        client.post(f"{PAGE}{waiting.pk}/resume/")
        tasks.tell_followers()
        assert len(server.accepted) == 1

    acts = AuditEntry.objects.filter(act__startswith="announcement.").order_by("number")
    assert [entry.act for entry in acts] == ["announcement.paused", "announcement.resumed", "announcement.finished"]


def test_an_administrator_switches_it_off(as_user, ada, otto):
    Organisation.objects.update(following_by_mail=False)

    assert "switched off" in as_user(otto).get(PAGE).content.decode()
    assert "Following by mail" in as_user(ada).get("/staff/organisation/").content.decode()


def test_no_log_line_and_no_entry_names_a_reader(incident, wanda, anton, settings, caplog, client):
    caplog.set_level(logging.DEBUG)
    with SmtpServer(faults={"rcpt": {"reader": "550 no such user <reader@northwind.example>"}}) as server:
        through(server, settings)
        client.post("/follow/api-keys/", {"address": READER, "what": "all", "language": "en"},
                    HTTP_SEC_FETCH_SITE="same-origin")  # fmt: skip
        tasks.tell_followers()

    mail = UpdateMail.objects.get()
    assert mail.state == "failed"
    assert READER not in caplog.text
    assert READER not in f"{list(AuditEntry.objects.values_list('body', flat=True))} {mail.reason}"
    assert READER not in f"{list(mail.attempts.values_list('reply', flat=True))}"


def test_a_bounce_that_comes_as_mail_ends_it(waiting, settings):
    settings.BOUNCE_ADDRESS = "bounce@bounces.relaypost.example"
    mail = UpdateMail.objects.get()
    to = return_path.of(return_path.UPDATES + mail.pk)
    report = f"""From: MAILER-DAEMON@mx.example
To: {to}
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

No such user.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; somebody@northwind.example
Action: failed
Status: 5.1.1

--b--
"""
    bounces.take(report.encode(), to=to, at=datetime.now(UTC))

    assert Subscriber.objects.get().ended_because == "bounced"


def test_the_worker_takes_up_what_the_form_wrote(incident):
    asking.ask(address=READER, language="en", incident=None)

    tasks.tell_followers()

    assert Subscriber.objects.living().count() == 1
