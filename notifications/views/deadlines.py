"""The deadlines of an incident: which run, how much is left, what became of each."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import StaffRequest, staff
from incidents import obligations
from incidents.forms.obligations import MetForm, ReadingForm, ReasonsForm
from incidents.models import CalendarFeed, Incident, LawRule, Obligation, ObligationEntry
from incidents.obligations import Clock, drafts
from notifications import clocks

Kind = ObligationEntry.Kind
REFUSED = (obligations.ReasonsMissing, obligations.NotYet)
HEADINGS = {
    Kind.MET: "It is met", Kind.LATE: "It is late", Kind.NOT_REQUIRED: "It is not required",
    Kind.OPEN_AGAIN: "It is open again", Kind.READING: "How it is counted",
}  # fmt: skip


@require_safe
@staff("read_room")
def deadlines(request: StaffRequest, slug: str) -> HttpResponse:
    incident, now = get_object_or_404(Incident, slug=slug), timezone.now()
    return render(request, "notifications/staff/deadlines.html", {
        "incident": incident, "room": "deadlines", "now": now, "clocks": clocks.read(incident, at=now),
        "advice": obligations.CHECK_WITH_COUNSEL, "drafts": drafts.KINDS,
        "feeds": CalendarFeed.objects.filter(incident=incident, revoked_at=None).select_related("made_by"),
    })  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@staff("decide")
def choose(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    if request.method == "POST":
        rules = list(LawRule.objects.newest().filter(key__in=request.POST.getlist("rule")))
        if not rules:
            messages.error(request, "No rule was chosen. Tick those that apply.")
            return redirect("notifications:deadlines_choose", slug)
        try:
            made = obligations.choose(incident, rules, by=request.user)
        except obligations.AlreadyRuns as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, f"{len(made)} {'clock runs' if len(made) == 1 else 'clocks run'} from now on.")
        return redirect("notifications:deadlines", slug)
    return render(request, "notifications/staff/deadlines_choose.html", {
        "incident": incident, "room": "deadlines", "suggestions": obligations.suggestions(incident),
        "advice": obligations.CHECK_WITH_COUNSEL,
    })  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@staff("decide")
def say(request: StaffRequest, slug: str, pk: int, kind: str) -> HttpResponse:
    """Met, late, not required, open again, or how it is counted. An entry is never changed."""
    incident, now = get_object_or_404(Incident, slug=slug), timezone.now()
    clock = _clock(incident, pk)
    if kind not in HEADINGS or (kind == Kind.READING and len(clock.readings) < 2):
        raise Http404
    entry = ObligationEntry(obligation=clock.obligation, kind=kind)
    form = _form(request, clock, entry)
    if request.method == "POST" and form.is_valid():
        for name in ("reasons", "reading"):
            if name in form.cleaned_data:
                setattr(entry, name, form.cleaned_data[name])
        try:
            obligations.say(entry, clock=clock, by=request.user, at=now)
        except REFUSED as problem:
            form.add_error("reasons" if isinstance(problem, obligations.ReasonsMissing) else "date", str(problem))
        else:
            messages.success(request, "Recorded. It stays as it is; a later entry may say otherwise.")
            return redirect("notifications:deadlines", slug)
    return render(request, "notifications/staff/deadline_say.html", {
        "incident": incident, "room": "deadlines", "clock": clock, "kind": kind, "heading": HEADINGS[Kind(kind)],
        "form": form, "mailings": incident.mailings.of_sets().filter(started_at__isnull=False),
    }, status=422 if form.errors else 200)  # fmt: skip


@require_POST
@staff("decide")
def take_newer(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    clock = _clock(get_object_or_404(Incident, slug=slug), pk)
    if obligations.take_newer(clock, by=request.user):
        messages.success(request, "It counts by the newer version of the rule from now on.")
    else:
        messages.info(request, "It counts by the newest version already.")
    return redirect("notifications:deadlines", slug)


def _form(request: StaffRequest, clock: Clock, entry: ObligationEntry) -> Any:
    data = request.POST or None
    if entry.kind == Kind.MET:
        now = timezone.now()
        return MetForm(data, instance=entry, initial={"date": f"{now:%Y-%m-%d}", "time": f"{now:%H:%M}", "zone": "UTC"})
    if entry.kind == Kind.READING:
        return ReadingForm(data, readings=clock.readings)
    return ReasonsForm(data)


def _clock(incident: Incident, pk: int) -> Clock:
    obligation = get_object_or_404(Obligation, pk=pk, incident=incident)
    found = clocks.read(incident, at=timezone.now())
    return next(clock for clock in found if clock.obligation == obligation)
