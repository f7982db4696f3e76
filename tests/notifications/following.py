"""Arranging for tests of those who follow: a page with updates, and followers made by hand."""

from datetime import UTC, datetime
from email.message import Message

from accounts import approvals
from accounts.addresses import lookup_hash, normalise
from accounts.models import User
from incidents import publishing
from incidents.models import Incident, PageVersion
from notifications.models import Subscriber
from notifications.subscriptions import tokens
from tests.factories import make_incident, make_update
from tests.notifications.smtp_server import SmtpServer

OURS = {"HTTP_SEC_FETCH_SITE": "same-origin"}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def publish(incident: Incident, *, by: User, yes: User) -> PageVersion:
    approvals.answer(publishing.ask(incident, by=by), yes=True, by=yes)
    return publishing.publish(incident, by=by)


def make_public(slug: str, *, by: User, yes: User, **fields) -> Incident:
    """An incident with one published update."""
    incident = make_incident(slug, **fields)
    make_update(incident, "We are looking into it.")
    publish(incident, by=by, yes=yes)
    incident.refresh_from_db()
    return incident


def make_follower(address: str, incident: Incident | None = None, **fields) -> Subscriber:
    """Somebody who said yes."""
    given = {"language": "en", "asked_at": LONG_AGO, "confirmed_at": LONG_AGO, "key_id": "", **fields}
    subscriber = Subscriber.objects.create(
        address=address, lookup=lookup_hash(normalise(address)), incident=incident, **given
    )
    tokens.sign(subscriber).save()
    return subscriber


def through(server: SmtpServer, settings) -> SmtpServer:
    """Mail goes to this server, by our own SMTP."""
    settings.EMAIL_BACKEND = "notifications.smtp.PhasedBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    return server


def parts(message: Message) -> tuple[str, str]:
    """Text and HTML of what arrived."""
    text, html = (part.get_payload(decode=True).decode() for part in message.get_payload())
    return text, html
