"""What a person decides about messages that stayed unknown: one, some, or all of a mailing."""

from collections.abc import Collection
from datetime import datetime

from django.db import connection, models, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import User
from notifications import mailing_states
from notifications.models import DeliveryEvent, Mailing, Recipient

NAMED = 1000  # ids of recipients in one entry of the log; its count says how many there are
BY_STAFF = "staff"  # in the place of a provider's name


class Answer(models.TextChoices):
    ARRIVED = "arrived", "It arrived: the provider’s log says so"
    RESEND = "resend", "Send again: it may arrive twice"
    LEAVE = "leave", "Leave unconfirmed: it counts as not told"


@transaction.atomic
def settle(mailing: Mailing, answer: str, *, by: User, only: Collection[int] | None = None,
           at: datetime | None = None) -> int:  # fmt: skip
    """Settle the unknown messages of a mailing, or of these ids alone; how many were still unknown.

    Raises mailing_states.NotOpen where the mailing was cancelled and nothing may be sent.
    """
    at = at or timezone.now()
    if answer == Answer.RESEND:
        mailing_states.keep_open(mailing.pk, by=by)
    unknown = mailing.recipients.filter(state=Recipient.State.UNKNOWN)
    if only is not None:
        unknown = unknown.filter(pk__in=only)
    ids = list(unknown.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True))
    if not ids:
        return 0
    rows = Recipient.objects.filter(pk__in=ids)
    match Answer(answer):
        case Answer.ARRIVED:
            _note_that_it_arrived(rows, at)
            rows.update(state=Recipient.State.DELIVERED, state_at=at, reason="Found in the provider’s log by a person")
        case Answer.RESEND:
            _queue_again(ids, at)
        case Answer.LEAVE:
            rows.update(
                state=Recipient.State.UNCONFIRMED, state_at=at, reason="Left unconfirmed by a person's decision"
            )
    audit.record(act="mailing.unknown_settled", thing=mailing, by=by, at=at, incident=mailing.incident_id,
                 number=mailing.number, answer=str(answer), count=len(ids), recipients=ids[:NAMED])  # fmt: skip
    return len(ids)


def _note_that_it_arrived(rows: QuerySet[Recipient], at: datetime) -> None:
    """As an event, so that the state stays what follows from the events, and the evidence bears it out."""
    DeliveryEvent.objects.bulk_create(
        (
            DeliveryEvent(
                provider=BY_STAFF, key=f"arrived:{pk}", recipient_id=pk, message_id=message_id, at=at,
                type=DeliveryEvent.Type.DELIVERED, words="Found in the provider’s log by a person",
            )
            for pk, message_id in rows.values_list("pk", "message_id")
        ),
        ignore_conflicts=True, batch_size=1000,
    )  # fmt: skip


def _queue_again(ids: list[int], at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO notifications_outbox (recipient_id, mailing_id, state, attempt_no)
               SELECT r.id, r.mailing_id, 'ready',
                 coalesce((SELECT max(number) FROM notifications_attempt a WHERE a.recipient_id = r.id), 0)
               FROM notifications_recipient r WHERE r.id = ANY(%s)""",
            [ids],
        )
    Recipient.objects.filter(pk__in=ids).update(state=Recipient.State.QUEUED, state_at=at, reason="")
