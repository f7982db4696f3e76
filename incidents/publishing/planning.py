"""Publishing at a moment to come: a row that the tick picks up. What was approved is published, or nothing."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from accounts import approvals, audit
from accounts.models import User
from incidents import documents
from incidents.models import Incident, PlannedPublication
from incidents.publishing.acts import ACT, DrillStaysInside, NothingNew, NotReady, is_minor, may_be_said, publish
from incidents.publishing.versions import now
from incidents.rewording import NotMinor

logger = logging.getLogger(__name__)

LATE = timedelta(minutes=15)
FURTHEST = timedelta(days=31)
CANNOT = (approvals.NotApproved, NotReady, NothingNew, NotMinor, DrillStaysInside)


class NotAPlan(Exception):
    """The moment cannot be planned for, or no plan is open; the message says why."""


def open_plan(incident: Incident) -> PlannedPublication | None:
    return incident.planned_publications.filter(ended_at=None).select_related("by", "approval").first()


def last_stopped(incident: Incident) -> PlannedPublication | None:
    """The newest plan, where it came to nothing by itself: somebody has to look."""
    newest = incident.planned_publications.select_related("by").first()
    return newest if newest and newest.stopped else None


@transaction.atomic
def plan(incident: Incident, *, due_at: datetime, by: User, at: datetime | None = None) -> PlannedPublication:
    """Publish then what is approved now. An earlier plan ends. Raises NotAPlan, and what `publish` raises."""
    at = at or now()
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    if due_at <= at:
        raise NotAPlan("This moment has passed. Publish at once, or choose a later one.")
    if due_at > at + FURTHEST:
        raise NotAPlan("This is more than a month away. Choose an earlier moment.")
    approval = approvals.living(ACT, incident)
    if is_minor(approval):
        raise NotAPlan("This was asked for as a minor edit. Publish it now; there is nothing to wait for.")
    may_be_said(incident, due_at)
    if approval is None or approval.given_at is None:
        raise approvals.NotApproved("A second person has not approved this yet.")
    if approval.hashes != {"content": documents.content_hash(documents.freeze(incident))}:
        raise approvals.NotApproved("It was changed after it was approved. Ask again for what stands there now.")
    incident.planned_publications.filter(ended_at=None).update(ended_at=at)
    made = PlannedPublication.objects.create(incident=incident, approval=approval, due_at=due_at, by=by, made_at=at)
    audit.record(act="page.planned", thing=incident, by=by, at=at, incident=incident.pk, approval=approval.pk,
                 due_at=due_at.isoformat())  # fmt: skip
    return made


@transaction.atomic
def cancel(incident: Incident, *, by: User, at: datetime | None = None) -> None:
    """Nothing is published by itself any more; the approval stays. Raises NotAPlan where no plan is open."""
    at = at or now()
    if not incident.planned_publications.filter(ended_at=None).update(ended_at=at):
        raise NotAPlan("Nothing is planned any more.")
    audit.record(act="page.plan_cancelled", thing=incident, by=by, at=at, incident=incident.pk)


def carry_out(*, at: datetime | None = None) -> int:
    """Publish what is due; the number published. What cannot be published says why and waits for a person."""
    at = at or now()
    due = PlannedPublication.objects.filter(ended_at=None, due_at__lte=at).order_by("due_at", "pk")
    return sum(_carry_out(pk, at) for pk in due.values_list("pk", flat=True))


def _carry_out(pk: int, at: datetime) -> bool:
    with transaction.atomic():
        open_still = PlannedPublication.objects.filter(pk=pk, ended_at=None).select_related("incident", "by")
        due = open_still.select_for_update(of=("self",), skip_locked=True).first()
        if due is None:
            return False
        try:
            with transaction.atomic():
                if late := _too_late(due, at):
                    raise NotAPlan(late)
                due.version = publish(due.incident, by=due.by, at=at)
        except (*CANNOT, NotAPlan) as problem:
            due.stopped = str(problem)
            audit.record(act="page.plan_stopped", thing=due.incident, by=None, at=at, incident=due.incident_id,
                         because=due.stopped)  # fmt: skip
            logger.error("the publication planned for incident %s was stopped", due.incident_id)
        due.ended_at = at
        due.save(update_fields=["version", "ended_at", "stopped"])
        return due.version is not None


def _too_late(due: PlannedPublication, at: datetime) -> str:
    if at > due.due_at + LATE:
        return "Its moment passed while this installation was not running. Look at the page again, then publish it."
    if not (due.by.is_active and due.by.has_perm("accounts.send")):
        return "Whoever planned it may not publish any more. Somebody else has to publish it."
    return ""
