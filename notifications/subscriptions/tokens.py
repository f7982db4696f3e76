"""Two links for each subscriber: one says yes, one ends it. Neither does the other's work, and neither opens a notice.

As links.py has it for notices: the token is an HMAC of purpose, row and serial under a link key, so that it can be
composed again; the row keeps its SHA-256.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.utils import timezone

from notifications import links
from notifications.models import Subscriber

CONFIRM_WITHIN = timedelta(days=7)


class Purpose(StrEnum):
    CONFIRM = "confirm"
    END = "end"


class NoSuchSubscriber(Exception):
    """No living subscriber has this token for this purpose, or its time is over."""


def sign(subscriber: Subscriber) -> Subscriber:
    """Give a saved row its tokens, under the key that signs now."""
    subscriber.key_id = next(iter(settings.LINK_KEYS))
    subscriber.confirm_sha256 = links.sha256(token(subscriber, Purpose.CONFIRM))
    subscriber.end_sha256 = links.sha256(token(subscriber, Purpose.END))
    return subscriber


def token(subscriber: Subscriber, purpose: Purpose) -> str:
    """Raises NoSuchLink where its key is no longer among LINK_KEYS."""
    said = f"candor follow {purpose}|{subscriber.pk}|{subscriber.serial}"
    return links.signed(said.encode(), subscriber.key_id)


def url(subscriber: Subscriber, purpose: Purpose) -> str:
    return f"{settings.PUBLIC_BASE_URL}/follow/{purpose}/{token(subscriber, purpose)}/"


def find(said: str, purpose: Purpose, *, at: datetime | None = None) -> Subscriber:
    """The living row with this token. Raises NoSuchSubscriber."""
    wanted = {f"{purpose}_sha256": links.sha256(said)}
    subscriber = Subscriber.objects.living().filter(**wanted).first()
    if subscriber is None:
        raise NoSuchSubscriber
    if purpose == Purpose.CONFIRM and subscriber.asked_at + CONFIRM_WITHIN <= (at or timezone.now()):
        raise NoSuchSubscriber
    return subscriber
