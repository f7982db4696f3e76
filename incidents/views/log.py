"""Who did what in this incident, newest first, in words."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode

from accounts import acts, typed
from accounts.access import StaffRequest, staff
from accounts.models import AuditEntry
from incidents.models import Incident

ENTRIES = 100


@staff("read_room")
def log(request: StaffRequest, slug: str) -> HttpResponse:
    """Keyset pages: ?before= the number of the last entry of the page before."""
    incident = get_object_or_404(Incident, slug=slug)
    entries = AuditEntry.objects.filter(incident=incident.pk).select_related("by")
    before, who = request.GET.get("before", ""), request.GET.get("who", "")
    if (person := typed.number(who)) is not None:
        entries = entries.filter(by=person)
    elif who == "system":
        entries = entries.filter(by=None)
    if (number := typed.number(before)) is not None:
        entries = entries.filter(number__lt=number)
    found = list(entries.order_by("-number")[: ENTRIES + 1])
    shown, more = found[:ENTRIES], len(found) > ENTRIES
    people = AuditEntry.objects.filter(incident=incident.pk, by__isnull=False).order_by("by__name", "by")
    context = {
        "incident": incident, "room": "log", "who": who, "before": before,
        "people": people.values_list("by", "by__name", "by__email").distinct(),
        "lines": acts.told(shown),
        "older": "?" + urlencode({"before": shown[-1].number} | ({"who": who} if who else {})) if more else "",
        "newest": ("?" + urlencode({"who": who}) if who else "?") if before else "",
    }  # fmt: skip
    return render(request, "incidents/staff/log.html", context)
