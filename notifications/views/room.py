"""The room as a whole: what stands where, and the evidence of it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import staff
from incidents.models import Incident
from notifications import overview as reading


@require_safe
@staff("read_room")
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    return render(request, "notifications/staff/overview.html", {
        "incident": incident, "room": "overview", "now": reading.read(incident, at=timezone.now()),
    })  # fmt: skip
