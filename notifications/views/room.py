"""The room as a whole: what stands where, and the evidence of it."""

import json
from collections.abc import Iterator
from tempfile import TemporaryFile

from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import acts, audit
from accounts.access import StaffRequest, staff
from accounts.models import AuditEntry
from incidents.models import Incident
from notifications.evidence import write as write_evidence
from notifications.overview import read as read_overview

LATEST_EXPORTS = 20


@require_safe
@staff("read_room")
def overview(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    now = read_overview(incident, at=timezone.now())
    return render(request, "notifications/staff/overview.html", {
        "incident": incident, "room": "overview", "now": now,
        "latest": acts.told(now.latest),
    })  # fmt: skip


@require_safe
@staff("read_room")
def evidence(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    return render(request, "notifications/staff/evidence.html", {
        "incident": incident, "room": "evidence", "exports": list(_exports(incident)),
        "affected": incident.affected_accounts.count(), "head": AuditEntry.objects.order_by("number").last(),
    })  # fmt: skip


def _exports(incident: Incident) -> Iterator[dict]:
    entries = AuditEntry.objects.filter(incident=incident.pk, act="evidence.exported").select_related("by")
    for entry in entries[:LATEST_EXPORTS]:
        facts = json.loads(entry.body)["facts"]
        yield {"at": entry.at, "by": entry.by, "manifest": facts["manifest"], "head": facts["head"]}


@require_POST
@staff("export", fresh=True)
def evidence_download(request: StaffRequest, slug: str) -> FileResponse:
    """The zip, once it is whole and its export stands in the log. A file on disk meanwhile, not in memory."""
    incident = get_object_or_404(Incident, slug=slug)
    at = timezone.now()
    file = TemporaryFile()  # noqa: SIM115  (the response closes it, which removes it)
    try:
        write_evidence(incident, file, by=request.user, at=at)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    name = f"evidence-{incident.slug}-{at:%Y%m%dT%H%M%SZ}.zip"
    response = FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@staff("read_room")
def evidence_verify(request: StaffRequest, slug: str) -> HttpResponse:
    try:
        number = audit.verify()
    except audit.BrokenChain as broken:
        messages.error(request, f"The log does not hold: {broken}. Tell the administrators and keep a copy of it.")
    else:
        messages.success(request, f"The log holds: {number:,} entries, each sealed to the one before.")
    return redirect("notifications:evidence", slug)
