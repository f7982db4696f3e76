"""Is anybody sending? Beat's tick runs in a worker and leaves its moment: where it is old, beat, broker or workers are
away, and mailings wait without a word.
"""

from datetime import datetime, timedelta

from django.db.models import Min
from django.utils import timezone

from notifications.models import Mailing, SendingPulse

PATIENCE = timedelta(minutes=1)
"""A tick comes every few seconds; a deploy and a busy hour take less than this."""


def silent_since(*, at: datetime | None = None) -> datetime | None:
    """Since when nothing has worked at mailings that should be going out; None where all is well, or none is."""
    at = at or timezone.now()
    started = Mailing.objects.filter(state=Mailing.State.RUNNING).aggregate(first=Min("started_at"))["first"]
    if started is None:
        return None
    pulse = SendingPulse.objects.filter(pk=1).values_list("at", flat=True).first()
    last = max(pulse, started) if pulse else started
    return last if at - last > PATIENCE else None
