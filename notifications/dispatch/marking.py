"""Saying, so that it survives a crash, that from now on messages may have gone out."""

from typing import Any

from django.conf import settings
from django.db import connection, transaction

from notifications.dispatch.claiming import Batch

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
