"""Incidents, to read: the same permission as the staff room."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.errors import HttpError

from accounts.api import REFUSALS, Slug, to_read
from incidents.models import Incident

router = Router()


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
    "/incidents",
    response={200: list[IncidentOut]} | REFUSALS,
    **to_read("read:incidents"),
    summary="All incidents, newest first",
)
def incidents(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
):
    return Incident.objects.all()[offset : offset + limit]


@router.get(
    "/incidents/{slug}",
    response={200: IncidentOut} | REFUSALS,
    **to_read("read:incidents"),
    summary="One incident",
)
def incident(request: HttpRequest, slug: Slug):
    return find(slug)


def find(slug: str) -> Incident:
    """The incident of that slug; a 404 in words otherwise."""
    found = Incident.objects.filter(slug=slug).first()
    if found is None:
        raise HttpError(404, f"There is no incident {slug}. GET /api/incidents lists them.")
    return found
