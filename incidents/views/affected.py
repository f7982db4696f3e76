"""The room "Affected accounts": the files that said who they are."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.access import StaffRequest, staff
from incidents import audience
from incidents.audience import columns, exporting, mending
from incidents.forms.affected import DealtWithForm
from incidents.models import ImportBatch, Incident
from incidents.views.affected_findings import found_in, record_download
from incidents.views.affected_upload import asking
from incidents.views.affected_work import working
from incidents.views.downloads import csv_download

REJECTED_PER_PAGE = 50
BATCHES_PER_PAGE = 50
ROWS_SHOWN = 5


@never_cache
@require_GET
@staff("read_room")
def imports(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    batches = incident.import_batches.select_related("uploaded_by", "confirmed_by")
    return render(request, "incidents/staff/affected_imports.html", {
        "incident": incident, "room": "affected",
        "page": Paginator(batches, BATCHES_PER_PAGE).get_page(request.GET.get("page")),
    })  # fmt: skip


@never_cache
@require_GET
@staff("read_room")
def batch(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    incident, batch = _batch(slug, number)
    staged = batch.state == ImportBatch.State.STAGED
    rejected = Paginator(batch.rejected_rows.all(), REJECTED_PER_PAGE)
    return render(request, "incidents/staff/affected_import.html", {
        "incident": incident, "room": "affected", "batch": batch,
        "columns": columns.in_words(batch.columns),
        "comparison": audience.compared(batch) if staged else None,
        "rows": batch.rows.order_by("line")[:ROWS_SHOWN] if staged else [],
        "page": rejected.get_page(request.GET.get("page")),
        "twin": _confirmed_twin(batch), "dealing": DealtWithForm(),
        "waits_for_an_answer": audience.left_out(incident).filter(pk=batch.pk).exists(),
        "read_as": audience.Format.wanted(batch.format).in_words() if batch.format else "",
        "found": found_in(batch), **asking(batch), **working(batch),
    })  # fmt: skip


@require_POST
@staff("write")
def discard(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    _, batch = _batch(slug, number)
    try:
        audience.discard(batch, by=request.user, at=timezone.now())
    except audience.NotWaiting as problem:
        messages.error(request, str(problem))
        return redirect("incidents:affected_import", slug=slug, number=number)
    messages.success(request, f"Import {number} was discarded. Nothing of it was imported.")
    return redirect("incidents:affected_imports", slug=slug)


@require_POST
@staff("write")
def deal_with(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """Somebody answers for the rows that this import left out."""
    _, batch = _batch(slug, number)
    form = DealtWithForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say what became of these rows: the reason stands in the log.")
        return redirect("incidents:affected_import", slug=slug, number=number)
    try:
        audience.deal_with(batch, because=form.cleaned_data["because"], by=request.user, at=timezone.now())
    except audience.NothingLeftOut as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, f"It is recorded: the rows that import {number} left out are dealt with.")
    return redirect("incidents:affected_import", slug=slug, number=number)


@never_cache
@require_GET
@staff("write", "export")
def rejected(request: StaffRequest, slug: str, number: int) -> StreamingHttpResponse:
    _, batch = _batch(slug, number)
    record_download(batch, "rejected rows", by=request.user)
    lines = exporting.lines(mending.header(batch), mending.rows(batch))
    return csv_download(lines, f"import-{number}-rejected-rows.csv")


def _batch(slug: str, number: int) -> tuple[Incident, ImportBatch]:
    incident = get_object_or_404(Incident, slug=slug)
    batches = ImportBatch.objects.select_related("incident", "uploaded_by", "confirmed_by", "dealt_with_by")
    return incident, get_object_or_404(batches, incident=incident, number=number)


def _confirmed_twin(batch: ImportBatch) -> ImportBatch | None:
    """The very same file, confirmed before."""
    confirmed = ImportBatch.objects.filter(incident=batch.incident_id, state=ImportBatch.State.CONFIRMED)
    return confirmed.filter(sha256=batch.sha256).exclude(pk=batch.pk).order_by("number").first()
