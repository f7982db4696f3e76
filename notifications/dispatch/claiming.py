"""Leasing what is ready: the rows of a window are one worker's until its lease is over."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from incidents.models import Incident
from notifications import providers
from notifications.dispatch.ledger import NOTICES, Ledger
from notifications.dispatch.statements import execute
from notifications.models import Mailing


@dataclass(slots=True)
class Writable:
    """What a message needs of its recipient, address and link: rows of models would cost as much as composing it."""

    pk: int
    code: str
    message_id: str
    merge: dict
    address: "WrittenTo | None"
    link: "Opened | None"
    mailing: Mailing

    def __str__(self) -> str:
        return f"recipient {self.pk}"


@dataclass(frozen=True, slots=True)
class WrittenTo:
    value: str


@dataclass(frozen=True, slots=True)
class Opened:
    pk: int
    serial: int
    key_id: str


@dataclass
class Batch:
    """What one claim got: the attempt's number by recipient, and what is to be written."""

    id: uuid.UUID
    provider: str
    mailing: Any
    """The one all its rows belong to, as far as messages need it; its incident with the exposed channels alone."""
    numbers: dict[int, int] = field(default_factory=dict)
    writable: list[Any] = field(default_factory=list)
    not_any_more: dict[int, str] = field(default_factory=dict)
    """Of those claimed, whom it must not go to any more, and why in plain words."""
    ledger: Ledger = NOTICES


# The mailing whose next row has waited longest, what is sent again to single people last; then rows of this one by the
# index outbox_ready alone, so that rows of paused mailings are never looked at. A row another worker holds does not
# count as the next one.
#
# It need not be flushed to disk: the log is written in order, so a mark that is durable makes its claim durable, and a
# claim that is lost with the server was followed by no mark. Nothing had been said then, and its rows are ready.
#
# ANY (ARRAY (…)) and LATERAL (… LIMIT 1): by their keys. Of a thousand rows the planner would rather read whole tables.
LEASE = """
WITH chosen AS MATERIALIZED (
  SELECT m.id FROM notifications_mailing m CROSS JOIN LATERAL (
    SELECT o.not_before, o.recipient_id FROM notifications_outbox o
    WHERE o.mailing_id = m.id AND o.state = 'ready' AND o.not_before <= statement_timestamp()
    ORDER BY o.not_before, o.recipient_id LIMIT 1 FOR UPDATE SKIP LOCKED
  ) next
  WHERE set_config('synchronous_commit', 'off', true) = 'off' AND m.state = 'running'
    AND (m.provider = %(provider)s OR m.provider <> ALL (%(others)s::text[]))
    AND NOT EXISTS (SELECT FROM notifications_sendingstop WHERE lifted_at IS NULL)
  ORDER BY comes_last(m), next.not_before, next.recipient_id LIMIT 1
), ready AS MATERIALIZED (
  SELECT o.recipient_id FROM notifications_outbox o
  WHERE o.mailing_id = (SELECT id FROM chosen) AND o.state = 'ready' AND o.not_before <= statement_timestamp()
  ORDER BY o.not_before, o.recipient_id LIMIT %(size)s FOR UPDATE SKIP LOCKED
), batch AS (
  INSERT INTO notifications_sendbatch (id, provider, claimed_at)
  SELECT %(batch)s, %(provider)s, clock_timestamp() WHERE EXISTS (SELECT FROM ready)
), leased AS (
  UPDATE notifications_outbox o SET state = 'leased', batch_id = %(batch)s, attempt_no = o.attempt_no + 1,
    lease_until = clock_timestamp() + %(lease)s
  WHERE o.recipient_id = ANY (ARRAY(SELECT recipient_id FROM ready)) RETURNING o.recipient_id, o.attempt_no
), sending AS (
  UPDATE notifications_recipient r SET state = 'sending', state_at = clock_timestamp(), reason = ''
  FROM leased WHERE r.id = leased.recipient_id
  RETURNING r.*, leased.attempt_no
), attempts AS (
  INSERT INTO notifications_attempt (recipient_id, number, batch_id, claimed_at, sha256, provider_id, outcome, reply)
  SELECT recipient_id, attempt_no, %(batch)s, clock_timestamp(), '', '', '', '' FROM leased
)
"""
# The frozen set may shrink and never grows: whoever was ruled out since the start, whose address is not to be used any
# more, or to whom by a decision nobody writes, is found out as they are claimed. `silenced` as mailings.owing.silent.
WHAT_NOTICES_NEED = """
, silenced AS MATERIALIZED (
  SELECT d.segment_id FROM notifications_mailing m JOIN incidents_decision d ON d.incident_id = m.incident_id
  WHERE m.id = (SELECT id FROM chosen) AND d.kind = 'do_not_contact'
    AND NOT EXISTS (SELECT FROM incidents_decision later WHERE later.supersedes_id = d.id)
  UNION ALL
  SELECT g.id FROM notifications_mailing m JOIN incidents_segment g ON g.incident_id = m.incident_id
  WHERE m.id = (SELECT id FROM chosen) AND NOT g.receives_notice
)
SELECT s.id, s.attempt_no, s.code, s.message_id, s.merge, a.value, l.id, l.serial, l.key_id,
  CASE
    WHEN i.drill THEN 'drill'
    WHEN s.kind <> 'all_clear' AND f.certainty = 'ruled_out' THEN 'ruled_out'
    WHEN s.kind = 'all_clear' AND f.certainty <> 'ruled_out' THEN 'on_the_list'
    WHEN a.withdrawn_at IS NOT NULL THEN 'withdrawn'
    WHEN NOT a.trusted THEN 'not_trusted'
    WHEN EXISTS (SELECT FROM silenced) AND (
      EXISTS (SELECT FROM silenced WHERE segment_id IS NULL)
      OR EXISTS (SELECT FROM incidents_affectedaccount_segments g
        WHERE g.affectedaccount_id = f.id AND g.segment_id IN (SELECT segment_id FROM silenced))
      AND NOT EXISTS (SELECT FROM incidents_affectedaccount_segments g
        WHERE g.affectedaccount_id = f.id AND g.segment_id NOT IN (SELECT segment_id FROM silenced))
    ) THEN 'silenced'
    ELSE '' END,
  m.id, m.version_id, m.sender, m.reply_to, m.incident_id, i.exposed_channels
FROM sending s JOIN notifications_mailing m ON m.id = s.mailing_id JOIN incidents_incident i ON i.id = m.incident_id
LEFT JOIN LATERAL (SELECT id, certainty FROM incidents_affectedaccount WHERE id = s.affected_account_id LIMIT 1) f
  ON true
LEFT JOIN LATERAL (SELECT value, trusted, withdrawn_at FROM accounts_address WHERE id = s.address_id LIMIT 1) a ON true
LEFT JOIN LATERAL (SELECT id, serial, key_id FROM notifications_readerlink WHERE id = s.link_id LIMIT 1) l ON true
ORDER BY s.id
"""
NOT_ANY_MORE = {
    "drill": "A drill: its messages never leave the house",
    "ruled_out": "Ruled out before their turn came",
    "on_the_list": "Back on the list before their turn came",
    "withdrawn": "Their address was withdrawn before their turn came",
    "not_trusted": "Their address was no longer trusted when their turn came",
    "silenced": "A decision not to write to them stood when their turn came",
}


def claim(size: int, *, provider: str = "") -> Batch | None:
    """Lease up to `size` ready rows of one running mailing of this provider; None where there are none.

    provider: a channel's name; empty: the first one's, which also takes mailings whose channel is no more.
    Pause, cancel and the stop of everything take effect here.
    """
    provider = provider or providers.first().name
    batch_id, rows = lease(size, provider=provider, ledger=NOTICES, then=WHAT_NOTICES_NEED)
    if not rows:
        return None
    batch = Batch(batch_id, provider, _mailing(*rows[0][10:]))
    for pk, number, code, message_id, merge, address, link, serial, key_id, why_not, *_ in rows:
        batch.numbers[pk] = number
        if why_not:
            batch.not_any_more[pk] = NOT_ANY_MORE[why_not]
            continue
        batch.writable.append(Writable(
            pk, code, message_id, json.loads(merge), None if address is None else WrittenTo(address),
            None if link is None else Opened(link, serial, key_id), batch.mailing,
        ))  # fmt: skip
    return batch


def lease(size: int, *, provider: str, ledger: Ledger, then: str) -> tuple[uuid.UUID, list[tuple]]:
    """The batch, and what `then` selects of the rows leased for it (`sending s`): none where nothing is ready."""
    batch = uuid.uuid4()
    given: dict[str, Any] = {
        "size": size, "batch": batch, "provider": provider, "lease": settings.SENDING_LEASE,
        "others": others_of(provider),
    }  # fmt: skip
    return batch, execute(ledger.over(LEASE + then), given)


def others_of(provider: str) -> list[str] | None:
    """The first provider also takes mailings whose own is none of these any more; None: this one takes only its own."""
    first, *others = (channel.name for channel in providers.all_channels())
    return others if provider == first else None


def _mailing(pk: int, version: int, sender: str, reply_to: str, incident: int, exposed_channels: Any) -> Mailing:
    exposed = json.loads(exposed_channels) if isinstance(exposed_channels, str) else exposed_channels
    return Mailing(pk=pk, sender=sender, reply_to=reply_to, version_id=version,
                   incident=Incident(pk=incident, exposed_channels=exposed))  # fmt: skip
