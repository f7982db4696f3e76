"""The room where words are taken out of what was published."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import approvals
from accounts.access import StaffRequest, staff
from incidents import publishing
from incidents.forms.publish import RedactForm
from incidents.models import Incident
from incidents.publishing import redacting


@never_cache
@require_http_methods(["GET", "POST"])
@staff("read_room")
def redact(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    form = RedactForm(request.POST or None)
    if request.method == "POST" and not request.user.has_perm("accounts.write"):
        return render(request, "accounts/refused.html", status=403)
    if form.is_bound and form.is_valid():
        try:
            redacting.ask(incident, **form.cleaned_data, by=request.user)
        except redacting.NothingToRemove as problem:
            form.add_error("words", str(problem))
        else:
            messages.success(request, "Asked. Nothing is taken out until somebody else has said yes.")
            return redirect("incidents:redact", slug=slug)
    waiting = redacting.open_redaction(incident)
    return render(request, "incidents/staff/redact.html", {
        "incident": incident, "room": "publish", "form": form, "waiting": waiting, "page": request.path,
        "approval": approvals.newest(redacting.ACT, waiting) if waiting else None,
        "numbers": redacting.versions_with(incident, waiting.words) if waiting else [],
        "latest": publishing.latest(incident),
    })  # fmt: skip


@require_POST
@staff("send", fresh=True)
def now(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    waiting = redacting.open_redaction(incident)
    if waiting is None:
        messages.error(request, "No request to take words out is open.")
        return redirect("incidents:redact", slug=slug)
    try:
        version = redacting.carry_out(waiting, by=request.user)
    except (approvals.NotApproved, redacting.NothingToRemove) as problem:
        messages.error(request, f"Nothing was taken out. {problem}")
        return redirect("incidents:redact", slug=slug)
    messages.success(request, f"The words are gone from every version. The page shows version {version.number}.")
    return redirect("incidents:versions", slug=slug)
