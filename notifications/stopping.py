"""The kill switch: one row in the database stops every hand-over of the house; the claim looks for it each time."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from notifications.models import Mailing, Recipient, SendingStop


class AlreadyStopped(Exception):
    """Somebody was faster; the message says who, and when."""


class NotLifted(Exception):
    """This person may not lift it, or it is lifted already; the message says so."""


def standing() -> SendingStop | None:
    """The stop that holds now; None where sending may go on."""
    return SendingStop.objects.select_related("by").filter(lifted_at=None).first()


def stop(*, by: User, because: str, at: datetime | None = None) -> dict[str, int]:
    """Stop all sending, of every incident: whoever may send needs nobody's yes for this.

    The counts of what was living: {"mailings", "waiting", "sending"}. Raises AlreadyStopped.
    """
    try:
        with transaction.atomic():
            made = SendingStop.objects.create(by=by, because=because, at=at or timezone.now())
            counts = living()
            audit.record(act="sending.stopped", thing=made, by=by, at=at, because=because, counts=counts)
    except IntegrityError as error:
        earlier = standing()
        who = f"{earlier.by.get_full_name()} did at {earlier.at:%H:%M} UTC" if earlier else "somebody did a moment ago"
        raise AlreadyStopped(f"Sending is stopped already: {who}.") from error
    return counts


@transaction.atomic
def lift(*, by: User, because: str, at: datetime | None = None) -> dict[str, int]:
    """Mailings that were going out go on. A second person who may approve, or an administrator. Raises NotLifted."""
    held = SendingStop.objects.select_for_update(of=("self",)).filter(lifted_at=None).first()
    if held is None:
        raise NotLifted("Sending is not stopped.")
    if reason := obstacle(held, by=by):
        raise NotLifted(reason)
    held.lifted_by, held.lifted_at, held.lifted_because = by, at or timezone.now(), because
    held.save(update_fields=["lifted_by", "lifted_at", "lifted_because"])
    counts = living()
    audit.record(act="sending.allowed_again", thing=held, by=by, at=at, because=because, counts=counts)
    return counts


def obstacle(held: SendingStop, *, by: User) -> str:
    """Why this person may not lift it, in words; empty where they may."""
    if by.has_perm("accounts.administer"):
        return ""
    if not by.has_perm("accounts.approve"):
        return "Your role cannot let sending go on. Somebody who approves, or an administrator, can."
    if held.by_id == by.pk:
        return "You stopped it yourself; another person who approves, or an administrator, lets it go on."
    return ""


def living() -> dict[str, int]:
    """What a stop holds: mailings going out, people waiting in them, messages under way."""
    going = Mailing.objects.filter(state=Mailing.State.RUNNING)
    waiting = Recipient.objects.filter(mailing__in=going, channel=Recipient.Channel.EMAIL)
    return {
        "mailings": going.count(),
        "waiting": waiting.filter(state=Recipient.State.QUEUED).count(),
        "sending": waiting.filter(state=Recipient.State.SENDING).count(),
    }
