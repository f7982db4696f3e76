"""A provider said not now: how long a message waits, and when we have tried often enough."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db.models import Count, Min
from django.db.models.functions import Now

from notifications.models import Attempt
from notifications.outcomes import Outcome, Result

BACKOFF = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180)]  # the last one repeats
TRIES = 8
TRY_FOR = timedelta(hours=24)


def waiting_times(results: dict[int, Result], *, attempts: Any = Attempt) -> dict[int, timedelta | None]:
    """How long each row that goes back waits; None: it has been tried often enough."""
    waits: dict[int, timedelta | None] = {
        pk: timedelta(0) for pk, result in results.items() if result.outcome == Outcome.RELEASED and not result.cancels
    }
    retried = {pk: result for pk, result in results.items() if result.outcome == Outcome.RETRY}
    if retried:
        tried = {
            pk: (count, age)
            for pk, count, age in attempts.objects.filter(recipient__in=retried, outcome=Outcome.RETRY)
            .order_by().values_list("recipient").annotate(Count("pk"), age=Now() - Min("claimed_at"))
        }  # fmt: skip
        for pk, result in retried.items():
            count, age = tried.get(pk, (0, timedelta(0)))
            wait = max(BACKOFF[min(count, len(BACKOFF) - 1)], result.retry_after or timedelta(0))
            waits[pk] = None if count + 1 >= TRIES or age > TRY_FOR else min(wait, TRY_FOR)
    return waits


def given_up(result: Result) -> Result:
    return replace(result, outcome=Outcome.FAILED, reply=f"Given up after many tries. {result.reply}"[:300])
