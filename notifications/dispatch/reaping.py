"""What a crash left: leases that are over."""

import logging

from django.db import connection

from notifications.dispatch.ledger import NOTICES, Ledger
from notifications.dispatch.recording import NO_ANSWER

logger = logging.getLogger(__name__)

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


def reap(ledger: Ledger = NOTICES) -> tuple[int, int]:
    """Leases that are over: (back to ready, since no mark says it was sent; now unknown, since one does)."""
    with connection.cursor() as cursor:
        cursor.execute(ledger.over(RELEASE))
        released = cursor.rowcount
        cursor.execute(ledger.over(GIVE_TO_UNKNOWN))
        unknown = cursor.rowcount
        cursor.execute(ledger.over(CANCEL_LEFTOVERS))
    if released or unknown:
        logger.warning("Leases ended without a word: %s released, %s unknown", released, unknown)
    return released, unknown
