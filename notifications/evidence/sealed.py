"""One entry of the log for all attempts to send of an incident: how many, and a Merkle root over them.

An attempt is written once. Sealed soon after, none can be changed, added or taken away later without being found.
"""

import json
from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit
from accounts.merkle import Tree
from accounts.models import AuditEntry
from incidents.models import Incident
from notifications import verify_evidence
from notifications.models import Attempt

ACT = "attempts.sealed"
ENDED = ("mailing.finished", "mailing.cancelled", "mailing.paused")
QUIET = timedelta(minutes=5)
"""An outcome is committed well within this of the moment that it names."""
BEGINNING = ""
CHUNK = 2000  # rows


def seal_all(*, at: datetime) -> int:
    """Beat's: every incident of which a mailing has come to rest since its attempts were sealed last; how many."""
    rest = AuditEntry.objects.filter(act__in=ENDED, at__lte=at - QUIET, incident__isnull=False).order_by("number")
    newest = {pk: came_to_rest for pk, came_to_rest in rest.values_list("incident", "at") if pk}
    sealed = {pk: _until(pk) for pk in newest}
    due = [pk for pk, came_to_rest in newest.items() if sealed[pk] < verify_evidence.instant(came_to_rest.isoformat())]
    return sum(seal(incident, at=at) is not None for incident in Incident.objects.filter(pk__in=due))


def seal(incident: Incident, *, at: datetime) -> AuditEntry | None:
    """Seal the attempts that ended since the last time; None where there are none."""
    since, until = _until(incident.pk), verify_evidence.instant((at - QUIET).isoformat())
    attempts = Attempt.objects.filter(recipient__incident=incident, ended_at__lte=at - QUIET)
    if since:
        attempts = attempts.filter(ended_at__gt=datetime.fromisoformat(f"{since}+00:00"))
    tree = Tree()
    names = ("number", "outcome", "sha256", "provider_id", "smtp_code", "ended_at")
    with transaction.atomic():  # a cursor of the server, for one moment of it
        for one in attempts.order_by("recipient", "number").values("recipient", *names).iterator(chunk_size=CHUNK):
            tree.add(verify_evidence.attempt_row(one["recipient"], {**one, "ended_at": one["ended_at"].isoformat()}))
    if not tree.count:
        return None
    with transaction.atomic():
        return audit.record(act=ACT, thing=incident, by=None, at=at, incident=incident.pk, since=since, until=until,
                            count=tree.count, root=tree.root)  # fmt: skip


def _until(incident: int) -> str:
    """Up to when they are sealed, as verify_evidence.instant writes it; BEGINNING: not at all."""
    last = AuditEntry.objects.filter(act=ACT, incident=incident).order_by("number").last()
    return json.loads(last.body)["facts"]["until"] if last else BEGINNING
