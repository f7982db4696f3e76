"""Events arrive twice, late, out of order, before our own commit, or for messages we do not know."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from anymail.signals import AnymailTrackingEvent
from anymail.signals import tracking as anymail_tracking
from django.db import OperationalError, connection
from hypothesis import given
from hypothesis import strategies as st

from notifications import dispatch, tracking
from notifications.handover import Outcome, Result
from notifications.models import DeliveryEvent, Outbox, Recipient
from notifications.models.recipients import State
from notifications.tracking import hearing
from tests.factories import make_account, make_affected, make_incident
from tests.notifications.arrange import make_recipient

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
TYPES = list(DeliveryEvent.Type.values)
OUTCOMES = ["", *Outcome.values]


def event(event_type: str, message_id: str | None, **fields) -> AnymailTrackingEvent:
    return AnymailTrackingEvent(event_type=event_type, message_id=message_id, **{"timestamp": NOON, **fields})


@pytest.fixture
def accepted(db) -> Recipient:
    return make_recipient(make_incident(), state="accepted")


# The table -----------------------------------------------------------------------------------------------------


@given(st.sampled_from(OUTCOMES), st.lists(st.sampled_from(TYPES)), st.randoms())
def test_no_order_and_no_repetition_changes_the_state(outcome, events, random):
    shuffled = events + random.choices(events, k=3) if events else []
    random.shuffle(shuffled)

    assert tracking.derive(outcome, shuffled) == tracking.derive(outcome, set(events))


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ({"delivered"}, State.DELIVERED),
        ({"delivered", "bounced"}, State.BOUNCED),
        ({"delivered", "deferred", "accepted"}, State.DELIVERED),
        ({"deferred"}, State.ACCEPTED),
        ({"soft_bounced"}, State.ACCEPTED),
        ({"soft_bounced", "delivered"}, State.DELIVERED),
        ({"complained"}, State.DELIVERED),
        ({"complained", "bounced"}, State.BOUNCED),
        ({"rejected"}, State.FAILED),
        ({"failed", "accepted"}, State.FAILED),
    ],
)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_events_know_more_than_the_conversation(events, state, outcome):
    assert tracking.derive(outcome, events) == state


def test_without_events_the_latest_attempt_says_it():
    assert [tracking.derive(outcome, set()) for outcome in OUTCOMES] == [
        State.SENDING, State.ACCEPTED, State.QUEUED, State.FAILED, State.UNKNOWN, State.QUEUED,
    ]  # fmt: skip


# In the database -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("order", list(permutations(["delivered", "bounced", "deferred"])))
def test_events_may_come_in_any_order_and_twice(accepted, order):
    for type_ in order + order:
        tracking.record(event(type_, accepted.message_id), "Mailgun")

    accepted.refresh_from_db()
    assert accepted.state == "bounced"
    assert DeliveryEvent.objects.count() == 3


@pytest.mark.django_db
def test_an_event_told_twice_is_one_row(accepted):
    for _ in range(3):
        tracking.record(event("delivered", accepted.message_id, event_id="tok3n"), "Mailgun")

    assert DeliveryEvent.objects.get().key == "delivered:tok3n"


@pytest.mark.django_db
def test_without_an_id_two_events_at_two_times_are_two(accepted):
    tracking.record(event("deferred", accepted.message_id), "Postmark")
    tracking.record(event("deferred", accepted.message_id, timestamp=NOON + timedelta(hours=1)), "Postmark")
    tracking.record(event("deferred", accepted.message_id), "Postmark")

    assert DeliveryEvent.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("spelling", ["{}", "<{}>"])
def test_a_message_is_found_by_its_message_id(accepted, spelling):
    tracking.record(event("delivered", spelling.format(accepted.message_id)), "Mailgun")

    assert DeliveryEvent.objects.get().recipient == accepted


@pytest.mark.django_db
def test_a_message_is_found_by_the_opaque_id_we_gave_along(accepted):
    tracking.record(event("delivered", "b7bc2f4a", metadata={"recipient": accepted.message_id}), "Postmark")

    accepted.refresh_from_db()
    assert accepted.state == "delivered"


@pytest.mark.django_db
@pytest.mark.parametrize("known_as", ["<2018@mg.example>", "2018@mg.example"])
def test_a_message_is_found_by_the_providers_own_id(known_as):
    recipient = make_recipient(make_incident())
    dispatch.record(dispatch.claim(1), {recipient.pk: Result(Outcome.ACCEPTED, provider_id=known_as)})

    tracking.record(event("delivered", "<2018@mg.example>"), "Mailgun")

    recipient.refresh_from_db()
    assert recipient.state == "delivered"


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["sending", "unknown", "unconfirmed"])
@pytest.mark.parametrize(
    ("type_", "then"), [("delivered", "delivered"), ("deferred", "accepted"), ("queued", "accepted")]
)
def test_an_event_proves_that_the_provider_had_accepted_it(state, type_, then):
    recipient = make_recipient(make_incident(), state=state)

    tracking.record(event(type_, recipient.message_id), "Mailgun")

    recipient.refresh_from_db()
    assert recipient.state == then


@pytest.mark.django_db
def test_a_message_that_got_there_is_not_sent_again():
    recipient = make_recipient(make_incident())  # queued again, after it had been unknown

    tracking.record(event("delivered", recipient.message_id), "Mailgun")

    assert not Outbox.objects.exists()
    assert dispatch.claim(25) is None


@pytest.mark.django_db
def test_a_complaint_stands_beside_the_state(accepted):
    tracking.record(event("delivered", accepted.message_id), "Mailgun")
    tracking.record(event("complained", accepted.message_id), "Mailgun")

    accepted.refresh_from_db()
    assert (accepted.state, accepted.complained_at) == ("delivered", NOON)


@pytest.mark.django_db
@pytest.mark.parametrize("raw", [{"Type": "SoftBounce"}, {"event": "soft_bounce"}])
def test_a_soft_bounce_is_no_bounce(accepted, raw):
    tracking.record(event("bounced", accepted.message_id, esp_event=raw), "Postmark")

    accepted.refresh_from_db()
    assert accepted.state == "accepted"
    assert DeliveryEvent.objects.get().type == "soft_bounced"


@pytest.mark.django_db
def test_the_reason_of_a_bounce_is_kept_without_the_address(accepted):
    words = "550 5.1.1 <owner@northwind.example>: no such\nuser\0"
    tracking.record(event("bounced", accepted.message_id, mta_response=words), "Mailgun")

    accepted.refresh_from_db()
    assert accepted.reason == "550 5.1.1 <[address]>: no such user"


@pytest.mark.django_db
@pytest.mark.parametrize("type_", ["opened", "clicked", "unsubscribed", "unknown", "inbound", "nonsense", None])
def test_what_says_nothing_about_delivery_is_not_kept(accepted, type_):
    assert tracking.record(event(type_, accepted.message_id), "Mailgun") is None
    assert not DeliveryEvent.objects.exists()


@pytest.mark.django_db
def test_an_event_of_an_unknown_message_waits_until_we_know_it():
    tracking.record(event("delivered", "b7bc2f4a", event_id="1"), "Postmark")
    tracking.record(event("delivered", "somebody else's", event_id="2"), "Postmark")
    assert tracking.match_orphans() == 0

    recipient = make_recipient(make_incident())
    dispatch.record(dispatch.claim(1), {recipient.pk: Result(Outcome.ACCEPTED, provider_id="b7bc2f4a")})

    assert tracking.match_orphans() == 1
    recipient.refresh_from_db()
    assert recipient.state == "delivered"
    assert tracking.match_orphans() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"message_id": None}, {"message_id": 17}, {"message_id": "\0\ud800"}, {"timestamp": None},
        {"timestamp": "noon"}, {"timestamp": datetime(2026, 3, 14)}, {"metadata": None},
        {"metadata": []}, {"event_id": "x" * 5000},
        {"mta_response": b"\xff"}, {"reject_reason": "r" * 500}, {"esp_event": "?"}, {"recipient": "\ud800"},
    ],
)  # fmt: skip
def test_no_event_however_odd_raises(accepted, fields):
    odd = event("delivered", accepted.message_id)
    for name, value in fields.items():
        setattr(odd, name, value)

    tracking.record(odd, "Mailgun")


@pytest.mark.django_db
def test_an_event_nobody_can_read_is_logged_without_the_address(accepted, caplog):
    tracking.record(event("delivered", accepted.message_id, metadata="owner@northwind.example"), "Mailgun")

    assert "could not be read" in caplog.text
    assert not DeliveryEvent.objects.exists()


@pytest.mark.django_db
def test_while_the_database_is_away_the_provider_has_to_tell_us_again(accepted, monkeypatch):
    def away(*_):
        raise OperationalError("terminating connection")

    monkeypatch.setattr(hearing, "keep", away)
    with pytest.raises(OperationalError):
        tracking.record(event("delivered", accepted.message_id), "Mailgun")


@pytest.mark.django_db
def test_a_prepared_recipient_stays_prepared_whatever_is_claimed_about_it():
    recipient = make_recipient(make_incident(), state="prepared")

    tracking.record(event("delivered", recipient.message_id), "Mailgun")

    recipient.refresh_from_db()
    assert recipient.state == "prepared"


@pytest.mark.django_db
def test_anymails_signal_reaches_the_ledger(accepted):
    anymail_tracking.send(sender=object, event=event("delivered", accepted.message_id), esp_name="Mailgun")

    accepted.refresh_from_db()
    assert accepted.state == "delivered"


@pytest.mark.django_db
def test_one_persons_event_moves_nobody_else(accepted):
    other = make_recipient(
        accepted.incident, make_affected(accepted.incident, make_account("acme", "o@acme.example")),
        state="accepted", kind="follow_up", message_id="other@relaypost.example",
    )  # fmt: skip

    tracking.record(event("bounced", accepted.message_id), "Mailgun")

    other.refresh_from_db()
    assert other.state == "accepted"


# Bounced for now, and then nothing -----------------------------------------------------------------------------


def heard_long_ago(hours: int) -> None:
    """As if it had come then: the trigger that keeps events as they are is off for a moment."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE notifications_deliveryevent SET received_at = received_at - make_interval(hours => %s)", [hours]
        )
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


@pytest.mark.django_db
def test_a_soft_bounce_that_nothing_followed_is_a_bounce_in_the_end(accepted):
    """Mail servers say so when they have given up on a full mailbox, too: nobody would ever hear of it again."""
    tracking.record(event("bounced", accepted.message_id, esp_event={"Type": "SoftBounce"}), "Postmark")
    heard_long_ago(71)
    assert tracking.give_up_waiting() == 0

    heard_long_ago(2)

    assert tracking.give_up_waiting() == 1
    accepted.refresh_from_db()
    assert (accepted.state, accepted.reason) == ("bounced", "Bounced for now, and nothing came after it")
    assert tracking.give_up_waiting() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("type_", ["delivered", "complained"])
def test_a_soft_bounce_that_a_delivery_followed_stays_a_delivery(accepted, type_):
    tracking.record(event("bounced", accepted.message_id, esp_event={"Type": "SoftBounce"}), "Postmark")
    tracking.record(event(type_, accepted.message_id), "Postmark")
    heard_long_ago(200)

    assert tracking.give_up_waiting() == 0
    accepted.refresh_from_db()
    assert accepted.state == "delivered"


@pytest.mark.django_db
def test_a_delay_alone_is_not_given_up(accepted):
    tracking.record(event("deferred", accepted.message_id), "Mailgun")
    heard_long_ago(200)

    assert tracking.give_up_waiting() == 0
