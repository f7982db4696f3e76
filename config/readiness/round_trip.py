"""An event of our own, signed as the provider would sign it, posted to our public address: is it kept? Is a forged
one refused? It is about a message that never was, so it changes nobody's state.
"""

import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import requests
from django.conf import settings

from config.readiness.finding import Finding
from notifications import providers
from notifications.models import DeliveryEvent

PATIENCE_SECONDS = 4
NOBODY = "nobody@readiness.invalid"
MEANS = "Without it nobody hears of deliveries, bounces and complaints."


def _mailgun(message_id: str, forged: bool) -> dict:
    epoch, token = str(int(time.time())), secrets.token_hex(25)
    key = "forged" if forged else settings.ANYMAIL["MAILGUN_WEBHOOK_SIGNING_KEY"] or ""
    signature = hmac.new(key.encode(), f"{epoch}{token}".encode(), hashlib.sha256).hexdigest()
    event = {
        "id": uuid.uuid4().hex, "event": "delivered", "timestamp": time.time(), "recipient": NOBODY, "tags": [],
        "user-variables": {}, "message": {"headers": {"message-id": message_id}},
        "delivery-status": {"code": 250, "message": "OK"},
    }  # fmt: skip
    return {"signature": {"timestamp": epoch, "token": token, "signature": signature}, "event-data": event}


def _postmark(message_id: str, forged: bool) -> dict:
    return {
        "RecordType": "Delivery", "MessageID": message_id, "Recipient": NOBODY, "Metadata": {}, "Tag": "",
        "DeliveredAt": datetime.now(UTC).isoformat(), "Details": "OK",
    }  # fmt: skip


EVENTS: dict[str, Callable[[str, bool], dict]] = {"mailgun": _mailgun, "postmark": _postmark}


def round_trips() -> Iterator[Finding]:
    """One for each provider of ours that posts events; none for a plain mail server."""
    for name in dict.fromkeys(channel.adapter.name for channel in providers.all_channels()
                              if channel.adapter.webhooks != providers.WebhookAuth.NONE):  # fmt: skip
        yield _round_trip(name)


def _round_trip(name: str) -> Finding:
    what = f"An event of {name} comes in by the public address"
    make = EVENTS.get(name)
    if make is None:
        return Finding(
            None, what, "We know no test event of this provider: send a test message and watch for it.", MEANS
        )
    message_id = f"readiness-{uuid.uuid4().hex}"
    try:
        taken = _post(name, make(message_id, False))
        refused = _post(name, make(message_id + "-forged", True), forged=True)
    except requests.RequestException as error:
        where = settings.PUBLIC_BASE_URL
        return Finding(False, what, f"{where} did not answer ({type(error).__name__}).", MEANS)
    if refused < 400:
        return Finding(False, what, "A forged event was taken: check the secret and the signing key.", MEANS)
    kept = DeliveryEvent.objects.filter(message_id__in=[message_id, f"<{message_id}>"]).exists()
    remedy = (
        f"/webhooks/{name}/tracking/ answered {taken}: check ANYMAIL_WEBHOOK_SECRET, the signing key and the proxy."
        if taken >= 400
        else "It was taken and is not in this database: PUBLIC_BASE_URL leads to another house."
    )
    return Finding(taken < 400 and kept, what, remedy, MEANS)


def _post(name: str, event: dict, *, forged: bool = False) -> int:
    secret = settings.ANYMAIL.get("WEBHOOK_SECRET") or ""
    secret = secret if isinstance(secret, str) else secret[0]
    user, _, password = secret.partition(":")
    return requests.post(
        f"{settings.PUBLIC_BASE_URL}/webhooks/{name}/tracking/", json=event, timeout=PATIENCE_SECONDS,
        auth=(user, "forged" if forged else password), allow_redirects=False,
    ).status_code  # fmt: skip
