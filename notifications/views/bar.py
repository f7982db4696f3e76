"""A mailing's progress as one bar: where each piece begins and how wide it is, and how fast it goes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from notifications.models import Mailing, Recipient

State = Recipient.State

ORDER = [
    State.DELIVERED, State.ACCEPTED, State.SENDING, State.UNKNOWN, State.UNCONFIRMED, State.BOUNCED, State.FAILED,
    State.CANCELLED, State.LETTER, State.QUEUED, State.PREPARED,
]  # fmt: skip
LEAST = 0.4  # per cent: what is not zero is seen
STRETCH, BUCKET = timedelta(minutes=2), timedelta(seconds=10)


@dataclass(frozen=True)
class Piece:
    """x and width are SVG attributes: they have a point whatever the reader's language."""

    state: str
    count: int
    x: str
    width: str


def pieces(counts: dict[str, int]) -> list[Piece]:
    """In a fixed order, wide enough to be seen, together 100 %."""
    present = [(state.value, counts[state]) for state in ORDER if counts.get(state)]
    total = sum(count for _, count in present)
    widths = [max(100 * count / total, LEAST) for _, count in present]
    scale = 100 / sum(widths) if widths else 1
    made, x = [], 0.0
    for (state, count), width in zip(present, widths, strict=True):
        made.append(Piece(state, count, f"{x:.2f}%", f"{width * scale:.2f}%"))
        x += width * scale
    return made


def shares(of: dict) -> dict:
    """A row of a table by provider or domain: {name, total, pieces} of a tally's {name, counts, total}."""
    counts = of["counts"]
    return of | {"pieces": [(state.value, counts[state]) for state in ORDER if counts.get(state)]} | {
        "others": [(name, count) for name, count in sorted(counts.items()) if name not in State.values]
    }  # fmt: skip


@dataclass(frozen=True)
class Rate:
    """Messages handed over lately. line: points of a polyline 100 wide and 20 high."""

    a_minute: int
    minutes_left: int | None
    line: str


def rate(mailing: Mailing, counts: dict[str, int], *, at: datetime) -> Rate:
    start = at - STRETCH
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT floor(extract(epoch FROM b.claimed_at - %s) / %s)::int, count(*)
               FROM notifications_sendbatch b JOIN notifications_attempt a ON a.batch_id = b.id
               JOIN notifications_recipient r ON r.id = a.recipient_id
               WHERE b.claimed_at >= %s AND b.claimed_at < %s AND r.mailing_id = %s
               GROUP BY 1""",
            [start, BUCKET.total_seconds(), start, at, mailing.pk],
        )
        found = dict(cursor.fetchall())
    buckets = [found.get(number, 0) for number in range(STRETCH // BUCKET)]
    a_minute = sum(buckets[-(timedelta(minutes=1) // BUCKET) :])
    waiting = counts.get(State.QUEUED, 0) + counts.get(State.SENDING, 0)
    return Rate(a_minute, -(-waiting // a_minute) if a_minute and waiting else None, _line(buckets))


def _line(buckets: list[int]) -> str:
    highest = max(*buckets, 1)
    step = 100 / (len(buckets) - 1)
    return " ".join(f"{number * step:.1f},{19 - 18 * count / highest:.1f}" for number, count in enumerate(buckets))
