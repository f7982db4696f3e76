"""Reported fakes: the reader's form, what may be said of a sender at once, and what staff see."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import StaffRequest, staff
from incidents.models import Incident
from notifications import limits, reports
from notifications.forms_rights import LookedAtForm, ReportForm
from notifications.models import FakeReport
from notifications.views.reader import from_our_own_page, limited

SHOWN = 100
LONGEST_TYPED = 300


@from_our_own_page
@require_POST
@limited(limits.GENUINE)
def compare(request: HttpRequest) -> HttpResponse:
    """Of a sender or a subject. A no is certain; a yes is none, since both can be forged."""
    typed = request.POST.get("typed", "")[:LONGEST_TYPED].strip()
    sender = reports.is_our_sender(typed)
    ours = reports.is_our_subject(typed) if sender is None else sender
    return render(request, "notifications/reader/compared.html", {"ours": ours, "is_sender": sender is not None})


@from_our_own_page
@require_http_methods(["GET", "HEAD", "POST"])
@limited(limits.REPORT)
def report(request: HttpRequest) -> HttpResponse:
    form = ReportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reports.report(**form.cleaned_data, at=timezone.now())
        return HttpResponseRedirect(reverse("notifications:reported"), status=303)
    status = 422 if request.method == "POST" else 200
    return render(request, "notifications/reader/report.html", {"form": form}, status=status)


@require_safe
def reported(request: HttpRequest) -> HttpResponse:
    return render(request, "notifications/reader/reported.html")


@never_cache
@require_safe
@staff("read_room")
def listed(request: StaffRequest) -> HttpResponse:
    """Those nobody has looked at first."""
    rows = FakeReport.objects.select_related("looked_by")
    new = FakeReport.State.NEW
    return render(request, "notifications/staff/reports.html", {
        "waiting": rows.filter(state=new)[:SHOWN], "waiting_count": rows.filter(state=new).count(),
        "seen": rows.exclude(state=new)[:SHOWN], "room": "reports", "form": LookedAtForm(),
        "incidents": Incident.objects.published().order_by("-pk")[:20],
    })  # fmt: skip


@require_POST
@staff("write", "send", "decide")
def looked_at(request: StaffRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(FakeReport, pk=pk)
    form = LookedAtForm(request.POST)
    if form.is_valid():
        reports.look_at(one, by=request.user, at=timezone.now(), **form.cleaned_data)
        messages.success(request, f"Report {one.pk}: {one.get_state_display().lower()}.")
    else:
        messages.error(request, "Nothing was saved: say what the message was.")
    return redirect("notifications:reports")
