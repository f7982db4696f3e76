"""The mail provider's part: Mailgun-shaped webhooks, signed as Mailgun signs them, posted to the real URL.

The shapes follow Mailgun's event payloads ("Tracking events", documentation.mailgun.com): `signature` beside
`event-data`, whose `message.headers.message-id` is ours.
"""

import base64
import hashlib
import hmac
import json
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from config.demo.affected_csv import FULL, GRUDGE, SILENT

BOUNCE = {
    "event": "failed", "severity": "permanent", "reason": "bounce",
    "delivery-status": {
        "code": 552, "enhanced-code": "5.2.2", "message": "5.2.2 Mailbox full", "description": "", "attempt-no": 1,
    },
}  # fmt: skip
DELIVERY = {
    "event": "delivered",
    "delivery-status": {
        "code": 250,
        "message": "OK",
        "description": "",
        "attempt-no": 1,
        "session-seconds": 0.4,
        "tls": True,
    },
}
COMPLAINT = {"event": "complained"}


def events(address: str, message_id: str, at: datetime) -> Iterator[dict]:
    """What the provider says about one accepted message; nothing for a silent mailbox."""
    domain = address.rpartition("@")[2]
    if domain.endswith(SILENT):
        return
    if domain.endswith(FULL):
        yield _event(BOUNCE, address, message_id, at)
        return
    yield _event(DELIVERY, address, message_id, at)
    if domain.endswith(GRUDGE):
        yield _event(COMPLAINT, address, message_id, at)


def _event(what: dict, address: str, message_id: str, at: datetime) -> dict:
    return {
        "id": uuid.uuid5(uuid.NAMESPACE_URL, f"{message_id}/{what['event']}").hex,
        "timestamp": at.timestamp(),
        "log-level": "info",
        "recipient": address,
        "recipient-domain": address.rpartition("@")[2],
        "message": {
            "headers": {"message-id": message_id, "to": address, "subject": ""}, "attachments": [], "size": 9_000,
        },
        "tags": [], "campaigns": [], "user-variables": {}, "flags": {"is-test-mode": False},
        **what,
    }  # fmt: skip


def post(base_url: str, event: dict) -> int:
    """Post one event to the webhook as Mailgun would; the HTTP status."""
    timestamp, token = str(int(event["timestamp"])), uuid.uuid4().hex + uuid.uuid4().hex[:18]
    key = settings.ANYMAIL["MAILGUN_WEBHOOK_SIGNING_KEY"]
    signature = hmac.new(key.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    body = {"signature": {"timestamp": timestamp, "token": token, "signature": signature}, "event-data": event}
    request = urllib.request.Request(  # noqa: S310  (our own server on this machine)
        f"{base_url}/webhooks/mailgun/tracking/",
        data=json.dumps(body).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": "Basic " + base64.b64encode(settings.ANYMAIL["WEBHOOK_SECRET"].encode()).decode(),
        },
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return response.status
