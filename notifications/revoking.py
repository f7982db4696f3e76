"""Links that leaked are shut: one, or all of an incident. What has not gone out yet gets links that open."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.models import User
from incidents.models import Incident
from notifications import links
from notifications.models import LinkRevocation, Mailing, ReaderLink, Recipient

AT_ONCE = 1000  # links signed anew in one transaction
UNSENT = [Recipient.State.PREPARED, Recipient.State.QUEUED]


class StillGoing(Exception):
    """Messages with these links are going out this minute; the message says what to do first."""


@transaction.atomic
def revoke(link: ReaderLink, *, because: str, by: User, at: datetime) -> bool:
    """It opens nothing any more, and whoever has the notice open by it loses it. False where it was shut before."""
    if not ReaderLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=at):
        return False
    incident = link.affected_account.incident_id
    audit.record(act="link.revoked", thing=link, by=by, at=at, incident=incident, because=because)
    return True


def living(incident: Incident, *, at: datetime) -> QuerySet[ReaderLink]:
    return ReaderLink.objects.not_shut().filter(affected_account__incident=incident, expires_at__gt=at)


def revoke_all(incident: Incident, *, because: str, by: User, at: datetime) -> LinkRevocation:
    """Every link of this incident opens nothing from now on: one row, so at once, however many there are.

    Raises StillGoing. Messages that wait, and those of later mailings, get links that open.
    """
    if going := incident.mailings.filter(state=Mailing.State.RUNNING).order_by("number").first():
        raise StillGoing(f"Mailing {going.number} is going out. Pause it first: its messages carry these links.")
    with transaction.atomic():
        shut = LinkRevocation.objects.create(
            incident=incident, because=because, links=living(incident, at=at).count(), by=by, at=at
        )
        audit.record(act="link.all_revoked", thing=incident, by=by, at=at, incident=incident.pk, links=shut.links,
                     because=because)  # fmt: skip
    finish(shut, at=at)
    return shut


def finish(shut: LinkRevocation, *, at: datetime) -> None:
    """Sign anew the links of what has not gone out; beat calls it for what a crash left."""
    while sign_waiting(shut.incident, at=at):
        pass
    LinkRevocation.objects.filter(pk=shut.pk).update(waiting_signed_at=at)


def sign_waiting(incident: Incident, *, at: datetime, limit: int = AT_ONCE) -> int:
    """Sign anew the shut links of messages that have not gone out; how many. Again until 0."""
    unsent = Recipient.objects.filter(incident=incident, state__in=UNSENT, link__isnull=False)
    with transaction.atomic():
        waiting = ReaderLink.objects.shut_together().filter(pk__in=unsent.values("link"))
        rows = list(waiting.select_for_update(of=("self",)).order_by("pk")[:limit])
        links.resign(rows, at=max(at, _after_the_last(incident)))
    return len(rows)


def finish_all(*, at: datetime) -> None:
    for shut in LinkRevocation.objects.filter(waiting_signed_at=None).select_related("incident"):
        finish(shut, at=at)


def _after_the_last(incident: Incident) -> datetime:
    """Later than whatever shut them, also where two clocks differ."""
    return incident.link_revocations.latest("at").at + timedelta(milliseconds=1)
