"""What providers say of subscriber mail. No event is kept: of all that is said the word that wins stays in the row.

So the state is a function of the set of events here, too, whatever their order. A mailbox that is no more, and
somebody who complains, get nothing any more.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from django.db import connection, transaction

from notifications.models import Subscriber, UpdateAttempt
from notifications.subscriptions.asking import MARK, end_all


class Said(Protocol):
    """An event, as tracking brings it."""

    @property
    def type(self) -> Any: ...
    @property
    def message_id(self) -> str: ...
    @property
    def opaque(self) -> str: ...


One = TypeVar("One", bound=Said)


def take_out(heard: Sequence[One], wins: Mapping[str, list[str]]) -> list[One]:
    """Events that are not about subscriber mail; the rest is dealt with. wins: types and states, the first wins."""
    by_provider_id = _known_by_provider_id(heard)
    ours: list[tuple[str, str]] = []
    rest: list[One] = []
    for one in heard:
        told = [one.opaque, one.message_id.strip("<>")]
        name = next((name for name in told if name.startswith(MARK)), "") or by_provider_id.get(told[1], "")
        if name:
            ours.append((name, str(one.type)))
        else:
            rest.append(one)
    if ours:
        _hear(ours, wins)
    return rest


def _known_by_provider_id(heard: Sequence[Said]) -> dict[str, str]:
    """For providers that bring back nothing but an id of their own: Message-ID by that id."""
    asked = {one.message_id.strip("<>") for one in heard if not one.opaque and one.message_id}
    asked = {name for name in asked if not name.startswith(MARK)}
    if not asked:
        return {}
    forms = [*asked, *(f"<{name}>" for name in asked)]
    found = UpdateAttempt.objects.filter(provider_id__in=forms).exclude(provider_id="")
    return {given.strip("<>"): name for given, name in found.values_list("provider_id", "recipient__message_id")}


# Locks in the order outbox, mail, as everywhere. A row on its way is its worker's, who sees the new state and lets be.
SETTLE = """
WITH wins AS (
  SELECT * FROM unnest(%(types)s::text[], %(states)s::text[]) WITH ORDINALITY AS w (type, state, rank)
), said AS MATERIALIZED (
  SELECT m.id, min(wins.rank) AS rank FROM unnest(%(names)s::text[], %(said)s::text[]) AS v (name, type)
  JOIN notifications_updatemail m ON m.message_id = v.name JOIN wins ON wins.type = v.type GROUP BY m.id
), waiting AS MATERIALIZED (
  SELECT o.recipient_id FROM notifications_updateoutbox o
  WHERE o.recipient_id IN (SELECT id FROM said) AND o.state = 'ready' ORDER BY o.recipient_id FOR UPDATE
), gone AS (
  DELETE FROM notifications_updateoutbox o USING waiting WHERE o.recipient_id = waiting.recipient_id
), locked AS MATERIALIZED (
  SELECT m.id, m.event FROM notifications_updatemail m
  WHERE m.id IN (SELECT id FROM said) AND (SELECT count(*) FROM waiting) >= 0 ORDER BY m.id FOR NO KEY UPDATE
)
UPDATE notifications_updatemail m SET event = wins.type, state = wins.state, state_at = statement_timestamp()
FROM said JOIN wins ON wins.rank = said.rank JOIN locked ON locked.id = said.id
LEFT JOIN wins before ON before.type = locked.event
WHERE m.id = said.id AND (before.rank IS NULL OR wins.rank < before.rank)
"""
ENDS = {"bounced": Subscriber.Ended.BOUNCED, "complained": Subscriber.Ended.COMPLAINED}
WHOSE = """
SELECT v.type, m.subscriber_id FROM unnest(%(names)s::text[], %(said)s::text[]) AS v (name, type)
JOIN notifications_updatemail m ON m.message_id = v.name WHERE v.type = ANY(%(ends)s::text[])
"""


def _hear(ours: list[tuple[str, str]], wins: Mapping[str, list[str]]) -> None:
    given: dict[str, Any] = {
        **wins, "names": [name for name, _ in ours], "said": [said for _, said in ours], "ends": list(ENDS),
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SETTLE, given)
        cursor.execute(WHOSE, given)
        whose = cursor.fetchall()
        for type_, because in ENDS.items():
            end_all([pk for said, pk in whose if said == type_], because=because)
