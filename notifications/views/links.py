"""Personal links that leaked: shut one, or all of an incident. Both ask first, and why."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import StaffRequest, staff
from incidents.models import Incident
from notifications import revoking
from notifications.link_forms import RevokeForm
from notifications.models import ReaderLink


@require_http_methods(["GET", "HEAD", "POST"])
@staff("send", fresh=True)
def revoke_all(request: StaffRequest, slug: str) -> HttpResponse:
    incident, now = get_object_or_404(Incident, slug=slug), timezone.now()
    form = RevokeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            shut = revoking.revoke_all(incident, because=form.cleaned_data["because"], by=request.user, at=now)
        except revoking.StillGoing as no:
            form.add_error(None, str(no))
        else:
            messages.success(
                request,
                f"Shut: {shut.links:,} links open nothing any more. Whoever presses one is offered a fresh one, "
                "to the mailbox it was sent to.",
            )
            return redirect("notifications:links", slug)
    return render(request, "notifications/staff/links.html", {
        "incident": incident, "room": "notices", "form": form, "living": revoking.living(incident, at=now).count(),
        "revocations": incident.link_revocations.select_related("by"),
    }, status=422 if form.errors else 200)  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@staff("send", fresh=True)
def revoke(request: StaffRequest, slug: str, pk: int, link: int) -> HttpResponse:
    rows = ReaderLink.objects.select_related("affected_account__account", "affected_account__incident", "address")
    found = get_object_or_404(rows, pk=link, affected_account=pk, affected_account__incident__slug=slug)
    form = RevokeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if revoking.revoke(found, because=form.cleaned_data["because"], by=request.user, at=timezone.now()):
            messages.success(request, "Shut: this link opens nothing any more, and a notice open by it is closed.")
        else:
            messages.info(request, "This link was shut before. Nothing has changed.")
        return redirect("notifications:affected_account", slug, pk)
    return render(request, "notifications/staff/link_revoke.html", {
        "incident": found.affected_account.incident, "room": "affected", "affected": found.affected_account,
        "link": found, "form": form,
    }, status=422 if form.errors else 200)  # fmt: skip
