"""What a provider posts to the real webhook URLs: believed only with secret and signature, and only once."""

import base64
import hashlib
import hmac
import json

import pytest
from django.test import Client

from notifications.models import DeliveryEvent, Recipient
from tests.factories import make_incident
from tests.notifications.arrange import make_recipient

MAILGUN = "/webhooks/mailgun/tracking/"
POSTMARK = "/webhooks/postmark/tracking/"
SECRET = "laptop:laptop-webhook-secret"
KEY = "laptop-signing-key"


@pytest.fixture
def recipient(db) -> Recipient:
    return make_recipient(make_incident(), state="accepted")


def authorization(secret: str = SECRET) -> dict:
    return {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(secret.encode()).decode()}


def mailgun(message_id: str, event: str = "delivered", *, number: str = "e1", key: str = KEY, at: float = 1773489600.5,
            **fields) -> str:  # fmt: skip
    """A payload in the shape of Mailgun's documentation, signed."""
    token, timestamp = "0" * 50, "1773489600"
    signature = hmac.new(key.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    data = {
        "event": event, "id": number, "timestamp": at, "log-level": "info", "recipient": "owner@northwind.example",
        "recipient-domain": "northwind.example", "user-variables": {}, "tags": [], "flags": {"is-test-mode": False},
        "message": {"headers": {"message-id": message_id, "to": "owner@northwind.example"}, "size": 9_000},
        "delivery-status": {"code": 250, "message": "OK", "description": "", "attempt-no": 1},
        **fields,
    }  # fmt: skip
    return json.dumps(
        {"signature": {"timestamp": timestamp, "token": token, "signature": signature}, "event-data": data}
    )


def bounce(message_id: str, **fields) -> str:
    return mailgun(
        message_id, "failed", severity="permanent", reason="bounce",
        **{"delivery-status": {"code": 550, "message": "5.1.1 <owner@northwind.example> no such user"}}, **fields,
    )  # fmt: skip


def post(url: str, body: str | bytes, **headers):
    return Client().post(url, body, content_type="application/json", **(headers or authorization()))


def test_a_delivery_moves_the_recipient(recipient):
    response = post(MAILGUN, mailgun(recipient.message_id))

    recipient.refresh_from_db()
    assert (response.status_code, recipient.state) == (200, "delivered")


def test_postmark_is_understood_at_its_own_address(recipient):
    body = {
        "RecordType": "Bounce", "ID": 901542550, "Type": "HardBounce", "TypeCode": 1, "MessageID": recipient.message_id,
        "Description": "The server was unable to deliver your message", "Details": "smtp;550 5.1.1 no such user",
        "Email": "owner@northwind.example", "From": "security@relaypost.example", "BouncedAt": "2026-03-14T12:00:00Z",
        "Inactive": True, "CanActivate": True, "MessageStream": "outbound", "Metadata": {},
    }  # fmt: skip

    response = post(POSTMARK, json.dumps(body))

    recipient.refresh_from_db()
    assert (response.status_code, recipient.state) == (200, "bounced")


def test_the_same_event_posted_twice_is_one_row(recipient):
    for _ in range(2):
        assert post(MAILGUN, mailgun(recipient.message_id)).status_code == 200

    assert DeliveryEvent.objects.count() == 1


def test_late_and_out_of_order_the_end_is_the_same(recipient):
    post(MAILGUN, bounce(recipient.message_id, number="late", at=1773490000.0))
    post(MAILGUN, mailgun(recipient.message_id, number="early"))

    recipient.refresh_from_db()
    assert recipient.state == "bounced"


def test_an_event_for_a_message_of_nobody_is_kept_and_moves_nothing(recipient):
    response = post(MAILGUN, mailgun("somebody-elses@other.example"))

    recipient.refresh_from_db()
    assert (response.status_code, recipient.state) == (200, "accepted")
    assert DeliveryEvent.objects.get().recipient is None


@pytest.mark.parametrize(
    "headers",
    [authorization("laptop:wrong"), authorization("wrong"), {"HTTP_AUTHORIZATION": ""}],
    ids=["wrong", "no user", "none"],
)
def test_a_wrong_secret_changes_nothing(recipient, headers):
    response = post(MAILGUN, mailgun(recipient.message_id), **headers)

    recipient.refresh_from_db()
    assert response.status_code in (400, 401, 403)
    assert (recipient.state, DeliveryEvent.objects.count()) == ("accepted", 0)
    assert "Traceback" not in response.content.decode()


def test_a_wrong_signature_changes_nothing_even_with_the_secret(recipient):
    response = post(MAILGUN, mailgun(recipient.message_id, key="somebody's guess"))

    recipient.refresh_from_db()
    assert (response.status_code, recipient.state) == (400, "accepted")


@pytest.mark.parametrize("body", [b"", b"{", b"\x00\xff", b"[]", b"7", b'{"event-data": 7}'])
def test_garbage_is_refused_and_changes_nothing(recipient, body):
    response = post(MAILGUN, body)

    assert response.status_code == 400
    assert DeliveryEvent.objects.count() == 0


def test_an_event_from_beyond_all_time_is_refused_and_not_asked_for_again(recipient):
    """A 500 would make the provider send it again, for ever."""
    body = json.dumps([{"event": "delivered", "sg_event_id": "1", "timestamp": 1e30, "email": "a@b.example"}])

    response = post("/webhooks/sendgrid/tracking/", body.encode())

    assert response.status_code == 400
    assert DeliveryEvent.objects.count() == 0


def test_no_address_is_kept_with_the_event(recipient):
    post(MAILGUN, bounce(recipient.message_id))

    kept = DeliveryEvent.objects.values().get()
    recipient.refresh_from_db()
    assert "northwind.example" not in json.dumps(kept, default=str).replace(recipient.message_id, "")
    assert "@" not in recipient.reason
