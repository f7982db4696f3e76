"""Acts of editing in the staff room: begin, save, delete, move, hold back.

Each leaves one AuditEntry and, where the page might say something else afterwards, ends a living approval to publish.
Nothing becomes public here.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Max

from accounts import approvals, audit
from accounts.models import User
from incidents.models import Correction, Incident, Segment, Update

# What these rows are called in the log.
NOUNS = {
    "incident": "incident", "update": "update", "timelineevent": "event", "scopeestimate": "estimate",
    "segment": "segment", "exposure": "exposure", "step": "step", "measure": "measure", "indicator": "indicator",
    "faqentry": "question", "contact": "contact", "reference": "reference",
}  # fmt: skip
NEVER_PUBLISHED = frozenset({"internal_notes", "exposed_channels"})

# A row of guidance, or an Update: all have `incident`, `position`, `edits` and `held_back`.
Row = Any


class EditedMeanwhile(Exception):
    """Somebody saved this after the form was opened. `theirs` is what stands there now; None where it was deleted."""

    def __init__(self, theirs: Row) -> None:
        super().__init__("Somebody else saved this after you had opened it.")
        self.theirs = theirs


class AlreadyPublished(Exception):
    """It was said in public and stays as it is: write a correction."""


class InUse(Exception):
    """Something else still points at this row, so that it cannot be deleted; the message says what to do."""


def touched(incident: Incident, *, by: User | None, at: datetime | None = None) -> None:
    """The page may say something else now: whoever approved it approved something that no longer stands there."""
    approvals.void(act="publish", thing=incident, because="The incident was edited after the request", by=by, at=at)


@transaction.atomic
def begin(incident: Incident, *, by: User, at: datetime | None = None) -> Incident:
    """A new incident, private whatever it says."""
    incident.visibility = Incident.Visibility.PRIVATE
    incident.created_by = by
    incident.save(force_insert=True)
    _record(incident, "begun", by=by, at=at, drill=incident.drill)
    return incident


@transaction.atomic
def save_incident(incident: Incident, *, changed: Iterable[str], started_from: int, by: User,
                  at: datetime | None = None) -> None:  # fmt: skip
    """The frame of an incident: title, summary, visibility … Raises EditedMeanwhile and saves nothing.

    changed: names of the fields that differ. started_from: the `edits` the form was opened with.
    """
    changed = sorted(changed)
    _claim(incident, started_from)
    incident.save(update_fields=[*changed, "edits"])
    if not NEVER_PUBLISHED.issuperset(changed):
        touched(incident, by=by, at=at)
    _record(incident, "changed", by=by, at=at, fields=changed)


@transaction.atomic
def add(row: Row, *, by: User, at: datetime | None = None) -> None:
    """A new row, at the end of its section."""
    last = siblings(row).aggregate(last=Max("position"))["last"]
    row.position = (last or 0) + 1
    row.save(force_insert=True)
    _end(row, "added", by=by, at=at, shown=not row.held_back)


@transaction.atomic
def save(row: Row, *, changed: Iterable[str], started_from: int, by: User, at: datetime | None = None) -> None:
    """Raises EditedMeanwhile, or AlreadyPublished for an Update, and saves nothing."""
    before = _claim(row, started_from)
    _refuse_published(before)
    row.position = before.position  # somebody may have moved it while the form was open
    row.save()
    _end(row, "changed", by=by, at=at, shown=not (before.held_back and row.held_back), fields=sorted(changed))


@transaction.atomic
def write(update: Update, correction: Correction | None = None, *, changed: Iterable[str] = (), started_from: int = 0,
          next_update_by: datetime | None = None, by: User, at: datetime | None = None) -> None:  # fmt: skip
    """A draft update, new or changed, what it corrects, and, where that was changed, the promise of the next one."""
    if "next_update_by" in changed:  # its lock before the log's, as in publishing
        Incident.objects.select_for_update(no_key=True).get(pk=update.incident_id)
    if update._state.adding:
        update.written_by = by
        add(update, by=by, at=at)
    else:
        save(update, changed=changed, started_from=started_from, by=by, at=at)
    if correction is not None:
        correction.update = update
        correction.save()
    if "next_update_by" in changed:
        promise = Incident.objects.filter(pk=update.incident_id)
        promise.update(next_update_by=next_update_by, edits=models.F("edits") + 1)
        _record(update.incident, "changed", by=by, at=at, fields=["next_update_by"])


@transaction.atomic
def delete(row: Row, *, by: User, at: datetime | None = None) -> None:
    """Raises AlreadyPublished for an Update that was said, InUse where something else rests on the row."""
    held = type(row)._default_manager.select_for_update().get(pk=row.pk)
    _refuse_published(held)
    if isinstance(held, Segment) and held.affected_accounts.exists():
        raise InUse("Accounts on the list of those affected belong to this segment. Hold it back instead.")
    try:
        with transaction.atomic():
            held.delete()
    except (models.ProtectedError, models.RestrictedError) as problem:
        raise InUse(
            "Something else still rests on this: a decision, an estimate, a correction or a step somebody ticked. "
            "Hold it back instead; then it stays off the page."
        ) from problem
    _end(row, "deleted", by=by, at=at, shown=not held.held_back)


@transaction.atomic
def move(row: Row, *, up: bool, by: User, at: datetime | None = None) -> bool:
    """One place up or down among the rows of its section. False where there is no further place."""
    rows = list(siblings(row).select_for_update(no_key=True))
    here = next(number for number, other in enumerate(rows) if other.pk == row.pk)
    there = here - 1 if up else here + 1
    if not 0 <= there < len(rows):
        return False
    rows[here], rows[there] = rows[there], rows[here]
    for position, other in enumerate(rows, start=1):
        other.position = position
    type(row)._default_manager.bulk_update(rows, ["position"])
    _end(row, "moved", by=by, at=at, shown=not row.held_back, up=up)
    return True


@transaction.atomic
def hold_back(row: Row, *, held: bool, by: User, at: datetime | None = None) -> bool:
    """Keep it off the page, or let it onto the next publication. False where it stood that way already."""
    if (
        not type(row)
        ._default_manager.filter(pk=row.pk, held_back=not held)
        .update(held_back=held, edits=models.F("edits") + 1)
    ):
        return False
    _end(row, "held_back" if held else "let_through", by=by, at=at)
    return True


def siblings(row: Row) -> models.QuerySet:
    """All rows of its section, in their order."""
    return type(row)._default_manager.filter(incident_id=row.incident_id)


def _claim(row: Row, started_from: int) -> Row:
    """Compare-and-set; the row as it stood. The lock holds until the transaction ends."""
    model = type(row)
    before = model._default_manager.select_for_update(no_key=True).filter(pk=row.pk).first()
    if before is None or before.edits != started_from:
        raise EditedMeanwhile(before)
    row.edits = started_from + 1
    return before


def _refuse_published(row: Row) -> None:
    if isinstance(row, Update) and row.published_at is not None:
        raise AlreadyPublished("This update is public and stays as it was said. Write a correction.")


def _end(row: Row, done: str, *, by: User, at: datetime | None, shown: bool = True, **facts: object) -> None:
    if shown:
        touched(row.incident, by=by, at=at)
    _record(row, done, by=by, at=at, **facts)


def _record(row: Row, done: str, *, by: User, at: datetime | None, **facts: object) -> None:
    incident = row.pk if isinstance(row, Incident) else row.incident_id
    noun = NOUNS[type(row)._meta.model_name or ""]
    audit.record(act=f"{noun}.{done}", thing=row, by=by, at=at, incident=incident, **facts)
