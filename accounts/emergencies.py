"""Breaking the glass: one person publishes where two are demanded. With a reason, loudly, and looked at afterwards.

Only for publishing: a wrong sentence on a page can be corrected, a message that was sent cannot be called back.
"""

from datetime import datetime

from django.db import models, transaction
from django.utils import timezone

from accounts import approvals, audit
from accounts.models import Approval, Organisation, User

LONG_ENOUGH = 20  # characters of a reason


class NotAnEmergency(Exception):
    """No glass to break, or no reason given; the message says which."""


@transaction.atomic
def break_glass(*, thing: models.Model, hashes: dict[str, str], summary: str, because: str, by: User, page: str,
                incident: int, at: datetime | None = None) -> Approval:  # fmt: skip
    """Stand in for the second person's yes to exactly this; to be used in the same transaction. Void: what was asked.

    Raises NotAnEmergency. Everybody who may approve or administers is mailed by the next tick (asking_by_mail).
    """
    if not Organisation.get().sign_offs:
        raise NotAnEmergency("Nobody else has to say yes here: publish as always.")
    if len(because.strip()) < LONG_ENOUGH:
        raise NotAnEmergency("Say in a sentence why this cannot wait for somebody else.")
    at = at or timezone.now()
    approvals.void(act=Approval.Act.PUBLISH, thing=thing, because="published by one person alone", by=by, at=at)
    approval = Approval.objects.create(
        act=Approval.Act.PUBLISH, thing=audit.name_of(thing), incident=incident, hashes=hashes, summary=summary,
        page=page, needs=0, asked_by=by, authors=[by.pk], asked_at=at, given_at=at, alone_because=because.strip(),
    )  # fmt: skip
    facts = {"of": Approval.Act.PUBLISH.value, "about": approval.thing, "hashes": hashes, "needs": 0}
    audit.record(act="approval.asked", thing=approval, by=by, at=at, incident=incident, **facts)
    audit.record(act="approval.alone", thing=approval, by=by, at=at, incident=incident, because=because.strip())
    return approval


def unreviewed() -> models.QuerySet[Approval]:
    """What one person published alone and nobody else has looked at."""
    return Approval.objects.exclude(alone_because="").filter(reviewed_at=None).select_related("asked_by")


def obstacle(approval: Approval, *, by: User) -> str:
    """Why this person may not review it, in words for them; empty where they may."""
    if approval.asked_by_id == by.pk:
        return "You did this yourself; somebody else has to look at it."
    if not by.has_perm("accounts.approve"):
        return "Your role cannot approve."
    if not approval.alone_because or approval.reviewed_at:
        return "It was looked at already, or there is nothing to look at."
    return ""


@transaction.atomic
def review(approval: Approval, *, agrees: bool, by: User, words: str = "", at: datetime | None = None) -> Approval:
    """Another person's judgement, afterwards. It undoes nothing. Raises approvals.NotAllowed."""
    at = at or timezone.now()
    approval = Approval.objects.select_for_update().get(pk=approval.pk)
    if reason := obstacle(approval, by=by):
        raise approvals.NotAllowed(reason)
    if not agrees and not words.strip():
        raise approvals.NotAllowed("Say what you object to: somebody has to mend it.")
    approval.reviewed_by, approval.reviewed_at, approval.review_agrees = by, at, agrees
    approval.review_words = words.strip()
    approval.save(update_fields=["reviewed_by", "reviewed_at", "review_agrees", "review_words"])
    audit.record(act="approval.reviewed", thing=approval, by=by, at=at, incident=approval.incident, agrees=agrees)
    return approval
