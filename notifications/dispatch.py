"""The window of sending.md: tokens, claim, write, mark, wire, record. PostgreSQL is the queue and the truth.

Every moment here is the database's. Locks are always taken in the order outbox, recipient, so that workers, the
reaper and webhooks cannot wait for each other in a ring.
"""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count, Exists, Min, OuterRef
from django.db.models.functions import Now

from accounts import audit
from notifications import composing, handover, lanes, pace, providers
from notifications.handover import Outcome, Result
from notifications.models import Attempt, Mailing, Outbox, Recipient

logger = logging.getLogger(__name__)

BACKOFF = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180)]  # the last one repeats
TRIES = 8
TRY_FOR = timedelta(hours=24)
WINDOW_ENDS = timedelta(seconds=5)
"""A window still on the wire by then releases what is left of it: a deploy waits for it, and so does its lease."""
REST_SECONDS = 10


@dataclass
class Batch:
    """What one claim got: the attempt's number by recipient."""

    id: uuid.UUID
    numbers: dict[int, int]


@dataclass
class Letters:
    """Messages written and ready, and the results of those that cannot go."""

    messages: dict[int, EmailMessage] = field(default_factory=dict)
    hashes: dict[int, str] = field(default_factory=dict)
    not_sent: dict[int, Result] = field(default_factory=dict)


# A lane --------------------------------------------------------------------------------------------------------


def run_lane(*, seconds: float = 5) -> int:
    """Work windows until time is up, a stop is asked for or nothing is ready; how many messages were dealt with.

    At most SENDING_LANES lanes run at a time in the whole house; one more comes back at once with 0.
    """
    until = time.monotonic() + seconds
    dealt_with = 0
    with lanes.one() as mine, lanes.stops_between_messages() as may_go_on, handover.line() as line:
        while mine and may_go_on() and time.monotonic() < until:
            granted = pace.take(providers.current().name, wanted=settings.SENDING_WINDOW)
            if not granted:
                if not is_work_ready():
                    break
                time.sleep(0.05)
                continue
            done = run_window(granted, line=line, go_on=may_go_on)
            if not done:
                break
            dealt_with += done
    return dealt_with


def is_work_ready() -> bool:
    return Outbox.objects.filter(
        state=Outbox.State.READY, not_before__lte=Now(), mailing__state=Mailing.State.RUNNING
    ).exists()


def run_window(size: int, *, line: Any = None, go_on: Callable[[], bool] = handover.always) -> int:
    """One window of up to `size` messages; how many were claimed."""
    batch = claim(size)
    if batch is None:
        return 0
    letters = write(batch)
    if letters.not_sent:
        record(batch, letters.not_sent)
    if letters.messages and mark(batch, letters.hashes):
        ends = time.monotonic() + min(WINDOW_ENDS, settings.SENDING_LEASE / 3).total_seconds()
        results = handover.hand_over(
            list(letters.messages.values()), connection=line, go_on=lambda: go_on() and time.monotonic() < ends
        )
        _record_surely(batch, dict(zip(letters.messages, results, strict=True)))
    return len(batch.numbers)


# Claim ---------------------------------------------------------------------------------------------------------

CLAIM = """
WITH ready AS (
  SELECT o.recipient_id FROM notifications_outbox o JOIN notifications_mailing m ON m.id = o.mailing_id
  WHERE o.state = 'ready' AND o.not_before <= statement_timestamp() AND m.state = 'running'
  ORDER BY o.not_before, o.recipient_id LIMIT %(size)s FOR UPDATE OF o SKIP LOCKED
), batch AS (
  INSERT INTO notifications_sendbatch (id, provider, claimed_at)
  SELECT %(batch)s, %(provider)s, clock_timestamp() WHERE EXISTS (SELECT FROM ready)
), leased AS (
  UPDATE notifications_outbox o SET state = 'leased', batch_id = %(batch)s, attempt_no = o.attempt_no + 1,
    lease_until = clock_timestamp() + %(lease)s
  FROM ready WHERE o.recipient_id = ready.recipient_id RETURNING o.recipient_id, o.attempt_no
), sending AS (
  UPDATE notifications_recipient r SET state = 'sending', state_at = clock_timestamp(), reason = ''
  FROM leased WHERE r.id = leased.recipient_id
)
INSERT INTO notifications_attempt (recipient_id, number, batch_id, claimed_at, sha256, provider_id, outcome, reply)
SELECT recipient_id, attempt_no, %(batch)s, clock_timestamp(), '', '', '', '' FROM leased
RETURNING recipient_id, number
"""


def claim(size: int) -> Batch | None:
    """Lease up to `size` ready rows of running mailings; None where there are none. Pause takes effect here."""
    batch = uuid.uuid4()
    with connection.cursor() as cursor:
        given: dict[str, Any] = {
            "size": size, "batch": batch, "provider": providers.current().name, "lease": settings.SENDING_LEASE,
        }  # fmt: skip
        cursor.execute(CLAIM, given)
        numbers = dict(cursor.fetchall())
    return Batch(batch, dict(sorted(numbers.items()))) if numbers else None


# Write ---------------------------------------------------------------------------------------------------------


def write(batch: Batch) -> Letters:
    """Every message of the window, outside any transaction. One that cannot be written fails; the rest goes on."""
    letters = Letters()
    recipients = list(Recipient.objects.filter(pk__in=batch.numbers).select_related("address", "link").order_by("pk"))
    mailings = Mailing.objects.select_related("version__notice", "incident").in_bulk(
        {recipient.mailing_id for recipient in recipients}
    )
    closed = _exposed_mailings(mailings.values())
    for recipient in recipients:
        # One mailing for all its recipients: whatever is prepared for a version is prepared once.
        recipient.mailing = mailings[recipient.mailing_id]
        recipient.incident = recipient.mailing.incident
        if because := closed.get(recipient.mailing_id):
            letters.not_sent[recipient.pk] = Result(Outcome.RELEASED, reply=because, pause=because)
            continue
        try:
            message = composing.compose(recipient)
            email = composing.to_email(message)
            email.extra_headers["Message-ID"] = f"<{recipient.message_id}>"
            handover.require_one_reader(email)
        except Exception as error:  # noqa: BLE001  (a poison row: only this row fails)
            letters.not_sent[recipient.pk] = _cannot_be_written(recipient, error)
        else:
            letters.messages[recipient.pk], letters.hashes[recipient.pk] = email, message.sha256
    return letters


def _exposed_mailings(mailings: Any) -> dict[int, str]:
    closed = {}
    for mailing in mailings:
        try:
            providers.refuse_exposed(mailing.incident, sender=mailing.sender)
        except providers.Exposed as error:
            closed[mailing.pk] = str(error)
    return closed


def _cannot_be_written(recipient: Recipient, error: Exception) -> Result:
    if not isinstance(error, composing.CannotCompose | handover.NotOneReader):
        logger.exception("Message of %s cannot be written", recipient)
    said = str(error) if isinstance(error, composing.CannotCompose) else type(error).__name__
    return Result(Outcome.FAILED, reply=handover.words(f"The message could not be written: {said}"))


# Mark ----------------------------------------------------------------------------------------------------------

MARK = """
WITH marked AS (
  UPDATE notifications_sendbatch b SET handed_over_at = clock_timestamp()
  WHERE b.id = %(batch)s AND b.handed_over_at IS NULL AND EXISTS (
    SELECT FROM notifications_outbox o WHERE o.batch_id = b.id AND o.lease_until > clock_timestamp() + %(margin)s)
  RETURNING b.id
), told AS (
  UPDATE notifications_attempt a SET sha256 = v.sha256
  FROM marked, unnest(%(recipients)s::bigint[], %(hashes)s::text[]) AS v (recipient_id, sha256)
  WHERE a.batch_id = marked.id AND a.recipient_id = v.recipient_id
)
SELECT count(*) FROM marked
"""


def mark(batch: Batch, hashes: dict[int, str]) -> bool:
    """The durable line between "surely not sent" and "unknown". False: do not send, the lease is nearly over."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO on")
        given: dict[str, Any] = {
            "batch": batch.id, "margin": settings.SENDING_LEASE / 2,
            "recipients": list(hashes), "hashes": list(hashes.values()),
        }  # fmt: skip
        cursor.execute(MARK, given)
        return cursor.fetchone()[0] == 1


# Record --------------------------------------------------------------------------------------------------------

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
        waits = _waits(ours)
        ours = {pk: _given_up(result) if pk in waits and waits[pk] is None else result for pk, result in ours.items()}
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


def _record_surely(batch: Batch, results: dict[int, Result]) -> None:
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


def _waits(results: dict[int, Result]) -> dict[int, timedelta | None]:
    """How long each row that goes back waits; None: it has been tried often enough."""
    waits: dict[int, timedelta | None] = {
        pk: timedelta(0) for pk, result in results.items() if result.outcome == Outcome.RELEASED
    }
    retried = {pk: result for pk, result in results.items() if result.outcome == Outcome.RETRY}
    if retried:
        tried = {
            pk: (count, first)
            for pk, count, first in Attempt.objects.filter(recipient__in=retried, outcome=Outcome.RETRY)
            .order_by().values_list("recipient").annotate(Count("pk"), age=Now() - Min("claimed_at"))
        }  # fmt: skip
        for pk, result in retried.items():
            count, age = tried.get(pk, (0, timedelta(0)))
            wait = max(BACKOFF[min(count, len(BACKOFF) - 1)], result.retry_after or timedelta(0))
            waits[pk] = None if count + 1 >= TRIES or age > TRY_FOR else min(wait, TRY_FOR)
    return waits


def _given_up(result: Result) -> Result:
    return replace(result, outcome=Outcome.FAILED, reply=f"Given up after many tries. {result.reply}"[:300])


def _reason(result: Result) -> str:
    match result.outcome:
        case Outcome.FAILED:
            return result.reply or "Refused for good"
        case Outcome.UNKNOWN:
            return NO_ANSWER
        case _:
            return ""


def _mind_the_provider(results: Any) -> None:
    name = providers.current().name
    if any(result.rest == Outcome.RETRY for result in results):
        pace.rest(name, seconds=REST_SECONDS)
        return
    asked = [result.retry_after or timedelta(seconds=30) for result in results if result.throttled]
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


# What a crash left ---------------------------------------------------------------------------------------------

OVER = """
WITH over AS (
  SELECT o.recipient_id, o.batch_id FROM notifications_outbox o JOIN notifications_sendbatch b ON b.id = o.batch_id
  WHERE o.state = 'leased' AND o.lease_until < statement_timestamp() AND b.handed_over_at IS {marked}
  FOR UPDATE OF o, b SKIP LOCKED
), ended AS (
  UPDATE notifications_attempt a SET outcome = '{outcome}', ended_at = clock_timestamp()
  FROM over WHERE a.batch_id = over.batch_id AND a.recipient_id = over.recipient_id AND a.outcome = ''
), moved AS (
  UPDATE notifications_recipient r SET state = '{state}', reason = '{reason}', state_at = clock_timestamp()
  FROM over WHERE r.id = over.recipient_id AND r.state = 'sending' RETURNING r.id
)
"""
# Whom an event has settled meanwhile (an earlier try had got there after all) is not written to again.
RELEASE = (
    OVER.format(marked="NULL", outcome="released", state="queued", reason="")  # noqa: S608
    + """, settled AS (
  DELETE FROM notifications_outbox o USING over
  WHERE o.recipient_id = over.recipient_id AND o.recipient_id NOT IN (SELECT id FROM moved)
)
UPDATE notifications_outbox o SET state = 'ready', batch_id = NULL, lease_until = NULL
FROM moved WHERE o.recipient_id = moved.id
"""
)
GIVE_TO_UNKNOWN = (
    OVER.format(marked="NOT NULL", outcome="unknown", state="unknown", reason=NO_ANSWER)
    + """
DELETE FROM notifications_outbox o USING over WHERE o.recipient_id = over.recipient_id
"""
)
# A row that was on its way while its mailing was cancelled came back after the cancelling had looked.
CANCEL_LEFTOVERS = """
WITH gone AS (
  DELETE FROM notifications_outbox o USING notifications_mailing m
  WHERE m.id = o.mailing_id AND m.state = 'cancelled' AND o.state = 'ready' RETURNING o.recipient_id
)
UPDATE notifications_recipient r SET state = 'cancelled', state_at = clock_timestamp()
FROM gone WHERE r.id = gone.recipient_id AND r.state = 'queued'
"""


def reap() -> tuple[int, int]:
    """Leases that are over: (back to ready, since no mark says it was sent; now unknown, since one does)."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE)
        released = cursor.rowcount
        cursor.execute(GIVE_TO_UNKNOWN)
        unknown = cursor.rowcount
        cursor.execute(CANCEL_LEFTOVERS)
    if released or unknown:
        logger.warning("Leases ended without a word: %s released, %s unknown", released, unknown)
    return released, unknown


def finish_mailings() -> int:
    """Running mailings with nothing left to hand over are finished; their unknown ones are listed, not hidden."""
    finished = 0
    left = Exists(Outbox.objects.filter(mailing=OuterRef("pk")))
    for mailing in Mailing.objects.filter(~left, state=Mailing.State.RUNNING).order_by("pk"):
        with transaction.atomic():
            if Mailing.objects.filter(~left, pk=mailing.pk, state=Mailing.State.RUNNING).update(
                state=Mailing.State.FINISHED, finished_at=Now()
            ):
                audit.record(act="mailing.finished", thing=mailing, by=None, incident=mailing.incident_id,
                             counts=_counts(mailing), unknown=_unknown(mailing))  # fmt: skip
                finished += 1
    return finished


def _counts(mailing: Mailing) -> dict[str, int]:
    return dict(mailing.recipients.order_by().values_list("state").annotate(Count("pk")))


def _unknown(mailing: Mailing) -> Sequence[int]:
    """Ids of the unknown; the first thousand, where there are more the counts say so."""
    unknown = mailing.recipients.filter(state=Recipient.State.UNKNOWN).order_by("pk")
    return list(unknown.values_list("pk", flat=True)[:1000])
