"""Who works on an import: whoever holds its lock, for as long as they live.

The lock belongs to the session in PostgreSQL, so it ends with whoever holds it: killed workers let go at once, lost
machines once PostgreSQL misses them. No clock decides that somebody is dead, and two never work on one import.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import kombu.exceptions
from celery import current_app
from django.db import connection, transaction

from incidents.models import ImportBatch

logger = logging.getLogger(__name__)

LOCK = 0x574F524B  # advisory lock; the second number is the batch's

# Without these PostgreSQL would miss a machine that lost its power only after two hours.
KEEP_ASKING = """
SELECT set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false),
       set_config('tcp_keepalives_count', '3', false)
"""
HELD = """
SELECT objid FROM pg_locks
 WHERE locktype = 'advisory' AND classid = %s AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@contextmanager
def claimed(batch: ImportBatch) -> Iterator[bool]:
    """Whether the batch is ours to work on until the end of the block; False: somebody else works on it."""
    with connection.cursor() as cursor:
        cursor.execute(KEEP_ASKING)
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, batch.pk])
        ours = cursor.fetchone()[0]
    try:
        yield ours
    finally:
        if ours and connection.connection and not connection.connection.closed and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, batch.pk])


def worked_on() -> set[int]:
    """The batches that somebody works on now."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, [LOCK])
        return {number for (number,) in cursor.fetchall()}


def ring() -> None:
    """Wake a worker once this transaction is there to be seen. A lost ring is no loss: beat rings again."""
    transaction.on_commit(_ring)


def _ring() -> None:
    try:
        current_app.send_task("incidents.tasks.work_imports", expires=60, retry=False)
    except kombu.exceptions.OperationalError:
        logger.warning("The broker is away: no worker could be rung for an import; beat tries again")
