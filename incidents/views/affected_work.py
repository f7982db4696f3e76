"""What a worker does with an import while somebody may be watching: reading, comparing, saving."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.access import StaffRequest, staff
from incidents import audience
from incidents.forms.affected import ConfirmForm
from incidents.models import ImportBatch


@never_cache
@require_GET
@staff("read_room")
def progress(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """The moving part alone, for htmx; once there is something else to see the whole page is asked for."""
    batch = _batch(slug, number)
    response = render(request, "incidents/staff/_affected_work.html", working(batch))
    if request.GET.get("state") != batch.state or not batch.is_worked_on:
        response.headers["HX-Refresh"] = "true"
    return response


@require_POST
@staff("write")
def confirm(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """A worker saves it; what stops that stands on the page afterwards."""
    batch = _batch(slug, number)
    form = ConfirmForm(request.POST)
    form.is_valid()
    try:
        audience.ask_to_save(
            batch, by=request.user, at=timezone.now(), beyond_estimate=form.cleaned_data["beyond_estimate"]
        )
    except audience.NotWaiting as problem:
        messages.error(request, str(problem))
    return redirect("incidents:affected_import", slug=slug, number=number)


@require_POST
@staff("write")
def compare(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    if not audience.compare_again(_batch(slug, number)):
        messages.error(request, f"Import {number} does not wait any more, so there is nothing to compare.")
    return redirect("incidents:affected_import", slug=slug, number=number)


def working(batch: ImportBatch) -> dict:
    """What _affected_work.html needs."""
    return {
        "incident": batch.incident, "batch": batch,
        "has_worker": batch.is_worked_on and batch.pk in audience.worked_on(),
        "waits_for_another": batch.state == ImportBatch.State.CONFIRMING and audience.waits_for_another(batch),
    }  # fmt: skip


def _batch(slug: str, number: int) -> ImportBatch:
    batches = ImportBatch.objects.select_related("incident", "confirmed_by")
    return get_object_or_404(batches, incident__slug=slug, number=number)
