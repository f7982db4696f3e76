"""The evidence of an incident: asked for, made by a worker, downloaded while it is kept."""

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import anchoring, audit
from accounts.access import StaffRequest, staff
from accounts.models import Anchor, AuditEntry
from incidents.models import Incident
from notifications import tasks
from notifications.evidence import asking
from notifications.models import EvidenceBundle

LATEST = 20


@require_safe
@staff("read_room")
def evidence(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    return render(request, "notifications/staff/evidence.html", {
        "incident": incident, "room": "evidence", "affected": incident.affected_accounts.count(),
        "head": AuditEntry.objects.order_by("number").last(), "anchor": Anchor.objects.select_related("key").last(),
        **_made(incident),
    })  # fmt: skip


@require_safe
@staff("read_room")
def progress(request: StaffRequest, slug: str) -> HttpResponse:
    """The moving part alone, for htmx; once it is done the whole page is asked for."""
    incident = get_object_or_404(Incident, slug=slug)
    made = _made(incident)
    response = render(request, "notifications/staff/_evidence_progress.html", {"incident": incident, **made})
    if made["under_way"] is None:
        response.headers["HX-Refresh"] = "true"
    return response


def _made(incident: Incident) -> dict:
    bundles = EvidenceBundle.objects.filter(incident=incident).select_related("asked_by")
    return {
        "under_way": bundles.filter(finished_at=None).first(),
        "bundles": bundles.filter(finished_at__isnull=False)[:LATEST],
    }


@require_POST
@staff("export", fresh=True)
def ask(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    try:
        asking.ask(incident, by=request.user, at=timezone.now())
    except asking.UnderWay as already:
        messages.info(request, str(already))
    else:
        tasks.ring_for_evidence()
        messages.success(request, "The evidence is being put together. It stands here when it is done.")
    return redirect("notifications:evidence", slug)


@require_POST
@never_cache
@staff("export", fresh=True)
def download(request: StaffRequest, slug: str, pk: int) -> StreamingHttpResponse | HttpResponse:
    bundle = get_object_or_404(EvidenceBundle, pk=pk, incident__slug=slug)
    if not bundle.is_ready:
        messages.error(request, "This bundle is not kept any more. Have it made again.")
        return redirect("notifications:evidence", slug)
    asking.record_download(bundle, by=request.user, at=timezone.now())
    response = StreamingHttpResponse(asking.pieces(bundle), content_type="application/zip")
    name = f"evidence-{slug}-{bundle.finished_at:%Y%m%dT%H%M%SZ}.zip"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Length"] = str(bundle.size)
    return response


@require_POST
@staff("read_room")
def verify(request: StaffRequest, slug: str) -> HttpResponse:
    try:
        number, compared = anchoring.verify()
    except (audit.BrokenChain, anchoring.Forged) as broken:
        messages.error(request, f"The log does not hold: {broken}. Tell the administrators and keep a copy of it.")
    else:
        signed = f"; {compared:,} signed heads agree with it" if compared else ""
        messages.success(request, f"The log holds: {number:,} entries, each sealed to the one before{signed}.")
    return redirect("notifications:evidence", slug)
