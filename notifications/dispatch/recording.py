"""Writing down how the messages of a window ended."""

import logging
import time
from collections.abc import Collection
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts import audit
from notifications import pace
from notifications.dispatch.claiming import Batch
from notifications.dispatch.retrying import given_up, waiting_times
from notifications.dispatch.statements import array, execute
from notifications.models import Recipient
from notifications.outcomes import Outcome, Result

logger = logging.getLogger(__name__)

# One statement, so one round trip and one flush to disk. `ours` is the fence: rows that the reaper has taken since are
# no longer this batch's. A recipient that is no longer `sending` got an event meanwhile, and the event knows more than
# the conversation. wait: NULL for rows that are done and leave the outbox. Attempts are met by recipient and number,
# the unique index: by batch the planner would compare every row of a large batch with every other.
RECORD = """
WITH given AS MATERIALIZED (
  SELECT * FROM unnest(%(recipients)s::bigint[], %(numbers)s::int[], %(ends)s::int[]) AS v (recipient_id, number, place)
  JOIN unnest(%(outcomes)s::text[], %(codes)s::int[], %(replies)s::text[], %(provider_ids)s::text[], %(states)s::text[],
    %(reasons)s::text[], %(waits)s::interval[]) WITH ORDINALITY
    AS e (outcome, code, reply, provider_id, state, reason, wait, place) USING (place)
), ours AS MATERIALIZED (
  SELECT v.*, r.state = 'sending' AS is_sending FROM given v
  JOIN notifications_outbox o ON o.recipient_id = v.recipient_id JOIN notifications_recipient r ON r.id = v.recipient_id
  WHERE o.batch_id = %(batch)s ORDER BY v.recipient_id FOR UPDATE OF o, r
), attempts AS (
  UPDATE notifications_attempt a SET outcome = ours.outcome, smtp_code = ours.code, reply = ours.reply,
    provider_id = ours.provider_id, ended_at = clock_timestamp()
  FROM ours WHERE a.recipient_id = ours.recipient_id AND a.number = ours.number AND a.outcome = ''
), recipients AS (
  UPDATE notifications_recipient r SET state = ours.state, reason = ours.reason, state_at = clock_timestamp()
  FROM ours WHERE r.id = ours.recipient_id AND ours.is_sending
), back AS (
  UPDATE notifications_outbox o SET state = 'ready', batch_id = NULL, lease_until = NULL,
    not_before = clock_timestamp() + ours.wait
  FROM ours WHERE o.recipient_id = ours.recipient_id AND ours.is_sending AND ours.wait IS NOT NULL
), gone AS (
  DELETE FROM notifications_outbox o USING ours
  WHERE o.recipient_id = ours.recipient_id AND NOT (ours.is_sending AND ours.wait IS NOT NULL)
)
UPDATE notifications_sendbatch b SET done_at = clock_timestamp() WHERE b.id = %(batch)s AND NOT EXISTS (
  SELECT FROM notifications_outbox o WHERE o.batch_id = b.id AND o.recipient_id NOT IN (SELECT recipient_id FROM ours))
"""

STATES = {
    Outcome.ACCEPTED: Recipient.State.ACCEPTED,
    Outcome.RETRY: Recipient.State.QUEUED,
    Outcome.RELEASED: Recipient.State.QUEUED,
    Outcome.FAILED: Recipient.State.FAILED,
    Outcome.UNKNOWN: Recipient.State.UNKNOWN,
}
RECORD_FOR = timedelta(seconds=90)
"""A database that restarts is back by then; where the lease is over meanwhile, the reaper is as likely to be first."""
NO_ANSWER = "Handed over, and no answer came back"


def record(batch: Batch, results: dict[int, Result]) -> None:
    """Write down how messages of a batch ended. Rows that are no longer this batch's stay as they are."""
    _mind_the_provider(batch, results.values())
    waits = waiting_times(results, attempts=batch.ledger.attempt)
    ended = {pk: given_up(result) if pk in waits and waits[pk] is None else result for pk, result in results.items()}
    ends = {(id(result), waits.get(pk)): result for pk, result in ended.items()}  # those of a call share one
    place_of = {end: place for place, end in enumerate(ends, start=1)}
    given: dict[str, Any] = {
        "batch": batch.id, "recipients": array(ended), "numbers": array([batch.numbers[pk] for pk in ended]),
        "ends": array([place_of[id(result), waits.get(pk)] for pk, result in ended.items()]),
        "waits": [wait for _, wait in ends], "outcomes": [result.outcome.value for result in ends.values()],
        "codes": [result.code for result in ends.values()], "replies": [result.reply for result in ends.values()],
        "provider_ids": [result.provider_id for result in ends.values()],
        "states": [_state(result) for result in ends.values()],
        "reasons": [_reason(result) for result in ends.values()],
    }  # fmt: skip
    with transaction.atomic() if any(result.pause for result in ended.values()) else nullcontext():
        execute(batch.ledger.over(RECORD), given)
        _pause(batch, ended)


def record_surely(batch: Batch, results: dict[int, Result]) -> None:
    """What the provider said is worth waiting for a database that restarts; the fence makes a second try harmless."""
    until = time.monotonic() + RECORD_FOR.total_seconds()
    while True:
        try:
            return record(batch, results)
        except (OperationalError, InterfaceError):
            if time.monotonic() > until or connection.in_atomic_block:
                raise
            logger.warning("The database is away while batch %s is recorded; trying again", batch.id)
            connection.close()
            time.sleep(0.5)


def _state(result: Result) -> str:
    return (Recipient.State.CANCELLED if result.cancels else STATES[result.outcome]).value


def _reason(result: Result) -> str:
    if result.cancels:
        return result.cancels
    match result.outcome:
        case Outcome.FAILED:
            return result.reply or "Refused for good"
        case Outcome.UNKNOWN:
            return NO_ANSWER
        case _:
            return ""


def _mind_the_provider(batch: Batch, results: Collection[Result]) -> None:
    name, outcomes = batch.provider, {result.outcome for result in results}
    throttled = [result.retry_after or timedelta(0) for result in results if result.throttled]
    if Outcome.ACCEPTED in outcomes:
        pace.worked(name)
    elif Outcome.UNKNOWN in outcomes or any(result.rest == Outcome.RETRY for result in results):
        pace.failed(name)
        return
    if throttled:
        pace.slow_down(name, seconds=max(throttled).total_seconds())


def _pause(batch: Batch, results: dict[int, Result]) -> None:
    """The provider refuses us, or must not be used: its mailings stop with the reason in words, nothing is burnt."""
    refusal = next((result for result in results.values() if result.pause), None)
    if refusal is None:
        return
    stopped = Q(provider=batch.provider) | Q(pk=batch.mailing.pk) if refusal.refuses_us else Q(pk=batch.mailing.pk)
    mailings = batch.ledger.mailing
    for mailing in mailings.objects.filter(stopped, state=mailings.State.RUNNING).order_by("pk"):
        paused = mailings.objects.filter(pk=mailing.pk, state=mailings.State.RUNNING).update(
            state=mailings.State.PAUSED, paused_at=Now(), paused_because=refusal.pause[:300]
        )
        if paused:
            act = f"{mailings._meta.model_name}.paused"
            audit.record(act=act, thing=mailing, by=None, incident=mailing.incident_id, because=refusal.pause)
