"""Writing down how the messages of a window ended."""

import logging
import time
from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now

from accounts import audit
from notifications import pace, providers
from notifications.dispatch.claiming import Batch
from notifications.dispatch.retrying import given_up, waiting_times
from notifications.handover import Outcome, Result
from notifications.models import Mailing, Outbox, Recipient

logger = logging.getLogger(__name__)

REST = timedelta(seconds=10)  # the provider could not be reached at all
SLOW = timedelta(seconds=30)  # it throttles us and does not say for how long

STILL_OURS = """
SELECT r.id, r.state FROM notifications_outbox o JOIN notifications_recipient r ON r.id = o.recipient_id
WHERE o.batch_id = %(batch)s AND o.recipient_id = ANY(%(recipients)s) ORDER BY r.id FOR UPDATE OF o, r
"""

END_ATTEMPTS = """
UPDATE notifications_attempt a SET outcome = v.outcome, smtp_code = v.code, reply = v.reply,
  provider_id = v.provider_id, ended_at = clock_timestamp()
FROM unnest(%(recipients)s::bigint[], %(outcomes)s::text[], %(codes)s::int[], %(replies)s::text[],
  %(provider_ids)s::text[]) AS v (recipient_id, outcome, code, reply, provider_id)
WHERE a.batch_id = %(batch)s AND a.recipient_id = v.recipient_id AND a.outcome = ''
"""

# A recipient that is no longer `sending` got an event meanwhile: the event knows more than the conversation.
END_RECIPIENTS = """
UPDATE notifications_recipient r SET state = v.state, reason = v.reason, state_at = clock_timestamp()
FROM unnest(%(recipients)s::bigint[], %(states)s::text[], %(reasons)s::text[]) AS v (recipient_id, state, reason)
WHERE r.id = v.recipient_id AND r.state = 'sending'
"""

BACK_TO_READY = """
UPDATE notifications_outbox o SET state = 'ready', batch_id = NULL, lease_until = NULL,
  not_before = clock_timestamp() + v.wait
FROM unnest(%(recipients)s::bigint[], %(waits)s::interval[]) AS v (recipient_id, wait)
WHERE o.recipient_id = v.recipient_id AND o.batch_id = %(batch)s
"""

STATES = {
    Outcome.ACCEPTED: Recipient.State.ACCEPTED,
    Outcome.RETRY: Recipient.State.QUEUED,
    Outcome.RELEASED: Recipient.State.QUEUED,
    Outcome.FAILED: Recipient.State.FAILED,
    Outcome.UNKNOWN: Recipient.State.UNKNOWN,
}
NO_ANSWER = "Handed over, and no answer came back"


def record(batch: Batch, results: dict[int, Result]) -> None:
    """Write down how messages of a batch ended. Rows that are no longer this batch's stay as they are."""
    _mind_the_provider(results.values())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(STILL_OURS, {"batch": batch.id, "recipients": list(results)})
        state_of = dict(cursor.fetchall())
        ours = {pk: result for pk, result in results.items() if pk in state_of}
        waits = waiting_times(ours)
        ours = {pk: given_up(result) if pk in waits and waits[pk] is None else result for pk, result in ours.items()}
        cursor.execute(END_ATTEMPTS, {
            "batch": batch.id, "recipients": list(ours), "outcomes": [result.outcome.value for result in ours.values()],
            "codes": [result.code for result in ours.values()], "replies": [result.reply for result in ours.values()],
            "provider_ids": [result.provider_id for result in ours.values()],
        })  # fmt: skip
        cursor.execute(END_RECIPIENTS, {
            "recipients": list(ours), "states": [STATES[result.outcome].value for result in ours.values()],
            "reasons": [_reason(result) for result in ours.values()],
        })  # fmt: skip
        again = {pk: wait for pk, wait in waits.items() if wait is not None and state_of[pk] == "sending"}
        cursor.execute(BACK_TO_READY, {
            "batch": batch.id, "recipients": list(again), "waits": list(again.values()),
        })  # fmt: skip
        Outbox.objects.filter(batch=batch.id, recipient__in=ours.keys() - again.keys()).delete()
        cursor.execute(
            "UPDATE notifications_sendbatch b SET done_at = clock_timestamp() WHERE b.id = %s AND NOT EXISTS"
            " (SELECT FROM notifications_outbox o WHERE o.batch_id = b.id)", [batch.id],
        )  # fmt: skip
        _pause(ours)


def record_surely(batch: Batch, results: dict[int, Result]) -> None:
    """What the provider said is worth waiting for a database that restarts; the fence makes a second try harmless."""
    until = time.monotonic() + (settings.SENDING_LEASE / 2).total_seconds()
    while True:
        try:
            return record(batch, results)
        except (OperationalError, InterfaceError):
            if time.monotonic() > until or connection.in_atomic_block:
                raise
            logger.warning("The database is away while batch %s is recorded; trying again", batch.id)
            connection.close()
            time.sleep(0.5)


def _reason(result: Result) -> str:
    match result.outcome:
        case Outcome.FAILED:
            return result.reply or "Refused for good"
        case Outcome.UNKNOWN:
            return NO_ANSWER
        case _:
            return ""


def _mind_the_provider(results: Collection[Result]) -> None:
    name = providers.current().name
    if any(result.rest == Outcome.RETRY for result in results):
        pace.rest(name, seconds=REST.total_seconds())
        return
    asked = [result.retry_after or SLOW for result in results if result.throttled]
    if asked:
        pace.slow_down(name, seconds=max(asked).total_seconds())


def _pause(results: dict[int, Result]) -> None:
    """The provider refuses us, or must not be used: its mailings stop with the reason in words, nothing is burnt."""
    because = {pk: result.pause for pk, result in results.items() if result.pause}
    if not because:
        return
    mailings = {
        mailing: because[pk] for pk, mailing in Recipient.objects.filter(pk__in=because).values_list("pk", "mailing")
    }
    for mailing in Mailing.objects.filter(pk__in=mailings, state=Mailing.State.RUNNING).order_by("pk"):
        paused = Mailing.objects.filter(pk=mailing.pk, state=Mailing.State.RUNNING).update(
            state=Mailing.State.PAUSED, paused_at=Now(), paused_because=mailings[mailing.pk][:300]
        )
        if paused:
            audit.record(act="mailing.paused", thing=mailing, by=None, incident=mailing.incident_id,
                         because=mailings[mailing.pk])  # fmt: skip
