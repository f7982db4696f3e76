"""Is anybody sending? Beat's tick runs in a worker and leaves its moment: where it is old, beat, broker or workers are
away, and mailings wait without a word.
"""

from datetime import datetime, timedelta

from django.db import NotSupportedError, ProgrammingError, connection, transaction
from django.db.models import Min
from django.utils import timezone

from notifications.models import Mailing, SendingPulse

PATIENCE = timedelta(minutes=1)
"""A tick comes every few seconds; a deploy and a busy hour take less than this."""
SILENCE = timedelta(hours=1)
"""Beat was away longer than this: an outage, or a restored copy whose mailings were sent long ago."""


def silent_since(*, at: datetime | None = None) -> datetime | None:
    """Since when nothing has worked at mailings that should be going out; None where all is well, or none is."""
    at = at or timezone.now()
    started = Mailing.objects.filter(state=Mailing.State.RUNNING).aggregate(first=Min("started_at"))["first"]
    if started is None:
        return None
    pulse = SendingPulse.objects.filter(pk=1).values_list("at", flat=True).first()
    last = max(pulse, started) if pulse else started
    return last if at - last > PATIENCE else None


def beat_has_looked() -> bool:
    """Whether anything may be sent: after an outage, or in a restored copy, beat must look first, since it holds what
    was going out then. See watching.hold_after_silence.
    """
    pulse = SendingPulse.objects.filter(pk=1).first()
    return pulse is None or (pulse.database in ("", which_database()) and timezone.now() - pulse.at < SILENCE)


# The cluster, the database in it, and its timeline: a dump is restored into another database, recovery from a base
# backup and the promotion of a stand-by begin another timeline. A crash and a restart change none of them.
WHICH_DATABASE = """
SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()), d.oid,
  left(pg_walfile_name(pg_current_wal_lsn()), 8)) FROM pg_database d WHERE d.datname = current_database()
"""


def which_database() -> str:
    """Empty where this role may not ask."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(WHICH_DATABASE)
            return cursor.fetchone()[0]
    except (ProgrammingError, NotSupportedError):
        return ""
