"""The program that judges after each fault (I1–I5, I9–I11), by the ledger and by what the receiving server holds."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import redis
from django.db import connection, transaction
from django.db.models import Count
from django.db.models.functions import Now

from accounts import audit
from config.faults.arranging import CANARY
from config.faults.mail_server import Arrived
from notifications import telling, tracking
from notifications.models import Attempt, Mailing, Outbox, Recipient

State = Recipient.State
SAID_TO_BE_THERE = {State.ACCEPTED, State.DELIVERED}
TOKEN = re.compile(r"/notice/([A-Za-z0-9_-]{43})")
SHOWN = 3  # examples in a sentence


@dataclass
class Verdict:
    lost: int = 0
    doubled: int = 0
    unknown: int = 0
    broken: list[str] = field(default_factory=list)


def judge(mailings: Sequence[Mailing], arrived: Sequence[Arrived], *, by_events: Collection[int] = ()) -> Verdict:
    """by_events: recipients whose provider we played ourselves: nothing of theirs arrived at a server."""
    recipients = list(Recipient.objects.filter(mailing__in=mailings).select_related("address", "mailing"))
    verdict = Verdict(unknown=sum(one.state == State.UNKNOWN for one in recipients))
    there = Counter(one.message_id for one in arrived)
    readers = Counter(one.reader for one in arrived)
    verdict.doubled = max(sum(n - 1 for n in there.values()), sum(n - 1 for n in readers.values()))
    missing = [
        one.pk for one in recipients if one.state in SAID_TO_BE_THERE and not there[one.message_id]
        and one.pk not in by_events
    ]  # fmt: skip
    hanging = list(_hanging(mailings))
    verdict.lost = len(missing) + len(hanging) + _without_recipient(mailings)
    told = (
        _sentence("I2", "messages arrived more than once", [i for i, n in there.items() if n > 1]),
        _sentence("I4", "recipients count as accepted, and nothing arrived", missing),
        _sentence("I3", "recipients wait for nothing that will come", hanging),
        _sentence("I4", "messages arrived that nobody had queued", there.keys() - {r.message_id for r in recipients}),
        *_conserved(mailings, len(recipients)), *_leases(mailings), *_settled(recipients), *_private(arrived),
        *_log_is_whole(),
    )  # fmt: skip
    verdict.broken = [words for words in told if words]
    return verdict


def _sentence(name: str, what: str, which: Iterable[Any]) -> str:
    found = sorted(which)
    return f"{name}: {len(found)} {what} ({', '.join(map(str, found[:SHOWN]))}{' …' if found[SHOWN:] else ''})" * bool(
        found
    )


# I1, I3: the sums, and nobody who waits for ever -------------------------------------------------------------------


def _conserved(mailings: Sequence[Mailing], recipients: int) -> Iterable[str]:
    by_state = Recipient.objects.filter(mailing__in=mailings).order_by().values_list("state").annotate(Count("pk"))
    if sum(count for _, count in by_state) != recipients:
        yield "I1: the states of the recipients do not add up"
    for incident in {mailing.incident for mailing in mailings}:
        accounts = incident.affected_accounts.count()
        outcomes = telling.outcomes(incident)
        if sum(outcomes.values()) != accounts:
            yield f"I1: {accounts} affected accounts, outcomes of {sum(outcomes.values())}"


def _without_recipient(mailings: Sequence[Mailing]) -> int:
    """Affected accounts no recipient stands for, though their mailing went to everyone."""
    incidents = {mailing.incident for mailing in mailings}
    return sum(one.affected_accounts.filter(recipients=None).count() for one in incidents)


# A row that is queued or sending has its place in the outbox, in the same words; no other has.
HANGING = """
SELECT r.id FROM notifications_recipient r LEFT JOIN notifications_outbox o ON o.recipient_id = r.id
WHERE r.mailing_id = ANY(%s) AND r.channel = 'email' AND CASE r.state
  WHEN 'queued' THEN o.state IS DISTINCT FROM 'ready'
  WHEN 'sending' THEN o.state IS DISTINCT FROM 'leased'
  ELSE o.state IS NOT NULL END
"""


def _hanging(mailings: Sequence[Mailing]) -> Iterable[int]:
    with connection.cursor() as cursor:
        cursor.execute(HANGING, [[mailing.pk for mailing in mailings]])
        return [pk for (pk,) in cursor.fetchall()]


def _leases(mailings: Sequence[Mailing]) -> Iterable[str]:
    over = Outbox.objects.filter(mailing__in=mailings, state=Outbox.State.LEASED, lease_until__lt=Now())
    if count := over.count():
        yield f"I3: {count} leases are over and nobody took them back"
    unwritten = Attempt.objects.filter(recipient__mailing__in=mailings, outcome="").exclude(
        recipient__state=State.SENDING
    )
    if count := unwritten.count():
        yield f"I3: {count} tries ended without an outcome"


# I5: the state follows from the set of events ---------------------------------------------------------------------


def _settled(recipients: Sequence[Recipient]) -> Iterable[str]:
    """To settle again whoever has events changes nothing, whatever order they came in."""
    with_events = dict(
        Recipient.objects.filter(pk__in=[one.pk for one in recipients], events__isnull=False)
        .distinct().values_list("pk", "state")
    )  # fmt: skip
    types: dict[int, set[str]] = {}
    for pk, kind in Recipient.objects.filter(pk__in=with_events).values_list("pk", "events__type"):
        types.setdefault(pk, set()).add(kind)
    yield _sentence("I5", "states are not what their events say", [
        pk for pk, state in with_events.items() if tracking.derive("", types[pk]) != state
    ])  # fmt: skip
    for pk in list(with_events)[:200]:
        with transaction.atomic():
            tracking.settle(pk)
    after = dict(Recipient.objects.filter(pk__in=with_events).values_list("pk", "state"))
    yield _sentence("I5", "states change when settled again", [pk for pk in after if after[pk] != with_events[pk]])


# I9, I10, I11: the log, and what belongs to one person alone ------------------------------------------------------


def _log_is_whole() -> Iterable[str]:
    try:
        audit.verify()
    except Exception as error:  # noqa: BLE001  (whatever it is, the chain does not verify)
        yield f"I9: the log does not verify: {error}"


def _private(arrived: Sequence[Arrived]) -> Iterable[str]:
    yield _sentence("I10", "messages show somebody else's name, address or facts", {
        one.message_id for one in arrived
        if set(CANARY.findall(one.raw.decode("utf-8", "replace"))) != set(CANARY.findall(one.reader))
    })  # fmt: skip
    yield _sentence("I10", "messages do not have exactly one reader", {
        one.message_id for one in arrived if not _has_one_reader(one)
    })  # fmt: skip


def _has_one_reader(one: Arrived) -> bool:
    message = one.message
    to = [address for _, address in getaddresses(message.get_all("To", []))]
    return to == [one.reader] and not message.get_all("Cc") and not message.get_all("Bcc")


def spilt(arrived: Sequence[Arrived], logs: Iterable[Path], bell: redis.Redis | None) -> Iterable[str]:
    """Addresses, names and links of people in logs, or in whatever Redis holds."""
    tokens = set(TOKEN.findall("".join(one.raw.decode("utf-8", "replace") for one in arrived)))
    places = {str(path.name): path.read_text(errors="replace") for path in logs if path.exists()}
    if bell is not None:
        places["Redis"] = _all_it_holds(bell)
    for place, text in places.items():
        if CANARY.search(text):
            yield f"I11: {place} holds a name or an address"
        if any(token in tokens for token in TOKEN.findall(text)):
            yield f"I11: {place} holds a link that opens a notice"


def _all_it_holds(bell: redis.Redis) -> str:
    held = []
    for key in bell.scan_iter():
        kind = bell.type(key)
        value: Any = {
            b"list": lambda key: bell.lrange(key, 0, -1),
            b"hash": bell.hgetall,
            b"set": bell.smembers,
            b"zset": lambda key: bell.zrange(key, 0, -1),
        }.get(kind, bell.get)(key)  # type: ignore[arg-type]
        held.append(f"{key!r} {value!r}")
    return "\n".join(held)
