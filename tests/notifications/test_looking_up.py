"""The unknown are settled by asking the provider; what it does not find proves nothing."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from incidents.models import Incident
from notifications import dispatch, looking_up, reconcile, stopping
from notifications.models import Attempt, DeliveryEvent, Mailing, Outbox, Recipient, SendBatch
from tests.factories import make_incident
from tests.notifications.arrange import make_recipient
from tests.notifications.provider_stub import Mailgun, Stub

pytestmark = pytest.mark.django_db


def lose(recipient: Recipient) -> Recipient:
    """Its worker was killed on the wire, two minutes ago."""
    batch = dispatch.claim(1)
    dispatch.mark(batch, dict.fromkeys(batch.numbers, "f" * 64))
    Outbox.objects.update(lease_until=Now() - timedelta(seconds=1))
    dispatch.reap()
    Recipient.objects.update(state_at=Now() - timedelta(minutes=2))
    recipient.refresh_from_db()
    assert recipient.state == "unknown"
    return recipient


def mailgun_says(recipient: Recipient, event: str, **fields) -> dict:
    return {
        "event": event, "id": f"id-{event}", "timestamp": timezone.now().timestamp(),
        "recipient": recipient.address.value, "user-variables": {"recipient": recipient.message_id}, **fields,
    }  # fmt: skip


@pytest.fixture
def mailgun(settings):
    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    with Mailgun() as mailgun:
        settings.ANYMAIL = mailgun.settings()
        yield mailgun


@pytest.fixture
def unknown(mailgun) -> Recipient:
    return lose(make_recipient(make_incident()))


@pytest.mark.parametrize(
    ("event", "fields", "state"),
    [
        ("accepted", {}, "accepted"),
        ("delivered", {}, "delivered"),
        ("failed", {"severity": "permanent"}, "bounced"),
        ("failed", {"severity": "temporary"}, "accepted"),
        ("rejected", {}, "failed"),
        ("opened", {}, "unknown"),
    ],
)
def test_mailguns_log_of_events_settles_it(unknown, mailgun, event, fields, state):
    mailgun.events = [mailgun_says(unknown, event, **fields)]

    looking_up.ask_providers()

    unknown.refresh_from_db()
    assert unknown.state == state
    assert not mailgun.sent
    assert Attempt.objects.get().outcome == "unknown"  # what the attempt knew stays


def test_events_of_another_message_to_the_same_mailbox_prove_nothing(unknown, mailgun):
    mailgun.events = [mailgun_says(unknown, "delivered") | {"user-variables": {"recipient": "another@x"}}]

    assert looking_up.ask_providers() == 0

    unknown.refresh_from_db()
    assert unknown.state == "unknown"


def test_what_is_not_found_stays_unknown_and_is_not_asked_for_all_the_time(unknown, mailgun):
    looking_up.ask_providers()
    looking_up.ask_providers()

    unknown.refresh_from_db()
    assert unknown.state == "unknown"
    assert len(mailgun.asked) == 1
    assert not Outbox.objects.exists()


def test_a_fresh_unknown_waits_for_the_providers_own_events(unknown, mailgun):
    Recipient.objects.update(state_at=Now())

    assert looking_up.ask_providers() == 0
    assert not mailgun.asked


def test_a_provider_that_cannot_be_asked_changes_nothing(unknown, mailgun, caplog):
    mailgun.server.shutdown()
    mailgun.server.server_close()

    assert looking_up.ask_providers() == 0
    assert unknown.address.value not in caplog.text
    mailgun.__enter__()


def test_postmarks_list_of_messages_settles_it(settings):
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    with Stub() as postmark:
        settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "token", "POSTMARK_API_URL": postmark.url,
                            "REQUESTS_TIMEOUT": (2, 2)}  # fmt: skip
        recipient = lose(make_recipient(make_incident()))
        found = {"MessageID": "b7bc2f4a", "Status": "Sent", "Metadata": {"recipient": recipient.message_id}}
        postmark.answer = lambda path, fields: (200, {"TotalCount": 1, "Messages": [found]})

        assert looking_up.ask_providers() == 1

    recipient.refresh_from_db()
    assert recipient.state == "accepted"
    path, fields, headers = postmark.asked[0]
    assert path == "/messages/outbound"
    assert fields["metadata_recipient"] == [recipient.message_id]
    assert headers["X-Postmark-Server-Token"] == "token"


# The same call again ---------------------------------------------------------------------------------------------


@pytest.fixture
def resend(settings):
    settings.EMAIL_BACKEND = "anymail.backends.resend.EmailBackend"
    with Stub(answer=lambda path, fields: (200, {"id": "49a3999c"})) as resend:
        settings.ANYMAIL = {"RESEND_API_KEY": "key", "RESEND_API_URL": resend.url, "REQUESTS_TIMEOUT": (2, 2)}
        yield resend


def test_under_the_same_key_the_same_call_is_the_question(resend):
    recipient = make_recipient(make_incident())
    answer, resend.answer = resend.answer, lambda path, fields: (500, {})
    dispatch.run_window(1)
    Recipient.objects.update(state_at=Now() - timedelta(minutes=2))
    resend.answer = answer

    assert looking_up.ask_providers() == 1

    recipient.refresh_from_db()
    assert recipient.state == "accepted"
    (first, said, headers), (_, said_again, headers_again) = resend.asked
    assert said == said_again
    assert headers["Idempotency-Key"] == headers_again["Idempotency-Key"] != ""
    assert DeliveryEvent.objects.get().type == "accepted"


def test_each_attempt_has_a_key_of_its_own(resend):
    make_recipient(make_incident())
    resend.answer = lambda path, fields: (429, {})
    for _ in range(2):
        Outbox.objects.update(not_before=Now())
        dispatch.run_window(1)

    keys = [headers["Idempotency-Key"] for _, _, headers in resend.asked]
    assert len(set(keys)) == 2


def test_a_key_that_may_be_forgotten_is_not_used(resend):
    recipient = lose(make_recipient(make_incident()))
    Recipient.objects.update(state_at=Now() - timedelta(hours=23, minutes=59))
    SendBatch.objects.update(handed_over_at=Now() - timedelta(hours=24))

    assert looking_up.ask_providers() == 0

    assert not resend.asked
    recipient.refresh_from_db()
    assert recipient.state == "unknown"


@pytest.mark.parametrize("because", ["paused", "cancelled", "all stopped", "exposed"])
def test_the_same_call_is_not_made_where_nothing_may_be_sent(resend, anton, because):
    recipient = lose(make_recipient(make_incident()))
    SendBatch.objects.update(handed_over_at=Now() - timedelta(minutes=3))
    match because:
        case "all stopped":
            stopping.stop(by=anton, because="Words of the incident were wrong")
        case "exposed":
            Incident.objects.update(exposed_channels=["resend"])
        case state:
            Mailing.objects.update(state=state)

    assert looking_up.ask_providers() == 0

    assert not resend.asked
    recipient.refresh_from_db()
    assert recipient.state == "unknown"


def test_only_a_clear_yes_settles_it(resend):
    recipient = lose(make_recipient(make_incident()))
    resend.answer = lambda path, fields: (409, {"name": "concurrent_idempotent_requests"})

    assert looking_up.ask_providers() == 0
    recipient.refresh_from_db()
    assert recipient.state == "unknown"


# Left to people ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "overdue"), [(11.9, 0), (12.1, 1)])
def test_unknown_for_half_a_day_is_an_alarm(unknown, caplog, hours, overdue):
    Recipient.objects.update(state_at=Now() - timedelta(hours=hours))

    assert reconcile.alarm() == overdue
    assert ("have been unknown for more than" in caplog.text) == bool(overdue)
