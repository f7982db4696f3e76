"""Rows an import left out: whoever they name is affected and on no list, until a person says what became of them."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import User
from incidents.models import Decision, ImportBatch, Incident


class NothingLeftOut(Exception):
    """No row of this import waits for an answer; the message says why."""


def left_out(incident: Incident) -> QuerySet[ImportBatch]:
    """Confirmed imports with rows nobody has answered for, newest first.

    A later import does not answer for them, however clean: it may be of other people. A person does, import by
    import, or by the later decision that the scope is final. A file of those to be ruled out names nobody who would
    be missing from the list.
    """
    scope_final = Decision.objects.standing().filter(
        incident=OuterRef("incident"), kind=Decision.Kind.SCOPE_FINAL, recorded_at__gte=OuterRef("confirmed_at")
    )
    return incident.import_batches.filter(
        ~Exists(scope_final), ~Q(mode=ImportBatch.Mode.RULE_OUT), state=ImportBatch.State.CONFIRMED,
        counts__rejected__gt=0, dealt_with_at=None,
    )  # fmt: skip


def waiting(incident: Incident) -> QuerySet[ImportBatch]:
    """Imports somebody has begun and nobody has ended yet, newest first."""
    state = ImportBatch.State
    return incident.import_batches.filter(state__in=[state.RECEIVED, state.READING, state.STAGED, state.CONFIRMING])


def growing(incident: Incident) -> QuerySet[ImportBatch]:
    """Those of them by which somebody may come onto the list."""
    return waiting(incident).exclude(mode=ImportBatch.Mode.RULE_OUT)


@transaction.atomic
def deal_with(batch: ImportBatch, *, because: str, by: User, at: datetime | None = None) -> ImportBatch:
    """The rows this import left out are dealt with. Raises NothingLeftOut where none wait."""
    at = at or timezone.now()
    open_still = ImportBatch.objects.filter(
        pk=batch.pk, state=ImportBatch.State.CONFIRMED, counts__rejected__gt=0, dealt_with_at=None
    )
    won = open_still.update(dealt_with_at=at, dealt_with_by=by, dealt_with_because=because)
    batch.refresh_from_db()
    if not won:
        raise NothingLeftOut(_why_not(batch))
    audit.record(act="import.dealt_with", thing=batch, by=by, at=at, incident=batch.incident_id,
                 rows=batch.counts["rejected"], because=because)  # fmt: skip
    return batch


def _why_not(batch: ImportBatch) -> str:
    if batch.dealt_with_by:
        return (
            f"{batch.dealt_with_by.get_full_name()} has already said what became of the rows of import {batch.number}."
        )
    return f"Import {batch.number} left no row out, or was not imported: there is nothing to deal with."
