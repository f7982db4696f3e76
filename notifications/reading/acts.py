"""Opening a link, ticking, acknowledging."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from incidents.models import AffectedAccount, StepState
from notifications import links
from notifications.models import ReaderLink


def open_notice(token: str, *, at: datetime | None = None) -> ReaderLink:
    """Continue was pressed. Raises links.NoSuchLink, Revoked or Expired."""
    at = at or timezone.now()
    link = links.find(token, at=at)
    if link.address.withdrawn_at:
        raise links.Revoked(link)
    ReaderLink.objects.filter(pk=link.pk).update(first_opened_at=Coalesce("first_opened_at", at), opens=F("opens") + 1)
    return link


# What they do ---------------------------------------------------------------------------------------------------


def tick(
    affected: AffectedAccount, *, shown: Collection[int], ticked: Collection[int], at: datetime | None = None
) -> int:
    """Remember which of the steps shown are done; answers how many are ticked by the person now.

    shown and ticked are ids from a form: whatever is no step of theirs is left alone, and so is what we verified or
    did for them.
    """
    at = at or timezone.now()
    theirs = set(own_step_ids(affected)) & set(shown)
    done = theirs & set(ticked)
    states = StepState.objects.filter(affected_account=affected)
    ticked_state, open_state = StepState.State.TICKED, StepState.State.OPEN
    states.filter(step__in=theirs - done, state=ticked_state).update(state=open_state, at=at)
    StepState.objects.bulk_create(
        [StepState(affected_account=affected, step_id=step, state=ticked_state, at=at) for step in sorted(done)],
        ignore_conflicts=True,
    )
    states.filter(step__in=done, state=open_state).update(state=ticked_state, at=at)
    return states.filter(state=ticked_state, step__in=theirs).count()


def own_step_ids(affected: AffectedAccount) -> list[int]:
    """Of everyone's steps and those of their segments; also what is being edited, since it may have been published."""
    theirs = Q(segment=None) | Q(segment__in=affected.segments.all())
    return list(affected.incident.steps.filter(theirs).values_list("pk", flat=True))


def acknowledge(affected: AffectedAccount, *, at: datetime | None = None) -> bool:
    """They said they have read it. False where they had said so before: the first moment stands."""
    unsaid = AffectedAccount.objects.filter(pk=affected.pk, acknowledged_at=None)
    return bool(unsaid.update(acknowledged_at=at or timezone.now()))
