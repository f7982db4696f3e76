"""The room as a whole: what stands where."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import acts
from accounts.access import StaffRequest, staff
from incidents.models import Incident
from notifications.overview import read as read_overview


@require_safe
@staff("read_room")
def overview(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    now = read_overview(incident, at=timezone.now())
    return render(request, "notifications/staff/overview.html", {
        "incident": incident, "room": "overview", "now": now,
        "latest": acts.told(now.latest),
    })  # fmt: skip
