"""What each mail provider can do, and which of them this house sends through.

A channel is a provider as it is set up here: EMAIL_BACKEND is the first, SPARE_EMAIL_BACKEND a second one, verified
beforehand, for the night on which the first is part of the breach. A mailing remembers its channel by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from enum import Enum
from typing import Any

from django.conf import settings

from incidents.models import Incident


class Exposed(Exception):
    """Our own channel is part of the breach; the message says which."""


class NoSuchChannel(Exception):
    """No channel of this name is set up (any more)."""


class WebhookAuth(Enum):
    """How we know that an event comes from the provider (Anymail checks it)."""

    NONE = "no webhooks"
    SIGNED = "the provider signs its calls"
    PASSWORD = "a password in the address: whoever sees the address can forge an event"  # noqa: S105


class LookUp(Enum):
    """How a message whose hand-over got no answer is found at the provider."""

    NONE = "not at all: a person asks the provider's log"
    EVENTS = "its log of events is searched"
    MESSAGES = "its list of messages is searched"
    REPLAY = "the same call again, under the same idempotency key"


@dataclass(frozen=True)
class Adapter:
    """One row of the table. Where we do not know, the cautious answer stands."""

    name: str
    reports_bounces: bool = False
    """Silence after acceptance means something: a bounce would have been reported."""
    returns_metadata: bool = False
    """Its events bring back the opaque id that we gave along."""
    tracking_can_be_off: bool = False
    """Per message. Where it is no, links may be rewritten by an account setting we cannot see: the start says so."""
    webhooks: WebhookAuth = WebhookAuth.NONE
    batch: int = 1
    """Recipients a call takes with merge data; 1: one call a message."""
    replay_within: timedelta = timedelta(0)
    """For so long an idempotency key is remembered; zero: it knows none."""
    look_up: LookUp = LookUp.NONE
    signed_with: str = ""
    """Anymail's setting with which its signature is checked."""
    is_anymail: bool = True
    ours: str = ""
    """A backend of ours that speaks in the place of Anymail's."""


SMTP = Adapter("smtp", tracking_can_be_off=True, is_anymail=False)  # a mail server rewrites nothing
OTHER = Adapter("other", is_anymail=False)

SIGNED, PASSWORD = WebhookAuth.SIGNED, WebhookAuth.PASSWORD

# From Anymail 15.2's backends and webhooks, and the providers' own pages. Batches only where merge data may stand in
# texts of our own: the others merge into templates that are kept at the provider, which nobody here has approved.
# Amazon SES is not among them: it knows no idempotency, and boto3 repeats what timed out by itself.
ADAPTERS = {
    "notifications.smtp.PhasedBackend": SMTP,
    "anymail.backends.mailgun.EmailBackend": Adapter(
        "mailgun",
        True,
        True,
        True,
        SIGNED,
        signed_with="MAILGUN_WEBHOOK_SIGNING_KEY",
        batch=1000,
        ours="notifications.mailgun.Backend",
        look_up=LookUp.EVENTS,
    ),
    "anymail.backends.postmark.EmailBackend": Adapter("postmark", True, True, True, PASSWORD, look_up=LookUp.MESSAGES),
    "anymail.backends.sendgrid.EmailBackend": Adapter("sendgrid", True, True, True, PASSWORD),
    "anymail.backends.brevo.EmailBackend": Adapter(
        "brevo", True, True, False, PASSWORD, replay_within=timedelta(minutes=15), look_up=LookUp.REPLAY
    ),
    "anymail.backends.resend.EmailBackend": Adapter(
        "resend",
        True,
        True,
        False,
        SIGNED,
        signed_with="RESEND_SIGNING_SECRET",
        replay_within=timedelta(hours=24),
        look_up=LookUp.REPLAY,
    ),
    "anymail.backends.mailersend.EmailBackend": Adapter(
        "mailersend", True, False, True, SIGNED, signed_with="MAILERSEND_SIGNING_SECRET"
    ),
    "anymail.backends.mailjet.EmailBackend": Adapter("mailjet", True, True, True, PASSWORD),
    "anymail.backends.mailtrap.EmailBackend": Adapter(
        "mailtrap", True, True, False, SIGNED, signed_with="MAILTRAP_TRACKING_SECRET"
    ),
    "anymail.backends.mandrill.EmailBackend": Adapter(
        "mandrill", True, True, True, SIGNED, signed_with="MANDRILL_WEBHOOK_KEY"
    ),
    "anymail.backends.postal.EmailBackend": Adapter(
        "postal", True, False, False, SIGNED, signed_with="POSTAL_WEBHOOK_KEY"
    ),
    "anymail.backends.scaleway.EmailBackend": Adapter("scaleway"),
    "anymail.backends.sparkpost.EmailBackend": Adapter("sparkpost", True, True, True, PASSWORD),
    "anymail.backends.unisender_go.EmailBackend": Adapter(
        "unisender_go", True, True, True, SIGNED, signed_with="UNISENDER_GO_API_KEY"
    ),
}


# The channels of this house ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Channel:
    """A provider as it is set up here."""

    name: str
    backend: str
    sender: str = ""
    """From, where it is not the organisation's: a domain of its own, verified beforehand."""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Keyword arguments of the backend, where they are not the usual settings'."""

    @property
    def adapter(self) -> Adapter:
        return ADAPTERS.get(self.backend, OTHER)


def all_channels() -> list[Channel]:
    """The first is EMAIL_BACKEND; the spare one, where there is one, follows."""
    first = Channel(ADAPTERS.get(settings.EMAIL_BACKEND, OTHER).name, settings.EMAIL_BACKEND)
    if not settings.SPARE_EMAIL_BACKEND:
        return [first]
    name = ADAPTERS.get(settings.SPARE_EMAIL_BACKEND, OTHER).name
    if name == first.name:
        name = f"{name}-spare"
    return [first, Channel(name, settings.SPARE_EMAIL_BACKEND, settings.SPARE_SENDER, settings.SPARE_EMAIL_OPTIONS)]


def first() -> Channel:
    return all_channels()[0]


def channel(name: str) -> Channel:
    """Raises NoSuchChannel."""
    for one in all_channels():
        if one.name == name:
            return one
    raise NoSuchChannel(f"The mail provider {name} is not set up any more. Choose another one for what is left.")


def choices() -> list[tuple[str, str]]:
    """Name and words of each channel, for a form; the first is the usual one."""
    usual, *spare = all_channels()
    return [(usual.name, f"{usual.name} (usual)"), *((one.name, f"{one.name} (spare)") for one in spare)]


def current() -> Adapter:
    """The adapter of EMAIL_BACKEND; `other` for one that is not in the table."""
    return first().adapter


def that_report_bounces() -> list[str]:
    """Names of channels where quiet after acceptance counts as reached (design.md 7).

    PROVIDER_REPORTS_BOUNCES says it of the rest: somebody reads the bounces of the mail server and feeds them in.
    """
    rows = [*ADAPTERS.values(), OTHER]
    by_name = {one.name: one for one in rows} | {one.name: one.adapter for one in all_channels()}
    return [name for name, one in by_name.items() if one.reports_bounces or settings.PROVIDER_REPORTS_BOUNCES]


# Our own channel may be the breach ----------------------------------------------------------------------------------


def refuse_exposed(incident: Incident, *, sender: str = "", provider: str = "") -> None:
    """Raises Exposed where the provider or the domain of `sender` is among the incident's exposed channels.

    provider: a channel's name; empty: the first one's.
    """
    exposed = {named.strip().casefold() for named in incident.exposed_channels}
    if not exposed:
        return
    name, domain = provider or first().name, domain_of(sender)
    if {name, name.removesuffix("-spare")} & exposed:
        raise Exposed(f"The mail provider {name} is part of this incident. Send through another one.")
    if domain and domain in exposed:
        raise Exposed(f"The sending domain {domain} is part of this incident. Send from another one.")


def domain_of(sender: str) -> str:
    """example.com of "Security <security@example.com>"; empty where there is none."""
    return parseaddr(sender)[1].rpartition("@")[2].casefold()
