"""What each provider posts: calls in the shapes of their documentation, signed as each of them signs.

A provider's `event` makes one event of a kind it has; `call` puts one or many into a POST. Kinds are our own words
(DeliveryEvent.Type), so that all of them can be put through the same tests.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from django.test import Client

from notifications.models import Recipient

PASSWORD = "laptop:laptop-webhook-secret"  # noqa: S105
READER = "owner@northwind.example"
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
BASIC = {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(PASSWORD.encode()).decode()}
KEY = "laptop-signing-key"


@dataclass(frozen=True)
class Call:
    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def post(self, **headers: str) -> Any:
        return Client().post(self.url, self.body, content_type=self.content_type, **(BASIC | self.headers | headers))


@dataclass(frozen=True)
class Provider:
    name: str
    event: Callable[[str, Recipient, int], dict]
    """kind, whom it is about, its number: another number, another event."""
    call: Callable[[Sequence[dict]], Call]
    kinds: tuple[str, ...]
    finds_by: str = "metadata"
    """metadata: our opaque id comes back; provider_id: the id that the hand-over got."""
    many: bool = False
    """Several events in one POST."""
    signed: bool = False


def provider_id(recipient: Recipient) -> str:
    """As the hand-over got it: a number, which every provider's shape can hold."""
    return str(7_000_000 + recipient.pk)


def at(number: int) -> datetime:
    return NOON + timedelta(seconds=number)


def epoch(number: int) -> int:
    return int(at(number).timestamp())


def url(name: str) -> str:
    return f"/webhooks/{name}/tracking/"


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def alone(name: str) -> Callable[[Sequence[dict]], Call]:
    return lambda events: Call(url(name), dumped(events[0]))


def as_list(name: str) -> Callable[[Sequence[dict]], Call]:
    return lambda events: Call(url(name), dumped(list(events)))


# https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks ----------------------------------------

MAILGUN = {
    "delivered": {"event": "delivered", "delivery-status": {"code": 250, "message": "OK", "description": ""}},
    "deferred": {"event": "failed", "severity": "temporary", "reason": "generic",
                 "delivery-status": {"code": 452, "message": "4.2.2 The mailbox is full", "retry-seconds": 600}},
    "bounced": {"event": "failed", "severity": "permanent", "reason": "bounce",
                "delivery-status": {"code": 550, "message": f"5.1.1 <{READER}> no such user", "description": ""}},
    "rejected": {"event": "rejected", "reject": {"reason": "Sandbox subdomains are for test purposes only"}},
    "complained": {"event": "complained"},
}  # fmt: skip


def mailgun_event(kind: str, recipient: Recipient, number: int) -> dict:
    token = f"{number:050d}"
    signature = hmac.new(KEY.encode(), f"{epoch(number)}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": str(epoch(number)), "token": token, "signature": signature},
        "event-data": {
            "id": f"e{number}", "timestamp": epoch(number) + 0.5, "log-level": "info", "recipient": READER,
            "recipient-domain": "northwind.example", "tags": [], "flags": {"is-test-mode": False},
            "user-variables": {"recipient": recipient.message_id},
            "message": {"headers": {"message-id": recipient.message_id, "to": READER}, "size": 9_000},
            **MAILGUN[kind],
        },
    }  # fmt: skip


# https://postmarkapp.com/developer/webhooks/webhooks-overview --------------------------------------------------------

POSTMARK = {
    "delivered": {"RecordType": "Delivery", "Recipient": READER, "Details": "smtp;250 OK", "DeliveredAt": None},
    "deferred": {"RecordType": "Bounce", "Type": "Transient", "TypeCode": 2, "Email": READER, "BouncedAt": None},
    "bounced": {"RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1, "Email": READER, "BouncedAt": None,
                "Details": f"smtp;550 5.1.1 <{READER}> no such user", "Inactive": True, "CanActivate": True},
    "soft_bounced": {"RecordType": "Bounce", "Type": "SoftBounce", "TypeCode": 4096, "Email": READER,
                     "BouncedAt": None},
    "rejected": {"RecordType": "Bounce", "Type": "BadEmailAddress", "TypeCode": 100000, "Email": READER,
                 "BouncedAt": None},
    "complained": {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "Email": READER, "BouncedAt": None},
}  # fmt: skip


def postmark_event(kind: str, recipient: Recipient, number: int) -> dict:
    moment = at(number).isoformat().replace("+00:00", "Z")
    shape = {name: moment if value is None else value for name, value in POSTMARK[kind].items()}
    own_id = {} if kind == "delivered" else {"ID": number}
    return {
        "ServerID": 23, "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Tag": "", "MessageStream": "outbound",
        "Metadata": {"recipient": recipient.message_id}, **shape, **own_id,
    }  # fmt: skip


# https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event ------------------------------------------

SENDGRID = {
    "accepted": {"event": "processed"},
    "delivered": {"event": "delivered", "response": "250 OK"},
    "deferred": {"event": "deferred", "response": "400 try again later", "attempt": "5"},
    "bounced": {"event": "bounce", "type": "bounce", "reason": f"550 5.1.1 {READER} unknown", "status": "5.1.1"},
    "soft_bounced": {"event": "bounce", "type": "blocked", "reason": "450 4.7.1 blocked for now", "status": "4.7.1"},
    "rejected": {"event": "dropped", "reason": "Bounced Address", "status": "5.0.0"},
    "complained": {"event": "spamreport"},
}


def sendgrid_event(kind: str, recipient: Recipient, number: int) -> dict:
    return {
        "email": READER, "timestamp": epoch(number), "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
        "sg_event_id": f"sg-{number}", "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
        "category": [], "recipient": recipient.message_id, **SENDGRID[kind],
    }  # fmt: skip


@lru_cache
def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public(key: Any) -> str:
    """As settings want it: a PEM without its first and last line."""
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "\n".join(pem.decode().strip().splitlines()[1:-1])


def sendgrid_signed(events: Sequence[dict]) -> Call:
    body, moment = dumped(list(events)), "1773489600"
    signature = base64.b64encode(sendgrid_key().sign(moment.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    headers = {"HTTP_X_TWILIO_EMAIL_EVENT_WEBHOOK_SIGNATURE": signature,
               "HTTP_X_TWILIO_EMAIL_EVENT_WEBHOOK_TIMESTAMP": moment}  # fmt: skip
    return Call(url("sendgrid"), body, headers)


# https://developers.brevo.com/docs/transactional-webhooks ------------------------------------------------------------

BREVO = {"accepted": "request", "delivered": "delivered", "deferred": "deferred", "bounced": "hard_bounce",
         "soft_bounced": "soft_bounce", "rejected": "blocked", "failed": "error", "complained": "spam"}  # fmt: skip


def brevo_event(kind: str, recipient: Recipient, number: int) -> dict:
    return {
        "event": BREVO[kind], "email": READER, "id": 26224, "date": "2026-03-14 13:00:00", "ts": epoch(number),
        "message-id": "<202603141200.68012345678@smtp-relay.mailin.fr>", "ts_event": epoch(number), "subject": "…",
        "X-Mailin-custom": json.dumps({"recipient": recipient.message_id}), "sending_ip": "192.0.2.1",
        "ts_epoch": epoch(number) * 1000, "reason": "sent",
    }  # fmt: skip


# https://resend.com/docs/dashboard/webhooks/event-types --------------------------------------------------------------

RESEND = {"accepted": "email.sent", "delivered": "email.delivered", "deferred": "email.delivery_delayed",
          "bounced": "email.bounced", "soft_bounced": "email.bounced", "complained": "email.complained"}  # fmt: skip
RESEND_SECRET = "whsec_" + base64.b64encode(b"laptop-resend-secret-of-32-bytes").decode()
LASTING = {"message": "The recipient's email provider sent a hard bounce message.", "subType": "General",
           "type": "Permanent"}  # fmt: skip
PASSING = {"message": "The recipient's inbox was full.", "subType": "MailboxFull", "type": "Transient"}


def resend_event(kind: str, recipient: Recipient, number: int) -> dict:
    bounce = {"bounced": {"bounce": LASTING}, "soft_bounced": {"bounce": PASSING}}.get(kind, {})
    return {
        "type": RESEND[kind], "created_at": at(number).isoformat().replace("+00:00", "Z"),
        "data": {
            "email_id": "4ef9a417-02e9-4d39-ad75-9611e0fcc33c", "created_at": "2026-03-14T11:59:00.000Z",
            "from": "security@relaypost.example", "to": [READER], "subject": "About your keys", **bounce,
            "headers": [{"name": "X-Metadata", "value": json.dumps({"recipient": recipient.message_id})}],
        },
    }  # fmt: skip


def resend_call(events: Sequence[dict]) -> Call:
    """Signed as Svix signs: base64 of HMAC-SHA256 over id, moment and body. Its moment must be about now."""
    body = dumped(events[0])
    own_id, moment = "msg_" + hashlib.sha256(body).hexdigest()[:24], str(int(datetime.now(UTC).timestamp()))
    key = base64.b64decode(RESEND_SECRET.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(key, f"{own_id}.{moment}.".encode() + body, hashlib.sha256)).decode()
    headers = {"HTTP_SVIX_ID": own_id, "HTTP_SVIX_TIMESTAMP": moment, "HTTP_SVIX_SIGNATURE": f"v1,{signature}"}
    return Call(url("resend"), body, headers)


# https://developers.mailersend.com/api/v1/webhooks.html --------------------------------------------------------------

MAILERSEND = {"accepted": "sent", "delivered": "delivered", "bounced": "hard_bounced", "soft_bounced": "soft_bounced",
              "complained": "spam_complaint"}  # fmt: skip


def mailersend_event(kind: str, recipient: Recipient, number: int) -> dict:
    moment = at(number).isoformat().replace("+00:00", "Z")
    morph = {"object": "recipient_bounce", "reason": "Host or domain name not found"} if "bounced" in kind else None
    return {
        "type": f"activity.{MAILERSEND[kind]}", "domain_id": "d1", "created_at": moment, "webhook_id": "w1",
        "data": {
            "object": "activity", "id": f"63fd1c1d31b9c750540f{number:04d}", "type": MAILERSEND[kind],
            "created_at": moment, "morph": morph, "template_id": "",
            "email": {
                "object": "email", "id": "63fd1c1de225707fa905f0a8", "subject": "About your keys", "status": "sent",
                "tags": None, "message": {"object": "message", "id": provider_id(recipient)},
                "recipient": {"object": "recipient", "id": "63f3bb1965d98aa98c07d6b7", "email": READER},
            },
        },
    }  # fmt: skip


def mailersend_call(events: Sequence[dict]) -> Call:
    body = dumped(events[0])
    signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    return Call(url("mailersend"), body, {"HTTP_SIGNATURE": signature})


# https://dev.mailjet.com/email/guides/webhooks/ ----------------------------------------------------------------------

MAILJET = {
    "delivered": {"event": "sent", "smtp_reply": "250 OK"},
    "deferred": {"event": "bounce", "error": "greylisted", "hard_bounce": False, "error_related_to": "domain"},
    "bounced": {"event": "bounce", "error": "user unknown", "hard_bounce": True, "error_related_to": "recipient"},
    "soft_bounced": {"event": "bounce", "error": "quota exceeded", "hard_bounce": False},
    "rejected": {"event": "blocked", "error": "preblocked", "error_related_to": "mailjet"},
    "complained": {"event": "spam", "source": "JMRPP"},
}  # fmt: skip


def mailjet_event(kind: str, recipient: Recipient, number: int) -> dict:
    return {
        "time": epoch(number), "email": READER, "mj_campaign_id": 7, "mj_contact_id": 4, "customcampaign": "",
        "MessageID": 19421777396190490, "Message_GUID": "1ab23cd4-e567-8901-2345-6789f0gh1i2j", "CustomID": "",
        "Payload": json.dumps({"recipient": recipient.message_id}), **MAILJET[kind],
    }  # fmt: skip


# https://docs.mailtrap.io/email-api-smtp/advanced/webhooks -----------------------------------------------------------

MAILTRAP = {"delivered": "delivery", "deferred": "soft bounce", "bounced": "bounce", "rejected": "reject",
            "complained": "spam"}  # fmt: skip


def mailtrap_event(kind: str, recipient: Recipient, number: int) -> dict:
    return {
        "event": MAILTRAP[kind], "email": READER, "timestamp": epoch(number), "sending_stream": "transactional",
        "message_id": "1df37d17-0286-4d8b-8edf-bc4ec5be86e6",
        "event_id": f"bede7236-2284-43d6-a953-1{number:011d}",
        "custom_variables": {"recipient": recipient.message_id}, "category": "", "response": "550 5.1.1 unknown",
    }  # fmt: skip


def mailtrap_call(events: Sequence[dict]) -> Call:
    body = dumped({"events": list(events)})
    signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    return Call(url("mailtrap"), body, {"HTTP_MAILTRAP_SIGNATURE": signature})


# https://mailchimp.com/developer/transactional/docs/webhooks/ --------------------------------------------------------

MANDRILL = {"accepted": "send", "deferred": "deferral", "bounced": "hard_bounce", "soft_bounced": "soft_bounce",
            "rejected": "reject", "complained": "spam"}  # fmt: skip


def mandrill_event(kind: str, recipient: Recipient, number: int) -> dict:
    return {
        "event": MANDRILL[kind], "_id": "exampleaaaaaaaaaaaaaaaaaaaaaaaaa", "ts": epoch(number),
        "msg": {
            "ts": epoch(0), "subject": "About your keys", "email": READER, "sender": "security@relaypost.example",
            "tags": [], "opens": [], "clicks": [], "state": "sent", "metadata": {"recipient": recipient.message_id},
            "_id": "exampleaaaaaaaaaaaaaaaaaaaaaaaaa", "_version": "exampleaaaaaaaaaaaaaaa",
            "diag": "smtp;550 5.1.1 unknown", "bounce_description": "bad_mailbox",
        },
    }  # fmt: skip


def mandrill_call(events: Sequence[dict]) -> Call:
    """Signs the address with the password in it, and each field by name."""
    from urllib.parse import urlencode

    said = json.dumps(list(events))
    signed = f"http://{PASSWORD}@testserver{url('mandrill')}mandrill_events{said}"
    signature = base64.b64encode(hmac.digest(KEY.encode(), signed.encode(), "sha1")).decode()
    body = urlencode({"mandrill_events": said}).encode()
    return Call(url("mandrill"), body, {"HTTP_X_MANDRILL_SIGNATURE": signature}, "application/x-www-form-urlencoded")


# https://docs.postalserver.io/developer/webhooks ---------------------------------------------------------------------

POSTAL = {"delivered": ("MessageSent", "Sent"), "deferred": ("MessageDelayed", "SoftFail"),
          "failed": ("MessageDeliveryFailed", "HardFail"), "bounced": ("MessageBounced", None)}  # fmt: skip


def postal_event(kind: str, recipient: Recipient, number: int) -> dict:
    name, status = POSTAL[kind]
    message = {
        "id": int(provider_id(recipient)), "token": "zw6psSlgo6ki", "direction": "outgoing", "to": READER,
        "message_id": "c462ad36-be49-469c-b7b2-dfd317eb40fa@rp.postal.example", "from": "security@relaypost.example",
        "subject": "About your keys", "timestamp": epoch(0), "spam_status": "NotChecked", "tag": None,
    }  # fmt: skip
    bounce = {"id": 1_233_864, "token": "nII5p0Cp8onV", "direction": "incoming", "to": "bk87jw@psrp.postal.example"}
    payload = (
        {"message": message, "status": status, "details": "As the server said", "output": "250 2.0.0 OK\n", "time": 0.9}
        if status
        else {"original_message": message, "bounce": bounce}
    )
    return {
        "event": name, "timestamp": epoch(number) + 0.35, "payload": payload,
        "uuid": f"58e8d7ee-2cd5-4db2-9af3-3f43610{number:05d}",
    }  # fmt: skip


@lru_cache
def postal_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def postal_call(events: Sequence[dict]) -> Call:
    body = dumped(events[0])
    signature = base64.b64encode(postal_key().sign(body, padding.PKCS1v15(), hashes.SHA1())).decode()  # noqa: S303
    return Call(url("postal"), body, {"HTTP_X_POSTAL_SIGNATURE": signature})


# https://developers.sparkpost.com/api/webhooks/ ----------------------------------------------------------------------

SPARKPOST = {
    "accepted": {"type": "injection"},
    "delivered": {"type": "delivery"},
    "deferred": {"type": "delay", "bounce_class": "70", "raw_reason": "451 4.4.1 try later"},
    "bounced": {"type": "bounce", "bounce_class": "10", "raw_reason": f"550 5.1.1 {READER} unknown"},
    "soft_bounced": {"type": "bounce", "bounce_class": "22", "raw_reason": "552 5.2.2 mailbox full"},
    "rejected": {"type": "policy_rejection", "bounce_class": "25", "raw_reason": "554 5.7.1 on the suppression list"},
    "complained": {"type": "spam_complaint", "fbtype": "abuse"},
}


def sparkpost_event(kind: str, recipient: Recipient, number: int) -> dict:
    return {"msys": {"message_event": {
        "event_id": f"92356927693813{number:06d}", "timestamp": str(epoch(number)), "customer_id": "1",
        "transmission_id": "65832150921904138", "message_id": "000443ee14578172be22", "raw_rcpt_to": READER,
        "rcpt_to": READER, "rcpt_meta": {"recipient": recipient.message_id}, "subject": "About your keys",
        **SPARKPOST[kind],
    }}}  # fmt: skip


# https://godocs.unisender.ru/web-api-ref#callback-format -------------------------------------------------------------

UNISENDER = {"accepted": "sent", "delivered": "delivered", "deferred": "soft_bounced", "bounced": "hard_bounced",
             "complained": "spam"}  # fmt: skip


def unisender_event(kind: str, recipient: Recipient, number: int) -> dict:
    return {"event_name": "transactional_email_status", "event_data": {
        "job_id": "1a3Q2V-0000OZ-S0", "email": READER, "status": UNISENDER[kind], "url": "",
        "metadata": {"recipient": recipient.message_id, "anymail_id": "1f1a9b3c-0000-4000-8000-000000000000"},
        "event_time": at(number).strftime("%Y-%m-%d %H:%M:%S"),
        "delivery_info": {"delivery_status": "err_user_unknown", "destination_response": "550 unknown"},
    }}  # fmt: skip


def unisender_call(events: Sequence[dict]) -> Call:
    """Signs the body with the key of its API in the place of the signature, by MD5."""
    said = {"auth": KEY, "events_by_user": [{"user_id": 456, "project_id": "6432890213745872", "events": list(events)}]}
    body = dumped(said)
    return Call(url("unisender_go"), body.replace(KEY.encode(), hashlib.md5(body).hexdigest().encode()))  # noqa: S324


PROVIDERS = [
    Provider("mailgun", mailgun_event, alone("mailgun"), tuple(MAILGUN), signed=True),
    Provider("postmark", postmark_event, alone("postmark"), tuple(POSTMARK)),
    Provider("sendgrid", sendgrid_event, as_list("sendgrid"), tuple(SENDGRID), many=True),
    Provider("brevo", brevo_event, alone("brevo"), tuple(BREVO)),
    Provider("resend", resend_event, resend_call, tuple(RESEND), signed=True),
    Provider("mailersend", mailersend_event, mailersend_call, tuple(MAILERSEND), "provider_id", signed=True),
    Provider("mailjet", mailjet_event, as_list("mailjet"), tuple(MAILJET), many=True),
    Provider("mailtrap", mailtrap_event, mailtrap_call, tuple(MAILTRAP), many=True, signed=True),
    Provider("mandrill", mandrill_event, mandrill_call, tuple(MANDRILL), many=True, signed=True),
    Provider("postal", postal_event, postal_call, tuple(POSTAL), "provider_id", signed=True),
    Provider("sparkpost", sparkpost_event, as_list("sparkpost"), tuple(SPARKPOST), many=True),
    Provider("unisender_go", unisender_event, unisender_call, tuple(UNISENDER), many=True, signed=True),
]


def secrets() -> dict[str, str]:
    """What settings.ANYMAIL holds where all of them are set up."""
    return {
        "WEBHOOK_SECRET": PASSWORD, "MAILGUN_WEBHOOK_SIGNING_KEY": KEY, "RESEND_SIGNING_SECRET": RESEND_SECRET,
        "MAILERSEND_SIGNING_SECRET": KEY, "MAILTRAP_TRACKING_SECRET": KEY, "MANDRILL_WEBHOOK_KEY": KEY,
        "POSTAL_WEBHOOK_KEY": public(postal_key()), "UNISENDER_GO_API_KEY": KEY,
    }  # fmt: skip
