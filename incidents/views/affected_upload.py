"""Uploading a list of affected accounts, and saying what its columns mean."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import StaffRequest, staff
from incidents import audience
from incidents.audience import exporting
from incidents.forms.affected_upload import FormatForm, MappingForm, UploadForm
from incidents.models import ImportBatch, Incident
from incidents.views.downloads import csv_download

SAMPLE = (
    ["account_id", "email", "role", "name", "language", "country", "segments", "certainty", "api_key"],
    [
        ["northwind", "owner@northwind.example", "owner", "Northwind Traders", "en", "US", "", "confirmed", "…4f2a"],
        ["northwind", "security@northwind.example", "security", "", "", "", "", "", ""],
        ["contoso", "it@contoso.example", "administrator", "Contoso GmbH", "de", "DE", "", "possible", "…9c01"],
        ["", "jane@fabrikam.example", "", "Jane Doe", "en", "GB", "", "confirmed", ""],
    ],
)


@never_cache
@require_http_methods(["GET", "POST"])
@staff("write")
def upload(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_valid():
        file = form.cleaned_data["file"]
        batch = audience.receive(
            incident, file, file_name=file.name, by=request.user, source=ImportBatch.Source.ROOM,
            mode=form.cleaned_data["mode"], evidence=form.cleaned_data["evidence"], at=timezone.now(),
        )  # fmt: skip
        if batch.state == ImportBatch.State.REFUSED:
            messages.error(request, "The file could not be read. Nothing was stored; below it says why.")
        else:
            messages.info(request, "The file is here. Say what its columns mean; nothing is imported yet.")
        return redirect("incidents:affected_import", slug=slug, number=batch.number)
    header, rows = SAMPLE
    return render(request, "incidents/staff/affected_upload.html", {
        "incident": incident, "room": "affected", "form": form, "segments": incident.segments.all(),
        "example": "".join(exporting.lines(header, rows)),
    })  # fmt: skip


@require_GET
@staff("read_room")
def sample(request: StaffRequest, slug: str) -> HttpResponseBase:
    get_object_or_404(Incident, slug=slug)
    return csv_download(exporting.lines(*SAMPLE), "affected-accounts-sample.csv")


@require_POST
@staff("write")
def read_as(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """Other letters, another separator, another sheet: the page then shows the columns anew."""
    batch = _batch(slug, number)
    try:
        form = FormatForm(request.POST, preview=audience.preview_columns(batch))
        if form.is_valid():
            changed = audience.read_as(batch, format=form.format)
            messages.info(request, f"Read as {_format(changed)}. Look at the columns again.")
        else:
            messages.error(request, "Nothing was changed: choose among what is offered.")
    except (audience.Refused, audience.NotReceived) as problem:
        messages.error(request, f"Nothing was changed. {problem}")
    return redirect("incidents:affected_import", slug=slug, number=number)


@require_POST
@staff("write")
def columns(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """What the columns mean; then a worker reads the file."""
    batch = _batch(slug, number)
    if not audience.waits_for_columns(batch):
        messages.error(request, f"Import {number} does not wait for its columns any more. Nothing was changed.")
        return redirect("incidents:affected_import", slug=slug, number=number)
    try:
        form = MappingForm(request.POST, preview=audience.preview_columns(batch))
        if not form.is_valid():
            return render(request, "incidents/staff/affected_import.html", {
                "incident": batch.incident, "room": "affected", "batch": batch, **asking(batch, mapping=form),
            })  # fmt: skip
        audience.begin(batch, meanings=form.meanings, by=request.user, at=timezone.now())
    except (audience.Refused, audience.NotReceived) as problem:
        messages.error(request, f"Nothing was read. {problem}")
    else:
        messages.success(request, "The file is being read. Nothing is imported until you confirm.")
    return redirect("incidents:affected_import", slug=slug, number=number)


def asking(batch: ImportBatch, *, mapping: MappingForm | None = None) -> dict[str, Any]:
    """What _affected_columns.html needs of a batch that waits for its columns; nothing of any other."""
    if not audience.waits_for_columns(batch):
        return {}
    try:
        preview = audience.preview_columns(batch)
    except audience.Refused as refused:
        return {"unreadable": str(refused)}
    return {
        "preview": preview,
        "mapping": mapping or MappingForm(preview=preview),
        "reading": FormatForm(preview=preview),
    }


def _batch(slug: str, number: int) -> ImportBatch:
    batches = ImportBatch.objects.select_related("incident", "uploaded_by")
    return get_object_or_404(batches, incident__slug=slug, number=number)


def _format(batch: ImportBatch) -> str:
    return audience.Format.wanted(batch.format).in_words()
