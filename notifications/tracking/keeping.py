"""Storing events and settling whom they are about: one statement, however many they are."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from notifications.inquiries import hearing as hearing_of_answers
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


WINNERS = {"types": [str(type_) for type_, _ in BY_EVENTS], "states": [str(state) for _, state in BY_EVENTS]}
_WINNERS = ["{" + ",".join(words) + "}" for words in WINNERS.values()]

# Functions of the database (migrations 0014 and 0022): planned once a session, one round trip however many events.
KEEP = "SELECT new, strangers FROM candor_keep_events(%s::json, %s::text[], %s::text[])"
SETTLE = "SELECT candor_settle_events(%s::bigint[], %s::text[], %s::text[])"


def keep(heard: Sequence[Heard]) -> int:
    """Store events, each once, and bring whom they are about in line with them; how many were new."""
    heard = hearing_of_answers.take_out(hearing.take_out(heard, WINNERS), WINNERS)
    if not heard:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [_json(heard), *_WINNERS])
        new, strangers = cursor.fetchone()
    if strangers:
        logger.info("Events of %s are about messages we do not know (yet)", ", ".join(strangers))
    return new


def _json(heard: Sequence[Heard]) -> str:
    """One text costs a fifth of ten arrays, each of whose values psycopg looks at."""
    return json.dumps([
        {
            "provider": one.provider, "key": one.key, "type": str(one.type), "at": one.at.isoformat(),
            "message_id": one.message_id, "opaque": one.opaque, "reason": one.reason, "words": one.words,
        }
        for one in heard
    ])  # fmt: skip


def settle(recipient_id: int) -> None:
    """Bring a recipient's state in line with its events. Its row is locked until the transaction ends."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK, [recipient_id, recipient_id])
        cursor.execute(SETTLE, [[recipient_id], *_WINNERS])


LOCK = """
WITH waiting AS MATERIALIZED (
  SELECT recipient_id FROM notifications_outbox WHERE recipient_id = %s AND state = 'ready' FOR UPDATE
)
SELECT id FROM notifications_recipient WHERE id = %s AND (SELECT count(*) FROM waiting) >= 0 FOR NO KEY UPDATE
"""


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
            cursor.execute(SETTLE, [[recipient], *_WINNERS])
    return matched


ORPHANS = """
SELECT DISTINCT ON (e.id) e.id, known.recipient_id FROM notifications_deliveryevent e CROSS JOIN LATERAL (
  SELECT a.recipient_id FROM notifications_attempt a WHERE a.provider_id <> '' AND a.provider_id IN
    (e.message_id, btrim(e.message_id, '<>'), '<' || btrim(e.message_id, '<>') || '>')
  UNION ALL SELECT r.id FROM notifications_recipient r WHERE r.message_id = btrim(e.message_id, '<>')
) known WHERE e.recipient_id IS NULL AND e.message_id <> ''
  AND e.received_at > statement_timestamp() - interval '7 days'
"""


# Bounced for now, and then nothing ----------------------------------------------------------------------------------

# As an event of our own, so that the state stays what follows from the events: a delivery that comes after all does not
# undo it, as after any bounce.
GIVE_UP = """
INSERT INTO notifications_deliveryevent (provider, key, type, at, message_id, reason, words, recipient_id)
SELECT 'candor', 'given-up:' || r.id, 'bounced', statement_timestamp(), r.message_id, '',
  'Bounced for now, and nothing came after it', r.id
FROM notifications_recipient r WHERE r.state = 'accepted' AND r.id IN (
  SELECT e.recipient_id FROM notifications_deliveryevent e WHERE e.type = 'soft_bounced'
  GROUP BY e.recipient_id HAVING max(e.received_at) <= statement_timestamp() - make_interval(secs => %s))
ON CONFLICT (provider, key) DO NOTHING RETURNING recipient_id
"""


def give_up_waiting() -> int:
    """Whoever bounced for now, and about whom nothing was heard since, counts as not reached; how many are new.

    Mail servers call it so when they have given up on a full mailbox, too: nobody would ever hear of the message again.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(GIVE_UP, [settings.QUIET_AFTER.total_seconds()])
        given_up = sorted(pk for (pk,) in cursor.fetchall())
    for pk in given_up:
        settle(pk)
    return len(given_up)
