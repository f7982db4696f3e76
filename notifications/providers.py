"""What each mail provider can do. EMAIL_BACKEND chooses one; a mailing remembers it by its name."""

from dataclasses import dataclass
from email.utils import parseaddr
from enum import Enum

from django.conf import settings

from incidents.models import Incident


class Exposed(Exception):
    """Our own channel is part of the breach; the message says which."""


class WebhookAuth(Enum):
    """How we know that an event comes from the provider (Anymail checks it)."""

    NONE = "no webhooks"
    SIGNED = "the provider signs its calls"
    PASSWORD = "a password in the address: whoever sees the address can forge an event"  # noqa: S105


@dataclass(frozen=True)
class Adapter:
    """One row of the table."""

    name: str
    reports_bounces: bool
    """Silence after acceptance means something: a bounce would have been reported."""
    returns_metadata: bool
    tracking_can_be_off: bool
    """Per message. Where it is no, links may be rewritten by an account setting we cannot see: the start says so."""
    webhooks: WebhookAuth
    is_anymail: bool = True


SMTP = Adapter("smtp", False, False, True, WebhookAuth.NONE, is_anymail=False)  # a mail server rewrites nothing
OTHER = Adapter("other", False, False, False, WebhookAuth.NONE, is_anymail=False)

ADAPTERS = {
    "notifications.smtp.PhasedBackend": SMTP,
    "anymail.backends.mailgun.EmailBackend": Adapter("mailgun", True, True, True, WebhookAuth.SIGNED),
    "anymail.backends.postmark.EmailBackend": Adapter("postmark", True, True, True, WebhookAuth.PASSWORD),
    "anymail.backends.sendgrid.EmailBackend": Adapter("sendgrid", True, True, True, WebhookAuth.PASSWORD),
    "anymail.backends.brevo.EmailBackend": Adapter("brevo", True, True, False, WebhookAuth.PASSWORD),
    "anymail.backends.resend.EmailBackend": Adapter("resend", True, True, False, WebhookAuth.SIGNED),
}


def current() -> Adapter:
    """The adapter of EMAIL_BACKEND; `other` for one that is not in the table."""
    return ADAPTERS.get(settings.EMAIL_BACKEND, OTHER)


def that_report_bounces() -> list[str]:
    """Names of providers where quiet after acceptance counts as reached (design.md 7).

    PROVIDER_REPORTS_BOUNCES says it of the rest: somebody reads the bounces of the mail server and feeds them in.
    """
    names = [adapter.name for adapter in ADAPTERS.values() if adapter.reports_bounces]
    return [*names, SMTP.name, OTHER.name] if settings.PROVIDER_REPORTS_BOUNCES else names


def refuse_exposed(incident: Incident, *, sender: str = "") -> None:
    """Raises Exposed where the provider or the domain of `sender` is among the incident's exposed channels."""
    exposed = {channel.strip().casefold() for channel in incident.exposed_channels}
    domain = domain_of(sender)
    if current().name in exposed:
        raise Exposed(f"The mail provider {current().name} is part of this incident. Send through another one.")
    if domain and domain in exposed:
        raise Exposed(f"The sending domain {domain} is part of this incident. Send from another one.")


def domain_of(sender: str) -> str:
    """example.com of "Security <security@example.com>"; empty where there is none."""
    return parseaddr(sender)[1].rpartition("@")[2].casefold()
