"""What becomes of `unknown` where no person decides: the policy its mailing was approved with, and an alarm."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now

from accounts import audit
from notifications import mailing_states
from notifications.models import Mailing, Outbox, Recipient

logger = logging.getLogger(__name__)

RESEND_AFTER = timedelta(minutes=15)
"""Time for the provider's events to settle it first."""
AT_A_TIME = 1000  # recipients a call; the next tick goes on
ALARM_AFTER = timedelta(hours=12)
"""Unknown for so long they count as not told: a missed notice is unlawful, a second one merely awkward."""


def overdue() -> QuerySet[Recipient]:
    """Unknown for longer than a person may leave them."""
    return Recipient.objects.filter(state=Recipient.State.UNKNOWN, state_at__lt=Now() - ALARM_AFTER)


def alarm() -> int:
    """Say it in the log, where alarms are looked for; how many there are."""
    count = overdue().count()
    if count:
        logger.error("%s messages have been unknown for more than %s: nobody has decided", count, ALARM_AFTER)
    return count


def resend_unknown() -> int:
    """Mailings that chose "at least once": what stayed unknown for a while is queued again; how many."""
    waiting = Recipient.objects.filter(
        state=Recipient.State.UNKNOWN, state_at__lt=Now() - RESEND_AFTER,
        mailing__on_unknown=Mailing.OnUnknown.RECONCILE_THEN_RESEND,
        mailing__state__in=mailing_states.OPEN,
    )  # fmt: skip
    return sum(_resend(pk) for pk in waiting.order_by("mailing").values_list("mailing", flat=True).distinct())


@transaction.atomic
def _resend(mailing_id: int) -> int:
    try:
        mailing = mailing_states.keep_open(mailing_id, by=None)
    except mailing_states.NotOpen:
        return 0
    recipients = list(
        mailing.recipients.select_for_update()
        .filter(state=Recipient.State.UNKNOWN, state_at__lt=Now() - RESEND_AFTER).order_by("pk")[:AT_A_TIME]
    )  # fmt: skip
    if recipients:
        _queue_again(recipients)
        audit.record(act="mailing.unknown_sent_again", thing=mailing, by=None, incident=mailing.incident_id,
                     count=len(recipients), policy=mailing.on_unknown)  # fmt: skip
    return len(recipients)


def _queue_again(recipients: list[Recipient]) -> None:
    tried = dict(
        Recipient.objects.filter(pk__in=[recipient.pk for recipient in recipients])
        .order_by().values_list("pk").annotate(Max("attempts__number"))
    )  # fmt: skip
    Outbox.objects.bulk_create(
        Outbox(recipient=recipient, mailing_id=recipient.mailing_id, attempt_no=tried[recipient.pk] or 0)
        for recipient in recipients
    )
    Recipient.objects.filter(pk__in=tried).update(state=Recipient.State.QUEUED, state_at=Now(), reason="")
