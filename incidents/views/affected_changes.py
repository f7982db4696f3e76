"""What happens to accounts after a file was read: evidence and approval, ruling out one of them, undoing an import."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import StaffRequest, staff
from incidents import audience
from incidents.audience import approving, one_by_one, ruling_out, undoing
from incidents.forms.affected_changes import EvidenceForm, UndoForm
from incidents.models import AffectedAccount, ImportBatch


@require_POST
@staff("write")
def cite(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """Evidence for those whom an import would rule out."""
    batch = _batch(slug, number)
    form = EvidenceForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Nothing was noted. {form.errors['evidence'].as_text().removeprefix('* ')}")
    elif batch.state != ImportBatch.State.STAGED:
        messages.error(request, "This import does not wait any more. Nothing was noted.")
    else:
        ruling_out.cite(batch, evidence=form.cleaned_data["evidence"])
        messages.success(request, "The evidence is noted. Nothing is imported yet.")
    return redirect("incidents:affected_import", slug, number)


@require_POST
@staff("write")
def ask(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """Ask somebody else to say yes to the number of accounts."""
    batch = _batch(slug, number)
    comparison = audience.compared(batch) if batch.state == ImportBatch.State.STAGED else None
    if comparison is None:
        messages.error(request, "Nobody was asked: this import does not wait, or is just being compared with the list.")
        return redirect("incidents:affected_import", slug, number)
    try:
        approval = approving.ask(batch, comparison, by=request.user, at=timezone.now())
    except (ruling_out.NeedsEvidence, ruling_out.RowsLeftOut) as problem:
        messages.error(request, f"Nobody was asked. {problem}")
    else:
        if approval.state == "given":
            messages.warning(request, "No second person is asked for in this house. The log says so. Import it now.")
        else:
            people = "One other person" if approval.needs == 1 else f"{approval.needs} other people"
            messages.success(request, f"{people} can approve this now. Nothing is imported before.")
    return redirect("incidents:affected_import", slug, number)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def undo(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    batch = _batch(slug, number)
    form = UndoForm(request.POST or None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            undoing.undo(batch, by=request.user, because=form.cleaned_data["because"], at=timezone.now())
        except undoing.CannotUndo as problem:
            messages.error(request, f"Nothing was undone. {problem}")
        else:
            messages.success(request, f"Import {number} is undone. The list is as it was before it.")
        return redirect("incidents:affected_import", slug, number)
    return render(request, "incidents/staff/affected_undo.html", {
        "incident": batch.incident, "room": "affected", "batch": batch, "form": form,
        "outlook": undoing.outlook(batch),
    }, status=422 if form.errors else 200)  # fmt: skip


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def rule_out(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    """One account."""
    rows = AffectedAccount.objects.select_related("incident", "account")
    affected = get_object_or_404(rows, incident__slug=slug, pk=pk)
    form = EvidenceForm(request.POST or None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            batch = one_by_one.rule_out(
                affected, evidence=form.cleaned_data["evidence"], by=request.user, at=timezone.now()
            )
        except (one_by_one.NotThisOne, ruling_out.NeedsEvidence) as problem:
            messages.error(request, f"Nothing was done. {problem}")
            return redirect("notifications:affected_account", slug, pk)
        if batch.state == ImportBatch.State.CONFIRMED:
            messages.success(request, "This account is ruled out. No notice is owed to it any more.")
            return redirect("notifications:affected_account", slug, pk)
        messages.warning(request, "It is not ruled out yet: other people have to say yes first. They can see it here.")
        return redirect("incidents:affected_import", slug, batch.number)
    return render(request, "incidents/staff/affected_rule_out.html", {
        "incident": affected.incident, "room": "affected", "affected": affected, "form": form,
    }, status=422 if form.errors else 200)  # fmt: skip


def _batch(slug: str, number: int) -> ImportBatch:
    batches = ImportBatch.objects.select_related("incident", "confirmed_by", "undone_by")
    return get_object_or_404(batches, incident__slug=slug, number=number)
