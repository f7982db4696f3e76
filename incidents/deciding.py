"""Recording what was decided. A decision is never changed; a later one supersedes it."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.models import User
from incidents.models import Decision


class AlreadySuperseded(Exception):
    """Somebody else recorded a decision that supersedes the same one."""


@transaction.atomic
def decide(decision: Decision, *, by: User, at: datetime | None = None) -> Decision:
    decision.by = by
    try:
        with transaction.atomic():
            decision.save(force_insert=True)
    except IntegrityError as problem:
        if not Decision.objects.filter(supersedes=decision.supersedes_id).exists():
            raise
        raise AlreadySuperseded("Somebody else has already superseded this decision. Read theirs first.") from problem
    audit.record(act="decision.recorded", thing=decision, by=by, at=at, incident=decision.incident_id,
                 kind=decision.kind, segment=decision.segment_id, supersedes=decision.supersedes_id)  # fmt: skip
    return decision
