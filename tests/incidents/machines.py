"""Incidents for tests of what machines read."""

import json

from incidents import casefile
from incidents.models import Correction, Incident
from tests.factories import make_update


def load(name: str) -> Incident:
    """A case file as a public incident, not yet published."""
    incident = casefile.load(json.loads((casefile.DATA / f"{name}.json").read_text()))
    Incident.objects.filter(pk=incident.pk).update(visibility="public")
    incident.refresh_from_db()
    return incident


def make_correction(incident: Incident, *, corrects=None, **fields):
    update = make_update(incident, "The window was longer than we said.", kind="correction")
    Correction.objects.create(**{
        "update": update, "subject": "update", "corrects": corrects, "what": "the window to investigate",
        "was": "since *3 January*", "now": "since 21 December", "tell_again": False, **fields,
    })  # fmt: skip
    return update
