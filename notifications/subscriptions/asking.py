"""From "I want to follow" to a yes from the mailbox itself, and to the end of it.

The form writes a row and says the same to everyone. A worker looks the address up, and what it finds shows in that
mailbox alone: a question, at most one a day, or nothing.
"""

import logging
import uuid
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from accounts.addresses import lookup_hash, normalise
from accounts.models import Organisation
from incidents.models import Incident
from notifications import providers
from notifications.models import (
    Announcement,
    FollowRefusal,
    FollowRequest,
    Outbox,
    Recipient,
    Subscriber,
    UpdateMail,
    UpdateOutbox,
)
from notifications.subscriptions import tokens

logger = logging.getLogger(__name__)

ASKED_AGAIN_AFTER = timedelta(days=1)
REFUSED_FOR = {
    Subscriber.Ended.OBJECTED: timedelta(days=365),
    Subscriber.Ended.COMPLAINED: timedelta(days=365),
    Subscriber.Ended.BOUNCED: timedelta(days=30),
}
ONE_TAKES_UP = 0x464F4C4C  # advisory lock: two rows of one address must not be answered side by side
MARK = "follow."
"""How the Message-IDs of this house's subscriber mail begin: events about it are known by that."""

Ended = Subscriber.Ended


def ask(*, address: str, language: str, incident: Incident | None) -> None:
    """Write down that somebody asked. incident: None for all of them."""
    FollowRequest.objects.create(address=address, language=language, incident=incident)


def take_up(*, limit: int = 500, at: datetime | None = None) -> int:
    """Answer what the form has written; how many rows were taken away."""
    at = at or timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ONE_TAKES_UP])
            if not cursor.fetchone()[0]:
                return 0
        rows = list(FollowRequest.objects.select_related("incident")[:limit])
        if rows and Organisation.get().following_by_mail:
            for row in rows:
                _answer_alone(row, at)
        FollowRequest.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _answer_alone(request: FollowRequest, at: datetime) -> None:
    """One that cannot be answered is dropped: it must not hold up everybody behind it."""
    try:
        with transaction.atomic():
            _answer(request, at)
    except (ValueError, DatabaseError) as error:
        if isinstance(error, OperationalError | InterfaceError):
            raise
        logger.error("%s could not be answered: %s", request, type(error).__name__)


def _answer(request: FollowRequest, at: datetime) -> None:
    lookup = lookup_hash(normalise(request.address))
    if not _may_be_asked(lookup, at) or not (request.incident is None or is_followable(request.incident)):
        return
    living = Subscriber.objects.living().filter(lookup=lookup)
    subscriber = living.following().filter(incident=None).first() or living.filter(incident=request.incident).first()
    if subscriber is None:
        subscriber = Subscriber.objects.create(
            incident=request.incident, address=request.address, lookup=lookup, language=request.language,
            asked_at=at, key_id="",
        )  # fmt: skip
    elif subscriber.confirmed_at is None:
        # Whoever follows already keeps their language: a stranger cannot change what somebody else gets.
        subscriber.language, subscriber.asked_at = request.language, at
    tokens.sign(subscriber).save()
    _queue_the_question(subscriber, at)


def _may_be_asked(lookup: bytes, at: datetime) -> bool:
    asked = UpdateMail.objects.filter(
        subscriber__lookup=lookup, mailing__number=None, made_at__gt=at - ASKED_AGAIN_AFTER
    )
    return not (FollowRefusal.objects.filter(lookup=lookup, until__gt=at).exists() or asked.exists())


def is_followable(incident: Incident) -> bool:
    public = incident.visibility == Incident.Visibility.PUBLIC and not incident.drill
    return public and incident.first_published_at is not None


def _queue_the_question(subscriber: Subscriber, at: datetime) -> None:
    mailing = _questions()
    mail = UpdateMail.objects.create(
        mailing=mailing, subscriber=subscriber, nth=subscriber.mails.filter(mailing=mailing).count() + 1,
        message_id=f"{MARK}{uuid.uuid4().hex}@{providers.domain_of(mailing.sender)}", made_at=at,
    )  # fmt: skip
    UpdateOutbox.objects.create(recipient=mail, mailing=mailing, not_before=at)


def _questions() -> Announcement:
    """The one queue of questions, from whom we write today."""
    organisation = Organisation.get()
    queue, _ = Announcement.objects.update_or_create(
        incident=None, number=None,
        defaults={"sender": organisation.sender, "reply_to": organisation.reply_to},
        create_defaults={
            "sender": organisation.sender, "reply_to": organisation.reply_to, "state": Announcement.State.RUNNING,
            "provider": providers.first().name,
        },
    )  # fmt: skip
    return queue


# Their answer -----------------------------------------------------------------------------------------------------


@transaction.atomic
def confirm(token: str, *, at: datetime | None = None) -> Subscriber:
    """They said yes from their own mailbox; pressed twice it changes nothing. Raises NoSuchSubscriber."""
    at = at or timezone.now()
    found = tokens.find(token, tokens.Purpose.CONFIRM, at=at)
    own = list(Subscriber.objects.living().filter(lookup=found.lookup).select_for_update().order_by("pk"))
    subscriber = next((one for one in own if one.pk == found.pk), None)
    if subscriber is None:
        raise tokens.NoSuchSubscriber
    if subscriber.confirmed_at is None:
        subscriber.confirmed_at = at
        subscriber.save(update_fields=["confirmed_at"])
        if subscriber.incident_id is None:
            for other in own:
                if other.pk != subscriber.pk:
                    _end(other, because=Ended.FOLLOWS_ALL, at=at)
    return subscriber


def end(token: str, *, at: datetime | None = None) -> bool:
    """By the link in each message. Whoever never said yes is not asked again. Whether somebody had this token."""
    try:
        subscriber = tokens.find(token, tokens.Purpose.END)
    except tokens.NoSuchSubscriber:
        return False
    end_all([subscriber.pk], because=Ended.ASKED if subscriber.confirmed_at else Ended.OBJECTED, at=at)
    return True


@transaction.atomic
def end_all(ids: list[int], *, because: Subscriber.Ended, at: datetime | None = None) -> int:
    """How many ended now: those who had ended before stay as they are."""
    rows = list(Subscriber.objects.living().filter(pk__in=ids).select_for_update().order_by("pk"))
    for subscriber in rows:
        _end(subscriber, because=because, at=at or timezone.now())
    return len(rows)


def _end(subscriber: Subscriber, *, because: Subscriber.Ended, at: datetime) -> None:
    """Address and hash are forgotten; a hash stays where we must not write again for a while."""
    if because in REFUSED_FOR:
        FollowRefusal.objects.update_or_create(
            lookup=subscriber.lookup, defaults={"until": at + REFUSED_FOR[because], "because": because}
        )
    subscriber.ended_at, subscriber.ended_because = at, because
    subscriber.address, subscriber.lookup, subscriber.confirm_sha256, subscriber.end_sha256 = "", None, None, None
    subscriber.save()
    gone = UpdateOutbox.objects.filter(recipient__subscriber=subscriber, state=Outbox.State.READY)
    waiting = list(gone.select_for_update(of=("self",)).values_list("pk", flat=True))
    UpdateOutbox.objects.filter(pk__in=waiting).delete()
    UpdateMail.objects.filter(pk__in=waiting, state=Recipient.State.QUEUED).update(
        state=Recipient.State.CANCELLED, state_at=at
    )


def forget(*, at: datetime | None = None) -> int:
    """Whoever never said yes is forgotten after a week, and refusals when their time is over; how many people."""
    at = at or timezone.now()
    FollowRefusal.objects.filter(until__lte=at).delete()
    never = Subscriber.objects.filter(confirmed_at=None, asked_at__lte=at - tokens.CONFIRM_WITHIN)
    ids = list(never.order_by("pk").values_list("pk", flat=True)[:1000])
    Subscriber.objects.filter(pk__in=ids).delete()
    return len(ids)
