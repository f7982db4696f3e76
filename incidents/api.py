"""Incidents over HTTP, to read: the same permission as the staff room."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.errors import HttpError

from accounts.api import to_read
from incidents.models import Incident

router = Router(tags=["incidents"])


class IncidentOut(Schema):
    slug: str
    title: str
    phase: str
    visibility: str
    impact: str
    drill: bool
    created_at: datetime
    first_published_at: datetime | None
    next_update_by: datetime | None


@router.get(
    "/incidents", response=list[IncidentOut], auth=to_read("read:incidents"), summary="All incidents, newest first"
)
def incidents(request: HttpRequest, limit: int = 50, offset: int = 0):
    return Incident.objects.all()[max(offset, 0) :][: max(1, min(limit, 200))]


@router.get("/incidents/{slug:slug}", response=IncidentOut, auth=to_read("read:incidents"), summary="One incident")
def incident(request: HttpRequest, slug: str):
    return find(slug)


def find(slug: str) -> Incident:
    """The incident of that slug; a 404 in words otherwise."""
    found = Incident.objects.filter(slug=slug).first()
    if found is None:
        raise HttpError(404, f"There is no incident {slug}. GET /api/incidents lists them.")
    return found
