"""One person publishes alone, in an emergency (accounts/emergencies.py): the same checks, and no second person."""

from datetime import datetime

from django.db import transaction

from accounts import emergencies
from accounts.models import User
from incidents import documents
from incidents.models import Incident, PageVersion
from incidents.publishing.acts import hashes_of, publish
from incidents.publishing.versions import now


@transaction.atomic
def publish_alone(incident: Incident, *, because: str, by: User, at: datetime | None = None) -> PageVersion:
    """Raises what `publish` raises, and emergencies.NotAnEmergency; then nothing has changed."""
    at = at or now()
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    content = documents.freeze(incident)
    reach = "to everyone" if incident.visibility == Incident.Visibility.PUBLIC else "to those who are told"
    emergencies.break_glass(
        thing=incident, hashes=hashes_of(content, minor=False), because=because, by=by, at=at, incident=incident.pk,
        summary=f"Publish “{incident.title}” {reach}, by one person alone", page=f"/staff/{incident.slug}/publish/",
    )  # fmt: skip
    return publish(incident, by=by, at=at)
