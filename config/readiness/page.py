"""The staff page of what is still missing; asking others is a press of its own, since it takes seconds."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import StaffRequest, staff
from config import readiness
from config.readiness import outside


@require_safe
@staff("read_room")
def page(request: StaffRequest) -> HttpResponse:
    found = list(readiness.findings())
    last = outside.looked()
    return render(request, "staff/readiness.html", {
        "room": "readiness", "asked_at": last[0] if last else None, "good": [one for one in found if one.good],
        "missing": [one for one in found if one.good is False], "unknown": [one for one in found if one.good is None],
    })  # fmt: skip


@require_POST
@staff("administer", "send")
def look(request: StaffRequest) -> HttpResponse:
    found = outside.look()
    missing = sum(one.state == "missing" for one in found)
    said = f"{missing} of them not as they should be." if missing else "nothing of it is missing."
    messages.success(request, f"Asked just now: {len(found)} things looked at, {said}")
    return redirect("readiness")
