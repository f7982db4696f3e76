"""Taking affected accounts out of the house: what, why, a second person's yes, one download."""

from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import approvals
from accounts.access import StaffRequest, staff
from incidents.audience import outgoing
from incidents.models import Incident
from notifications import exports
from notifications.forms_affected import ExportForm, FilterForm, ReasonToExportForm
from notifications.mailings.taking_out import NoSuchList, OfMailing, asked_for
from notifications.models import Export

LATEST = 20


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("export")
def ask(request: StaffRequest, slug: str) -> HttpResponse:
    """The filter stands in the address, or a mailing's list; the form asks for file and reason."""
    incident = get_object_or_404(Incident, slug=slug)
    asked = _asked(incident, request.GET.dict(), kept=False)
    if asked is None:
        messages.error(request, GONE)
        return redirect("notifications:affected", slug)
    of_mailing = asked if isinstance(asked, OfMailing) else None
    form = ReasonToExportForm(request.POST or None) if of_mailing else ExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        page = reverse("notifications:export", args=[slug, 0]).replace("/0/", "/{pk}/")
        try:
            said = {"format": of_mailing.format} if of_mailing else {}
            export = exports.ask(incident, asked, by=request.user, page=page, **said | form.cleaned_data)
        except exports.NotNow as no:
            messages.error(request, str(no))
            return redirect(_back(incident, of_mailing))
        if export.people > 1 and exports.obstacle(export, by=request.user, at=timezone.now()):
            messages.success(request, "It is asked for. Somebody else has to say yes; then you can download it, once.")
        return redirect("notifications:export", slug, export.pk)
    return render(request, "notifications/staff/export_new.html", {
        "incident": incident, "room": "affected", "form": form, "asked": asked,
        "people": exports.how_many(incident, asked), "of_mailing": of_mailing, "back": _back(incident, of_mailing),
        "latest": Export.objects.filter(incident=incident).select_related("asked_by")[:LATEST],
    })  # fmt: skip


@never_cache
@require_safe
@staff("read_room")
def export(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    incident, export = _export(slug, pk)
    asked = _asked(incident, export.filters)
    obstacle = exports.obstacle(export, by=request.user, at=timezone.now()) if asked else GONE
    return render(request, "notifications/staff/export.html", {
        "incident": incident, "room": "affected", "export": export, "words": asked.words if asked else [],
        "approval": export.approval or approvals.newest(exports.ACT, export),
        "obstacle": obstacle, "may_export": request.user.has_perm("accounts.export"),
        "again": f"?{urlencode(export.filters)}" if export.filters else "",
        "of_mailing": asked if isinstance(asked, OfMailing) else None,
    })  # fmt: skip


@never_cache
@require_POST
@staff("export", fresh=True)
def download(request: StaffRequest, slug: str, pk: int) -> HttpResponseBase:
    incident, export = _export(slug, pk)
    asked = _asked(incident, export.filters)
    try:
        if asked is None:
            raise exports.NotNow(GONE)
        exports.begin(export, asked, by=request.user)
        return _file(export, asked)
    except (exports.NotNow, approvals.NotApproved) as no:
        messages.error(request, f"Nothing left the house. {no}")
    except outgoing.TooManyLines:
        messages.error(request, "An Excel sheet cannot hold so many lines. Ask for the list as CSV.")
    return redirect("notifications:export", slug, pk)


GONE = "What it was narrowed to has been removed since. Ask again."


def _file(export: Export, asked: exports.Asked) -> HttpResponseBase:
    what = f"mailing-{asked.mailing.number}" if isinstance(asked, OfMailing) else "affected"
    name = f"{what}-{export.incident.slug}-{export.pk}.{export.format}"
    if isinstance(asked, OfMailing) and asked.part:
        file = exports.as_letters(export, asked, at=timezone.now())
        return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
    if not isinstance(asked, OfMailing) and export.format == Export.Format.XLSX:
        return FileResponse(
            exports.as_workbook(export, asked), as_attachment=True, filename=name,
            content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        )  # fmt: skip
    response = StreamingHttpResponse(exports.as_csv(export, asked), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _asked(incident: Incident, query: dict[str, str], *, kept: bool = True) -> exports.Asked | None:
    """None where a list of a mailing is there no more, or, for what was kept, a segment, an import or a step."""
    if "mailing" in query:
        try:
            return asked_for(incident, query)
        except NoSuchList:
            return None
    asked = FilterForm(query, incident=incident).filter()
    return asked if asked.query == query or not kept else None


def _back(incident: Incident, of_mailing: OfMailing | None) -> str:
    if of_mailing:
        return reverse("notifications:mailing", args=[incident.slug, of_mailing.mailing.number])
    return reverse("notifications:affected", args=[incident.slug])


def _export(slug: str, pk: int) -> tuple[Incident, Export]:
    incident = get_object_or_404(Incident, slug=slug)
    rows = Export.objects.select_related("asked_by", "incident", "approval__asked_by")
    return incident, get_object_or_404(rows, incident=incident, pk=pk)
