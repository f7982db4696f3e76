"""How a mailing goes out: a few first, spread over hours, and what makes it hold by itself.

All of it stands in the outbox as moments (`not_before`): dispatch claims what is due and knows nothing of pace.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts import approvals, audit
from accounts.models import User
from notifications.mailings.said_no import NotNow
from notifications.models import Mailing, Outbox

HELD = datetime(2200, 1, 1, tzinfo=UTC)
"""Not before this: whoever waits for the first ones to prove harmless. Moved when they have."""
CANARY_FROM = 200  # people; below this the first ones would be most of them
CANARY_LEAST, CANARY_SHARE = 50, 100  # so many, or one in so many if that is more
FIELDS = (
    "canary", "canary_wait", "an_hour", "from_hour", "to_hour", "bounce_limit", "complaint_limit", "on_unknown",
)  # fmt: skip


def proposed_canary(people: int) -> int:
    return max(CANARY_LEAST, people // CANARY_SHARE) if people >= CANARY_FROM else 0


def propose_a_few_first(mailing: Mailing, *, by: User) -> None:
    """A mailing to many begins with a few of them, unless somebody says otherwise."""
    first = proposed_canary(mailing.recipients_count)
    if first and not mailing.canary and mailing.channel == Mailing.Channel.EMAIL:
        say_how(mailing, by=by, canary=first)


@transaction.atomic
def say_how(mailing: Mailing, *, by: User, at: datetime | None = None, **how: Any) -> bool:
    """Set some of FIELDS of a mailing that has not started; whether an approval ended by it. Raises NotNow."""
    mailing.refresh_from_db()
    if all(getattr(mailing, name) == value for name, value in how.items()):
        return False
    if not Mailing.objects.filter(pk=mailing.pk, state=Mailing.State.PREPARED).update(**how):
        raise NotNow(f"Mailing {mailing.number} is {mailing.get_state_display().lower()}: how it goes out is settled.")
    ended = approvals.void(act="mail", thing=mailing, because="how it goes out was changed", by=by, at=at)
    mailing.refresh_from_db()
    audit.record(act="mailing.paced", thing=mailing, by=by, at=at, incident=mailing.incident_id, how=how_of(mailing),
                 approvals_ended=ended)  # fmt: skip
    return bool(ended)


def how_of(mailing: Mailing) -> dict[str, Any]:
    """As it is approved and kept in the evidence. canary_wait: minutes."""
    return {
        "canary": mailing.canary, "canary_wait": mailing.canary_wait // timedelta(minutes=1),
        "an_hour": mailing.an_hour, "from_hour": mailing.from_hour, "to_hour": mailing.to_hour,
        "bounce_limit": str(mailing.bounce_limit.quantize(Decimal("0.01"))),
        "complaint_limit": str(mailing.complaint_limit.quantize(Decimal("0.01"))), "on_unknown": mailing.on_unknown,
    }  # fmt: skip


def how_hash(mailing: Mailing) -> str:
    return hashlib.sha256(audit.canonical(how_of(mailing)).encode()).hexdigest()


def in_words(mailing: Mailing) -> list[str]:
    """How it goes out, a sentence each."""
    said = []
    if mailing.canary:
        said.append(
            f"{mailing.canary:,} first, then {wait_in_words(mailing)} of waiting; the rest follows by itself if few of "
            "them come back, complain or stay unknown."
        )
    if mailing.an_hour:
        hours = -(-mailing.recipients_count // mailing.an_hour)
        said.append(f"No more than {mailing.an_hour:,} an hour: about {hours:,} {'hour' if hours == 1 else 'hours'}.")
    if mailing.from_hour is not None:
        said.append(f"Only between {mailing.from_hour:02}:00 and {mailing.to_hour:02}:00 UTC.")
    said.append(
        f"It holds by itself above {mailing.bounce_limit.normalize():f} % refused or bounced, or "
        f"{mailing.complaint_limit.normalize():f} % complaints."
    )
    return said


def wait_in_words(mailing: Mailing) -> str:
    minutes = mailing.canary_wait // timedelta(minutes=1)
    return "1 minute" if minutes == 1 else f"{minutes:,} minutes"


# Moments in the outbox ------------------------------------------------------------------------------------------

# Place in the row gives the moment: `an_hour` rows an hour, counted in open hours only. An open stretch begins at
# `opens` and lasts `open_for`; the moment of a row is as far into the stretches as its place says.
MOMENT = """%(opens)s::timestamptz + floor(extract(epoch FROM {far}) / %(open_for)s::numeric) * interval '1 day'
  + mod(extract(epoch FROM {far})::numeric, %(open_for)s::numeric) * interval '1 second'"""
FAR = "((row_number() OVER (ORDER BY {order}) - 1) * %(step)s::interval + %(late)s::interval)"

SPREAD = f"""
WITH placed AS (
  SELECT recipient_id, {FAR.format(order="not_before, recipient_id")} AS far
  FROM notifications_outbox WHERE mailing_id = %(mailing)s AND state = 'ready' AND {{which}}
)
UPDATE notifications_outbox o SET not_before = {MOMENT.format(far="placed.far")}
FROM placed WHERE o.recipient_id = placed.recipient_id
"""  # noqa: S608
QUEUE = """
INSERT INTO notifications_outbox (recipient_id, mailing_id, state, attempt_no, not_before)
SELECT r.id, r.mailing_id, 'ready',
  coalesce((SELECT max(number) FROM notifications_attempt a WHERE a.recipient_id = r.id), 0), {moment}
FROM notifications_recipient r WHERE r.mailing_id = %(mailing)s AND r.state = 'queued'
"""


def queue(mailing: Mailing, *, at: datetime) -> None:
    """At the start: an outbox row for everyone queued, due now, in its turn, or held until the first few prove well."""
    waits = bool(mailing.canary) and mailing.canary < mailing.recipients_count
    if waits:
        moment = "%(held)s::timestamptz"
    elif mailing.an_hour or mailing.from_hour is not None:
        moment = MOMENT.format(far=FAR.format(order="r.id"))
    else:
        moment = "statement_timestamp()"
    with connection.cursor() as cursor:
        cursor.execute(QUEUE.format(moment=moment), _given(mailing, at))
        if waits:  # anybody: the first of a list may all be of one kind
            cursor.execute(
                """UPDATE notifications_outbox SET not_before = statement_timestamp() WHERE recipient_id IN (
                     SELECT recipient_id FROM notifications_outbox WHERE mailing_id = %s
                     ORDER BY md5(recipient_id::text) LIMIT %s)""",
                [mailing.pk, mailing.canary],
            )


def release_held(mailing: Mailing, *, at: datetime) -> int:
    """Whoever waited for the first ones gets a moment; how many."""
    held = Outbox.objects.filter(mailing=mailing, not_before__gte=HELD)
    count = held.count()
    if mailing.an_hour or mailing.from_hour is not None:
        _spread(mailing, "not_before >= %(held)s", at=at)
    else:
        held.update(not_before=at)
    return count


def place_again(mailing: Mailing, *, at: datetime) -> None:
    """After a pause: the rest keeps its pace from now on, or all that fell due meanwhile would go at once."""
    if mailing.an_hour or mailing.from_hour is not None:
        _spread(mailing, "attempt_no = 0 AND not_before < %(held)s", at=at)


def _spread(mailing: Mailing, which: str, *, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SPREAD.format(which=which), _given(mailing, at))


def _given(mailing: Mailing, at: datetime) -> dict[str, Any]:
    opens, open_for = _stretch(mailing, at)
    return {
        "mailing": mailing.pk, "held": HELD, "opens": opens, "open_for": open_for.total_seconds(),
        "late": max(at - opens, timedelta(0)),
        "step": timedelta(hours=1) / mailing.an_hour if mailing.an_hour else timedelta(0),
    }  # fmt: skip


def _stretch(mailing: Mailing, at: datetime) -> tuple[datetime, timedelta]:
    """(when the open hours of now or next begin, how long they last)."""
    if mailing.from_hour is None or mailing.to_hour is None:
        return at, timedelta(days=1)
    open_for = timedelta(hours=(mailing.to_hour - mailing.from_hour) % 24)
    opens = at.astimezone(UTC).replace(hour=mailing.from_hour, minute=0, second=0, microsecond=0)
    if opens > at:
        opens -= timedelta(days=1)
    return (opens, open_for) if at < opens + open_for else (opens + timedelta(days=1), open_for)


def last_moment(mailing: Mailing) -> datetime | None:
    """When the last one that waits is due; None where nothing waits for a moment."""
    waiting = Outbox.objects.filter(mailing=mailing, not_before__gt=timezone.now(), not_before__lt=HELD)
    return waiting.order_by("-not_before").values_list("not_before", flat=True).first()


def is_open(mailing: Mailing, at: datetime) -> bool:
    """Whether it may go out at this hour of the day."""
    return _stretch(mailing, at)[0] <= at
