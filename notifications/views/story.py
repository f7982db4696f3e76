"""The story of the incident, for those who come later: internal, to read and to print."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import StaffRequest, staff
from incidents.models import Incident
from notifications import clocks
from notifications import story as stories


@require_safe
@staff("read_room")
def story(request: StaffRequest, slug: str) -> HttpResponse:
    """?show= names the sorts that are shown; none: all."""
    incident, now = get_object_or_404(Incident, slug=slug), timezone.now()
    shown = set(request.GET.getlist("show")) & set(stories.SORTS) or None
    return render(request, "notifications/staff/story.html", {
        "incident": incident, "room": "story", "now": now, "shown": shown or set(stories.SORTS),
        "moments": stories.read(incident, clocks.read(incident, at=now), sorts=shown),
        "sorts": [(key, name) for key, (name, _) in stories.SORTS.items()],
    })  # fmt: skip
