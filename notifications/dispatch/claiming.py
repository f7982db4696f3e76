"""Leasing what is ready: the rows of a window are one worker's until its lease is over."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from notifications import providers


@dataclass
class Batch:
    """What one claim got: the attempt's number by recipient."""

    id: uuid.UUID
    numbers: dict[int, int]


CLAIM = """
WITH ready AS (
  SELECT o.recipient_id FROM notifications_outbox o JOIN notifications_mailing m ON m.id = o.mailing_id
  WHERE o.state = 'ready' AND o.not_before <= statement_timestamp() AND m.state = 'running'
    AND NOT EXISTS (SELECT FROM notifications_sendingstop WHERE lifted_at IS NULL)
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
