"""Legal clocks together with how far telling has come: some run only from a number of people that nobody reaches."""

from datetime import datetime

from incidents import obligations
from incidents.models import Incident, LawRule
from incidents.obligations import Clock
from notifications import telling


def read(incident: Incident, *, at: datetime) -> list[Clock]:
    if not incident.obligations.exists():
        return []
    return obligations.standing(incident, at=at, unreached=unreached_if_asked(incident))


def unreached_if_asked(incident: Incident) -> int | None:
    """None where no clock of the incident asks, or nobody was written to yet: then nobody counts as unreached."""
    keys = LawRule.objects.filter(threshold_of=LawRule.ThresholdOf.UNREACHED, threshold__isnull=False).values("key")
    if not incident.obligations.filter(key__in=keys).exists():
        return None
    if not incident.mailings.of_sets().filter(started_at__isnull=False).exists():
        return None
    return telling.outcomes(incident)["unreached"]
