"""The audit chain: who did what to which thing, when, each entry sealed to the one before.

An entry's hash is SHA-256 over a domain word, the previous hash and the entry's canonical JSON, so that an edit,
a deletion, an insertion or a new order breaks the chain at a place that can be named. Cutting the tail, or writing all
of it anew, is what a chain alone cannot show: see anchoring.py.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from django.db import connection, models, transaction

from accounts.models import AuditEntry, User

GENESIS = "0" * 64
DOMAIN = b"candor.audit.v1\n"
CHAIN_LOCK = 0x43414E44  # advisory lock, held until commit: entries are numbered in commit order


class BrokenChain(Exception):
    """The chain does not verify; the message names the first entry that is wrong."""


def canonical(value: object) -> str:
    """JSON with sorted keys, no spaces, no escapes: one text for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def seal(previous: str, body: str) -> str:
    return hashlib.sha256(DOMAIN + previous.encode() + b"\n" + body.encode()).hexdigest()


def name_of(thing: models.Model) -> str:
    """`app.model:id`, the way a thing is named in entries and approvals."""
    return f"{thing._meta.label_lower}:{thing.pk}"


def record(*, act: str, thing: models.Model, by: User | None, at: datetime | None = None,
           incident: int | None = None, **facts: object) -> AuditEntry:  # fmt: skip
    """Append one entry, in the transaction of the act itself.

    act: `noun.verb` in the past ("mailing.started"). by: None means the system. facts: counts, hashes, ids and
    states; never an address or a name of an affected person. Call it last in a long transaction: the chain's lock
    is held until commit.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("audit.record belongs into the transaction of the act it records")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
    head = AuditEntry.objects.order_by("-number").values("number", "hash").first() or {
        "number": 0,
        "hash": GENESIS,
    }
    at = at or datetime.now(UTC)
    entry = AuditEntry(
        number=head["number"] + 1, at=at, by=by, act=act, thing=name_of(thing), incident=incident,
        previous=head["hash"],
    )  # fmt: skip
    entry.body = canonical({
        "number": entry.number, "at": utc(at), "by": by.pk if by else None, "act": act,
        "thing": entry.thing, "incident": incident, "facts": facts,
    })  # fmt: skip
    entry.hash = seal(entry.previous, entry.body)
    entry.save(force_insert=True)
    return entry


def verify(*, heads: Mapping[int, str] | None = None) -> int:
    """Walk the chain from its beginning; the number of entries that hold.

    heads: hash by number of entries that were signed and kept outside (see anchoring.verify, which trusts none of them
    unasked). Raises BrokenChain at the first place that does not hold.
    """
    heads = heads or {}
    previous, number, held = GENESIS, 0, 0
    for entry in AuditEntry.objects.order_by("number").iterator(chunk_size=2000):
        number += 1
        told = (entry.number, entry.previous, entry.hash)
        if told != (number, previous, seal(previous, entry.body)):
            raise BrokenChain(f"audit entry {entry.number} does not follow from entry {number - 1}")
        if columns_of(json.loads(entry.body)) != (entry.number, utc(entry.at), entry.by_id, entry.act, entry.thing,
                                                  entry.incident):  # fmt: skip
            raise BrokenChain(f"audit entry {entry.number}: a column differs from what was sealed")
        if heads.get(number, entry.hash) != entry.hash:
            raise BrokenChain(
                f"audit entry {number} is not the one that was signed: entries {held + 1} to {number} were written anew"
            )
        held = number if number in heads else held
        previous = entry.hash
    if heads and max(heads) > number:
        raise BrokenChain(
            f"the chain ends with audit entry {number}, and entry {max(heads)} was signed: its end was cut off"
        )
    return number


def columns_of(body: dict) -> tuple:
    """What the columns beside a sealed body must repeat."""
    return tuple(body[name] for name in ("number", "at", "by", "act", "thing", "incident"))


def utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
