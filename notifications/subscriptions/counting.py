"""What staff see of those who follow: numbers, and one address at a time, on record."""

from collections import defaultdict
from typing import Any

from django.db import transaction
from django.db.models import Count, Q

from accounts import audit
from accounts.addresses import lookup_hash, normalise
from accounts.models import Organisation, User
from incidents.models import Incident
from notifications.models import Announcement, Recipient, Subscriber, UpdateMail

State = Recipient.State


def following() -> dict[str, Any]:
    """{"all", "asked", "incidents": [(incident, how many)]}: who said yes, and who has not answered yet."""
    rows = Subscriber.objects.living()
    said = rows.aggregate(
        all=Count("pk", filter=Q(incident=None, confirmed_at__isnull=False)),
        asked=Count("pk", filter=Q(confirmed_at=None)),
    )
    of_each = dict(rows.following().exclude(incident=None).order_by().values_list("incident").annotate(Count("pk")))
    incidents = Incident.objects.in_bulk(list(of_each))
    return said | {"incidents": [(incidents[pk], of_each[pk]) for pk in sorted(of_each, reverse=True)]}


def announcements(most: int) -> list[dict[str, Any]]:
    """The last ones, newest first, with the sums of their messages by state; the queue of questions is among them."""
    rows = list(Announcement.objects.select_related("incident")[:most])
    sums: dict[int, list[tuple[str, int]]] = defaultdict(list)
    mails = UpdateMail.objects.filter(mailing__in=rows).order_by()
    for pk, state, count in mails.values_list("mailing", "state").annotate(Count("pk")):
        sums[pk].append((State(state).label, count))
    return [
        {"row": row, "sums": sorted(sums[row.pk]), "total": sum(count for _, count in sums[row.pk])} for row in rows
    ]


@transaction.atomic
def look_up(address: str, *, by: User) -> list[Subscriber]:
    """What one address follows, and since when; the log says that somebody looked, not for whom."""
    found = Subscriber.objects.living().filter(lookup=lookup_hash(normalise(address))).select_related("incident")
    rows = list(found)
    audit.record(act="subscriber.looked_up", thing=Organisation.get(), by=by, rows=len(rows))
    return rows
