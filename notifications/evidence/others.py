"""What other parts of the house tell about an incident, each as one JSON file of the bundle."""

import dataclasses
from datetime import datetime

from incidents import obligations
from incidents.models import Incident
from notifications import clocks
from notifications.inquiries import counting


def told(incident: Incident, *, at: datetime) -> dict[str, object]:
    """By the name of the file."""
    unreached = clocks.unreached_if_asked(incident)
    return {
        "inquiries": dataclasses.asdict(counting.of(incident)),
        "obligations": obligations.obligations_for_evidence(incident, at=at, unreached=unreached),
    }
