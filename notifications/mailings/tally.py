"""What a mailing has come to, in numbers: by state, by provider, by the domain of the addresses.

A million rows take a while to count, and many people look at once: the last count is kept, and counted anew once it
is ten times as old as counting takes. A small mailing is counted at every look.
"""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from notifications.mailings import sums
from notifications.models import Mailing, MailingTally

DOMAINS = 10
REST = ""  # the name under which the rest of the domains is summed
AT_ONCE = timedelta(milliseconds=100)
TIMES_AS_OLD = 10

OWN = "r.channel = m.channel AND (r.channel = 'email' OR r.address_id IS NOT NULL)"
COUNTS = f"""
SELECT r.state, count(*) FROM notifications_recipient r JOIN notifications_mailing m ON m.id = r.mailing_id
WHERE m.id = %(mailing)s AND {OWN} GROUP BY r.state
"""  # noqa: S608
# Each address's domain with its states; below the largest ones they are one.
BY_DOMAIN = """
WITH per AS MATERIALIZED (
  SELECT split_part(a.normal, '@', 2) AS domain, r.state, count(*) AS many
  FROM notifications_recipient r JOIN accounts_address a ON a.id = r.address_id
  WHERE r.mailing_id = %(mailing)s AND r.channel = 'email' GROUP BY 1, 2
), largest AS (
  SELECT domain FROM per GROUP BY domain ORDER BY sum(many) DESC, domain LIMIT %(domains)s
)
SELECT COALESCE(largest.domain, %(rest)s), per.state, sum(per.many)::bigint
FROM per LEFT JOIN largest USING (domain) GROUP BY 1, 2
"""
# Of each batch every attempt went to one provider.
BY_PROVIDER = """
SELECT b.provider, COALESCE(NULLIF(t.outcome, ''), 'sending'), count(*)
FROM notifications_recipient r JOIN notifications_attempt t ON t.recipient_id = r.id
JOIN notifications_sendbatch b ON b.id = t.batch_id WHERE r.mailing_id = %(mailing)s GROUP BY 1, 2
"""


def tally(mailing: Mailing, *, at: datetime) -> MailingTally:
    """The numbers, with the moments they were counted at. Of several who look at once one counts."""
    kept = MailingTally.objects.filter(pk=mailing.pk).first()
    due = _due(kept, at)
    if kept and not any(due):
        return kept
    with transaction.atomic():
        if kept and kept.took + kept.detail_took > AT_ONCE and not _may_count(mailing):
            return kept
        return _count(mailing, at, *due)


def summed(mailing: Mailing, *, at: datetime) -> dict[str, Any]:
    """What became of the people of a mailing that is over, as sums.of counts it; kept like the numbers above."""
    kept = MailingTally.objects.filter(pk=mailing.pk).first()
    if kept and kept.summed_at and not _is_old(kept.summed_at, kept.sum_took, at):
        return kept.sums
    began = time.monotonic()
    found = sums.of(mailing)
    MailingTally.objects.update_or_create(
        mailing=mailing,
        defaults={"sums": found, "summed_at": at, "sum_took": _since(began)},
        create_defaults={
            "sums": found,
            "summed_at": at,
            "sum_took": _since(began),
            "counted_at": at,
            "took": timedelta(0),
        },
    )
    return found


def _due(kept: MailingTally | None, at: datetime) -> tuple[bool, bool]:
    """Whether the states, and the details, are to be counted now."""
    if kept is None or kept.detailed_at is None:
        return True, True
    return _is_old(kept.counted_at, kept.took, at), _is_old(kept.detailed_at, kept.detail_took, at)


def _is_old(counted_at: datetime, took: timedelta, at: datetime) -> bool:
    return took <= AT_ONCE or at - counted_at >= took * TIMES_AS_OLD


def _may_count(mailing: Mailing) -> bool:
    return bool(MailingTally.objects.select_for_update(skip_locked=True).filter(pk=mailing.pk))


def _count(mailing: Mailing, at: datetime, states: bool, details: bool) -> MailingTally:
    given: dict[str, Any] = {"mailing": mailing.pk, "domains": DOMAINS, "rest": REST}
    found: dict[str, Any] = {}
    with connection.cursor() as cursor:
        if states:
            began = time.monotonic()
            cursor.execute(COUNTS, given)
            found |= {"counts": dict(cursor.fetchall()), "counted_at": at, "took": _since(began)}
        if details:
            began = time.monotonic()
            cursor.execute(BY_DOMAIN, given)
            domains = _grouped(cursor.fetchall())
            domains.sort(key=lambda one: (one["name"] == REST, -one["total"], one["name"]))
            cursor.execute(BY_PROVIDER, given)
            found |= {
                "domains": domains, "providers": _grouped(cursor.fetchall()), "detailed_at": at,
                "detail_took": _since(began),
            }  # fmt: skip
    return MailingTally.objects.update_or_create(mailing=mailing, defaults=found)[0]


def _since(began: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - began)


def _grouped(rows: list[tuple[str, str, int]]) -> list[dict]:
    """[{name, counts, total}] of (name, state, count)."""
    named: dict[str, dict[str, int]] = {}
    for name, state, count in rows:
        named.setdefault(name, {})[state] = count
    return [{"name": name, "counts": counts, "total": sum(counts.values())} for name, counts in named.items()]
