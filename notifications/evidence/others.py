"""What other parts of the house tell about an incident, each as one JSON file of the bundle."""

import dataclasses
from importlib import import_module
from typing import Any

from incidents.models import Incident


def told(incident: Incident) -> dict[str, object]:
    """By the name of the file."""
    numbers = _from("notifications.inquiries.counting", "of", incident)
    return {
        "inquiries": dataclasses.asdict(numbers) if numbers else {},
        "obligations": _from("incidents.obligations", "obligations_for_evidence", incident) or [],
    }


def _from(module: str, name: str, incident: Incident) -> Any:
    """None where that part of the house is not there."""
    try:
        function = getattr(import_module(module), name)
    except (ModuleNotFoundError, AttributeError):
        return None
    return function(incident)
