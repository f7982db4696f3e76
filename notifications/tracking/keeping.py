"""Storing events and settling whom they are about: a call's events in two statements, however many they are."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from notifications.models import DeliveryEvent
from notifications.subscriptions import hearing
from notifications.tracking.table import BY_EVENTS, Type

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """One event as we keep it. Text without NUL and short enough for its column."""

    provider: str
    key: str
    type: Type
    at: datetime
    message_id: str = ""
    opaque: str = ""
    """The id that we gave along and that came back: the message's own, without angle brackets."""
    reason: str = ""
    words: str = ""


COLUMNS = [field.name for field in fields(Heard)]

# The recipient an event is about: by the opaque id we gave along, else by Message-ID or the provider's own id, which
# stands in angle brackets in some providers' events and answers.
#
# Locks in the order outbox, recipient, each by id, as everywhere; and before the insert, whose foreign key would hold
# a weaker lock on the recipient that two calls could then both want to make stronger.
STORE = """
WITH given AS MATERIALIZED (
  SELECT DISTINCT ON (provider, key) * FROM unnest(%(provider)s::text[], %(key)s::text[], %(type)s::text[],
    %(at)s::timestamptz[], %(message_id)s::text[], %(opaque)s::text[], %(reason)s::text[], %(words)s::text[])
    AS v (provider, key, type, at, message_id, opaque, reason, words)
), about AS MATERIALIZED (
  SELECT given.*, COALESCE(
    (SELECT r.id FROM notifications_recipient r WHERE r.message_id = given.opaque AND given.opaque <> ''),
    (SELECT r.id FROM notifications_recipient r WHERE r.message_id = btrim(given.message_id, '<>')),
    (SELECT a.recipient_id FROM notifications_attempt a WHERE a.provider_id <> '' AND a.provider_id IN
       (btrim(given.message_id, '<>'), '<' || btrim(given.message_id, '<>') || '>') ORDER BY a.id LIMIT 1)
  ) AS recipient_id FROM given
), waiting AS MATERIALIZED (
  SELECT o.recipient_id FROM notifications_outbox o
  WHERE o.recipient_id = ANY(ARRAY(SELECT recipient_id FROM about WHERE recipient_id IS NOT NULL))
    AND o.state = 'ready' ORDER BY o.recipient_id FOR UPDATE
), locked AS MATERIALIZED (
  SELECT r.id FROM notifications_recipient r
  WHERE r.id = ANY(ARRAY(SELECT recipient_id FROM about WHERE recipient_id IS NOT NULL))
    AND (SELECT count(*) FROM waiting) >= 0 ORDER BY r.id FOR NO KEY UPDATE
)
INSERT INTO notifications_deliveryevent (provider, key, type, at, message_id, reason, words, recipient_id)
SELECT provider, key, type, at, message_id, reason, words, locked.id
FROM about LEFT JOIN locked ON locked.id = about.recipient_id ORDER BY provider, key
ON CONFLICT (provider, key) DO NOTHING RETURNING recipient_id, provider
"""

# A statement of its own: it sees what others stored while we waited for the lock. Everything follows from the set of
# events, also the words and the moment of a complaint. A prepared recipient stays so: nothing has been sent to it.
SETTLE = """
WITH said AS MATERIALIZED (
  SELECT DISTINCT ON (e.recipient_id) e.recipient_id, wins.state, COALESCE(NULLIF(e.words, ''), e.reason) AS why,
    min(e.at) FILTER (WHERE e.type = 'complained') OVER (PARTITION BY e.recipient_id) AS complained_at
  FROM notifications_deliveryevent e
  JOIN unnest(%(types)s::text[], %(states)s::text[]) WITH ORDINALITY AS wins (type, state, rank) ON wins.type = e.type
  JOIN notifications_recipient r ON r.id = e.recipient_id AND r.state <> 'prepared'
  WHERE e.recipient_id = ANY(%(recipients)s::bigint[])
  ORDER BY e.recipient_id, wins.rank, e.words = '' AND e.reason = '', e.at, e.provider, e.key
), gone AS (
  DELETE FROM notifications_outbox o USING said WHERE o.recipient_id = said.recipient_id AND o.state = 'ready'
), becoming AS (
  SELECT r.id, said.state, said.complained_at, left(CASE
    WHEN said.state NOT IN ('bounced', 'failed') THEN CASE WHEN r.state = said.state THEN r.reason ELSE '' END
    WHEN said.why <> '' THEN said.why
    WHEN r.state = said.state AND r.reason <> '' THEN r.reason
    ELSE 'The provider gave no reason' END, 300) AS reason
  FROM notifications_recipient r JOIN said ON said.recipient_id = r.id
)
UPDATE notifications_recipient r SET state = becoming.state, reason = becoming.reason,
  complained_at = COALESCE(becoming.complained_at, r.complained_at),
  state_at = CASE WHEN r.state = becoming.state THEN r.state_at ELSE statement_timestamp() END
FROM becoming WHERE r.id = becoming.id AND (r.state, r.reason, r.complained_at) IS DISTINCT FROM
  (becoming.state, becoming.reason, COALESCE(becoming.complained_at, r.complained_at))
"""
WINNERS = {"types": [str(type_) for type_, _ in BY_EVENTS], "states": [str(state) for _, state in BY_EVENTS]}


def keep(heard: Sequence[Heard]) -> int:
    """Store events, each once, and bring whom they are about in line with them; how many were new."""
    heard = hearing.take_out(heard, WINNERS)
    if not heard:
        return 0
    given = {name: [getattr(one, name) for one in heard] for name in COLUMNS}
    given["type"] = [str(one.type) for one in heard]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(STORE, given)
        new = cursor.fetchall()
        _settle(cursor, {recipient for recipient, _ in new if recipient is not None})
    if strangers := sorted({provider for recipient, provider in new if recipient is None}):
        logger.info("Events of %s are about messages we do not know (yet)", ", ".join(strangers))
    return len(new)


def settle(recipient_id: int) -> None:
    """Bring a recipient's state in line with its events. Its row is locked until the transaction ends."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK, [recipient_id, recipient_id])
        _settle(cursor, {recipient_id})


LOCK = """
WITH waiting AS MATERIALIZED (
  SELECT recipient_id FROM notifications_outbox WHERE recipient_id = %s AND state = 'ready' FOR UPDATE
)
SELECT id FROM notifications_recipient WHERE id = %s AND (SELECT count(*) FROM waiting) >= 0 FOR NO KEY UPDATE
"""


def _settle(cursor: Any, recipients: Collection[int]) -> None:
    if recipients:
        cursor.execute(SETTLE, WINNERS | {"recipients": sorted(recipients)})


# Before our own commit --------------------------------------------------------------------------------------------


def match_orphans() -> int:
    """Events that came before we knew their message find it; how many did. A week's worth: older ones are not ours."""
    matched = 0
    with connection.cursor() as cursor:
        cursor.execute(ORPHANS)
        found = cursor.fetchall()
    for event, recipient in found:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(LOCK, [recipient, recipient])
            matched += DeliveryEvent.objects.filter(pk=event, recipient=None).update(recipient_id=recipient)
            _settle(cursor, {recipient})
    return matched


ORPHANS = """
SELECT DISTINCT ON (e.id) e.id, known.recipient_id FROM notifications_deliveryevent e CROSS JOIN LATERAL (
  SELECT a.recipient_id FROM notifications_attempt a WHERE a.provider_id <> '' AND a.provider_id IN
    (e.message_id, btrim(e.message_id, '<>'), '<' || btrim(e.message_id, '<>') || '>')
  UNION ALL SELECT r.id FROM notifications_recipient r WHERE r.message_id = btrim(e.message_id, '<>')
) known WHERE e.recipient_id IS NULL AND e.message_id <> ''
  AND e.received_at > statement_timestamp() - interval '7 days'
"""
