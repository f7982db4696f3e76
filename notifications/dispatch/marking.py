"""Saying, so that it survives a crash, that from now on messages may have gone out."""

from typing import Any

from django.conf import settings

from notifications.dispatch.claiming import Batch, others_of
from notifications.dispatch.statements import array, execute

# One statement, so one round trip and one flush to disk. A recipient that is no longer `sending` was settled by an
# event since the claim: an earlier try had got there after all.
MARK = """
WITH durable AS MATERIALIZED (
  SELECT set_config('synchronous_commit', 'on', true) AS is_on
), marked AS (
  UPDATE notifications_sendbatch b SET handed_over_at = clock_timestamp() FROM durable
  WHERE b.id = %(batch)s AND b.handed_over_at IS NULL AND durable.is_on = 'on' AND EXISTS (
    SELECT FROM notifications_outbox o WHERE o.batch_id = b.id AND o.lease_until > clock_timestamp() + %(margin)s)
    AND EXISTS (SELECT FROM notifications_mailing m WHERE m.id = %(mailing)s AND m.state = 'running'
      AND (m.provider = b.provider OR m.provider <> ALL (%(others)s::text[])))
    AND NOT EXISTS (SELECT FROM notifications_sendingstop WHERE lifted_at IS NULL)
  RETURNING b.id
), going AS MATERIALIZED (
  SELECT v.recipient_id, v.sha256 FROM marked,
    unnest(%(recipients)s::bigint[], %(hashes)s::text[]) AS v (recipient_id, sha256)
  WHERE (SELECT r.state FROM notifications_recipient r WHERE r.id = v.recipient_id) = 'sending'
), told AS (
  UPDATE notifications_attempt a SET sha256 = going.sha256 FROM going, marked
  WHERE a.batch_id = marked.id AND a.recipient_id = going.recipient_id
)
SELECT ARRAY(SELECT recipient_id FROM going) FROM marked
"""


def mark(batch: Batch, hashes: dict[int, str]) -> set[int] | None:
    """The durable line between "surely not sent" and "unknown": the recipients whose messages may go now.

    None: none may. The lease is nearly over, somebody has marked it before, or the mailing was paused or moved to
    another provider meanwhile.
    """
    given: dict[str, Any] = {
        "batch": batch.id, "mailing": batch.mailing.pk, "margin": settings.SENDING_LEASE / 2,
        "recipients": array(hashes), "hashes": array(hashes.values()), "others": others_of(batch.provider),
    }  # fmt: skip
    rows = execute(batch.ledger.over(MARK), given)
    return set(rows[0][0]) if rows else None
