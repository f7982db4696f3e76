"""An update that becomes public goes to everyone who follows, once to each mailbox, as it stands on the page."""

from datetime import timedelta

import pytest
from anymail.signals import AnymailTrackingEvent
from django.utils import timezone

from accounts.models import AuditEntry, Organisation
from incidents import documents, publishing
from incidents.models import PageVersion
from notifications import dispatch, mailings, tasks, tracking
from notifications.models import Announcement, FollowRefusal, SendingPulse, Subscriber, UpdateMail, UpdateOutbox
from notifications.subscriptions import announcing, asking, sending, tokens
from notifications.subscriptions.tokens import Purpose
from tests.factories import make_incident, make_organisation, make_update
from tests.notifications.following import make_follower, make_public, parts, publish, through
from tests.notifications.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site(settings, tmp_path):
    settings.SITE_FOLDER = tmp_path
    settings.PUBLIC_BASE_URL = "https://status.relaypost.example"
    make_organisation()


@pytest.fixture
def incident(wanda, anton):
    made = make_public("api-keys", by=wanda, yes=anton)
    tasks.tell_followers()
    return made


@pytest.fixture
def server(settings):
    with SmtpServer() as server:
        yield through(server, settings)


def say(incident, body="We have closed the way in.", *, by, yes, **fields):
    update = make_update(incident, body, **fields)
    publish(incident, by=by, yes=yes)
    return update


# What goes out ----------------------------------------------------------------------------------------------------


def test_an_update_reaches_whoever_follows_and_nobody_else(incident, server, wanda, anton):
    other = make_incident("other")
    make_follower("one@northwind.example", incident)
    make_follower("all@northwind.example")
    make_follower("other@northwind.example", other)
    make_follower("asked@northwind.example", incident, confirmed_at=None, asked_at=timezone.now())

    say(incident, by=wanda, yes=anton)
    tasks.tell_followers()

    assert sorted(server.readers) == ["all@northwind.example", "one@northwind.example"]


def test_the_message_carries_the_update_in_text_and_html(incident, server, wanda, anton):
    follower = make_follower("one@northwind.example", incident, language="de")

    say(incident, "We have *closed* the way in. [Check a notice](/genuine/).", by=wanda, yes=anton, phase="monitoring")
    tasks.tell_followers()

    (message,) = server.accepted
    text, html = parts(message)
    end = f"https://status.relaypost.example/follow/end/{tokens.token(follower, Purpose.END)}/"
    for part in (text, html):
        assert "closed" in part
        assert "Unter Beobachtung" in part
        assert "https://status.relaypost.example/genuine/" in part
        assert "https://status.relaypost.example/incidents/api-keys/" in part
        assert end in part
    assert "<em>closed</em>" in html
    assert 'lang="de"' in html
    assert "<img" not in html
    assert message["To"] == "one@northwind.example"
    assert message["Cc"] is message["Bcc"] is None


def test_one_click_ends_it_and_the_messages_of_an_incident_hang_together(incident, server, wanda, anton):
    follower = make_follower("one@northwind.example", incident)

    for body in ("First.", "Second."):
        say(incident, body, by=wanda, yes=anton)
        tasks.tell_followers()

    first, second = server.accepted
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    end = f"<https://status.relaypost.example/follow/end/{tokens.token(follower, Purpose.END)}/>"
    assert "".join(first["List-Unsubscribe"].split()) == end
    assert first["References"] == second["References"] == first["In-Reply-To"]
    assert first["Subject"] == second["Subject"]
    assert first["Message-ID"] != second["Message-ID"]


def test_each_update_goes_once_to_each_mailbox(incident, server, wanda, anton):
    make_follower("one@northwind.example", incident)
    make_follower("one@northwind.example")
    say(incident, by=wanda, yes=anton)
    version = PageVersion.objects.filter(incident=incident, cause="published").first()

    for _ in range(2):  # the signal may come twice
        publishing.published.send(sender=PageVersion, version=version)
        tasks.tell_followers()

    assert server.readers == ["one@northwind.example"]


def test_two_updates_of_one_publication_are_two_messages(incident, server, wanda, anton):
    make_follower("one@northwind.example", incident)
    make_update(incident, "Before.")

    say(incident, "After.", by=wanda, yes=anton)
    tasks.tell_followers()

    assert len(server.accepted) == 2


def test_many_are_gathered_in_pieces(incident, wanda, anton):
    for number in range(7):
        make_follower(f"reader-{number}@northwind.example", incident if number % 2 else None)
    say(incident, by=wanda, yes=anton)

    announcing.gather(size=3)

    assert UpdateMail.objects.count() == UpdateOutbox.objects.count() == 7
    assert Announcement.objects.filter(number=2).get().state == "running"


# What does not ----------------------------------------------------------------------------------------------------


def test_a_minor_edit_and_a_system_version_mail_nobody(incident, server, wanda, anton):
    make_follower("one@northwind.example", incident)
    incident.summary = "Somebody used an employee's account to read the keys of few customers."
    incident.save()

    publish(incident, by=wanda, yes=anton)
    assert publishing.record_telling(incident, documents.Telling(state="under_way", as_of=timezone.now().isoformat()))
    tasks.tell_followers()

    assert not server.accepted


def test_what_was_said_elsewhere_before_is_no_news(incident, server, wanda, anton):
    make_follower("one@northwind.example", incident)

    moment = {"at": timezone.now(), "precision": "day"}
    say(incident, "Said on our blog.", by=wanda, yes=anton, said_elsewhere=True, **moment)
    tasks.tell_followers()

    assert not server.accepted


def test_a_told_only_page_mails_nobody(server, wanda, anton):
    make_follower("all@northwind.example")

    make_public("quiet", by=wanda, yes=anton, visibility="told_only")
    tasks.tell_followers()

    assert not server.accepted


def test_nothing_goes_out_while_it_is_switched_off(incident, server, wanda, anton):
    make_follower("one@northwind.example", incident)
    say(incident, by=wanda, yes=anton)
    Organisation.objects.update(following_by_mail=False)

    tasks.tell_followers()
    assert not server.accepted
    assert announcing.announce(PageVersion.objects.filter(incident=incident, cause="published").first()) == 0

    Organisation.objects.update(following_by_mail=True)
    tasks.tell_followers()
    assert len(server.accepted) == 1


def test_whoever_ended_it_meanwhile_gets_nothing(incident, server, wanda, anton):
    follower = make_follower("one@northwind.example", incident)
    say(incident, by=wanda, yes=anton)
    announcing.gather()

    asking.end(tokens.token(follower, Purpose.END))
    tasks.tell_followers()

    assert not server.accepted
    assert UpdateMail.objects.get().state == "cancelled"


def test_a_channel_that_is_part_of_the_breach_sends_nothing(incident, server, wanda, anton):
    make_follower("one@northwind.example", incident)
    incident.exposed_channels = ["smtp"]
    incident.save()
    say(incident, by=wanda, yes=anton)

    tasks.tell_followers()

    assert not server.accepted
    held = Announcement.objects.get(number=2)
    assert held.state == "paused"
    assert "part of this incident" in held.paused_because


# What providers say later -----------------------------------------------------------------------------------------


def event(type_, mail, **fields):
    given = {"timestamp": timezone.now(), "metadata": {"recipient": mail.message_id}, **fields}
    return AnymailTrackingEvent(event_type=type_, message_id="somebody-else", **given)


@pytest.fixture
def sent(incident, server, wanda, anton):
    make_follower("one@northwind.example", incident)
    say(incident, by=wanda, yes=anton)
    tasks.tell_followers()
    return UpdateMail.objects.get()


@pytest.mark.parametrize("types", [["delivered", "bounced"], ["bounced", "delivered"], ["bounced", "bounced"]])
def test_a_bounce_for_good_ends_it_in_any_order(sent, types):
    for type_ in types:
        tracking.record(event(type_, sent), "Postmark")

    sent.refresh_from_db()
    assert sent.state == "bounced"
    follower = Subscriber.objects.get()
    assert (follower.ended_because, follower.address) == ("bounced", "")
    assert FollowRefusal.objects.get().because == "bounced"


def test_a_complaint_ends_it_and_leaves_the_message_delivered(sent):
    tracking.record(event("complained", sent), "Mailgun")

    sent.refresh_from_db()
    assert sent.state == "delivered"
    assert Subscriber.objects.get().ended_because == "complained"


def test_delivery_is_heard_by_the_message_id_alone(sent):
    tracking.record(AnymailTrackingEvent(event_type="delivered", message_id=f"<{sent.message_id}>"), "Mailgun")

    sent.refresh_from_db()
    assert sent.state == "delivered"


def test_an_announcement_ends_and_the_log_has_its_sums(sent):
    assert Announcement.objects.get(number=2).state == "finished"
    assert '"accepted":1' in AuditEntry.objects.filter(act="announcement.finished").first().body


# The protocol -----------------------------------------------------------------------------------------------------


def test_a_killed_worker_leaves_what_it_spoke_of_unknown_and_sends_it_to_nobody_twice(incident, server, wanda, anton):
    make_follower("one@northwind.example", incident)
    say(incident, by=wanda, yes=anton)
    announcing.gather()
    batch = sending.claim(25, provider="smtp")
    dispatch.mark(batch, sending.write(batch).hashes)
    UpdateOutbox.objects.update(lease_until=timezone.now() - timedelta(minutes=1))

    tasks.tell_followers()

    assert UpdateMail.objects.get().state == "unknown"
    assert not server.accepted


def test_a_worker_killed_before_the_mark_loses_nothing(incident, server, wanda, anton):
    make_follower("one@northwind.example", incident)
    say(incident, by=wanda, yes=anton)
    announcing.gather()
    sending.claim(25, provider="smtp")
    UpdateOutbox.objects.update(lease_until=timezone.now() - timedelta(minutes=1))

    tasks.tell_followers()

    assert len(server.accepted) == 1


def test_a_full_mailbox_is_tried_again_and_a_refusal_is_for_good(incident, settings, wanda, anton):
    make_follower("full@northwind.example", incident)
    make_follower("gone@northwind.example", incident)
    faults = {"rcpt": {"full": "452 full", "gone": "550 no such user"}}
    with SmtpServer(faults=faults) as server:
        through(server, settings)
        say(incident, by=wanda, yes=anton)
        tasks.tell_followers()

    states = dict(UpdateMail.objects.values_list("subscriber__address", "state"))
    assert states == {"full@northwind.example": "queued", "": "failed"}, "whoever is refused for good is forgotten"
    assert UpdateOutbox.objects.get().not_before > timezone.now()


def test_after_a_long_silence_a_person_lets_it_go_on(incident, server, wanda, anton):
    make_follower("one@northwind.example", incident)
    say(incident, by=wanda, yes=anton)
    announcing.gather()
    SendingPulse.objects.create(at=timezone.now() - timedelta(hours=3))

    tasks.tell_followers()  # before beat has looked
    mailings.watch()
    tasks.tell_followers()

    assert not server.accepted
    held = Announcement.objects.get(number=2)
    assert held.state == "paused"
    announcing.resume(held, by=anton)
    tasks.tell_followers()
    assert len(server.accepted) == 1
