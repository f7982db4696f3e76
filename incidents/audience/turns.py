"""Whoever changes a list does so alone, and nobody compares a file with a list that is just being changed."""

from collections.abc import Callable

from django.db import connection

from incidents.audience import claiming
from incidents.models import ImportBatch

LOCK = 0x41554449  # advisory lock; the second number is the incident's, 0 the accounts' of the house

# Whoever holds the claim to the batch (see claiming) waits for a lock of ours.
WAITS = """
SELECT EXISTS (SELECT FROM pg_locks waits JOIN pg_locks claim USING (pid)
                WHERE waits.locktype = 'advisory' AND waits.classid = %s AND NOT waits.granted
                  AND claim.locktype = 'advisory' AND claim.classid = %s AND claim.objid = %s AND claim.granted)
"""
TAKEN = """
SELECT EXISTS (SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND classid = %s AND objid = ANY(%s) AND granted AND mode = 'ExclusiveLock'
                  AND pid <> pg_backend_pid()
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


def take_turn(incident: int, waiting: Callable[[], object] | None = None) -> None:
    """One import into an incident at a time, and one at a time into the accounts of the house: without the second
    lock two incidents could each make an account for the same person. Until the end of the transaction.

    waiting: called when somebody else has their turn, and this one has to wait.
    """
    with connection.cursor() as cursor:
        for number in (incident, 0):
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, number])
            if cursor.fetchone()[0]:
                continue
            if waiting:
                waiting()
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, number])


def hold_list(incident: int) -> None:
    """The list of the incident stays as it is until the end of the transaction. Others may look at the same time.

    A comparison that ended after a save had begun would otherwise count as one with the list as it is now.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [LOCK, incident])


def taken(incident: int) -> bool:
    """Whether whoever wants a turn now would have to wait."""
    with connection.cursor() as cursor:
        cursor.execute(TAKEN, [LOCK, [incident, 0]])
        return cursor.fetchone()[0]


def waits(batch: ImportBatch) -> bool:
    """Whether whoever saves it waits until another import is saved."""
    with connection.cursor() as cursor:
        cursor.execute(WAITS, [LOCK, claiming.LOCK, batch.pk])
        return cursor.fetchone()[0]
