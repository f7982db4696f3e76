"""What was decided, by whom and why. Nothing here is ever edited."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts.access import StaffRequest, staff
from incidents import deciding
from incidents.forms.decisions import DecisionForm
from incidents.models import Decision, Incident


@staff("read_room")
def decisions(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    made = incident.decisions.select_related("by", "segment", "supersedes", "superseded_by").order_by(
        "-recorded_at", "-pk"
    )
    context = {"incident": incident, "decisions": made, "room": "decisions"}
    return render(request, "incidents/staff/decisions.html", context)


@staff("decide", fresh=True)
def new(request: StaffRequest, slug: str) -> HttpResponse:
    """?supersedes= names the decision that the new one replaces."""
    incident = get_object_or_404(Incident, slug=slug)
    form = DecisionForm(
        request.POST or None,
        instance=Decision(incident=incident),
        initial={"supersedes": request.GET.get("supersedes", "")},
    )
    if request.method == "POST" and form.is_valid():
        try:
            deciding.decide(form.save(commit=False), by=request.user)
        except deciding.AlreadySuperseded as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, "The decision is recorded. It stays as it is; a later one may supersede it.")
        return redirect("incidents:decisions", slug)
    context = {"incident": incident, "form": form, "room": "decisions"}
    return render(request, "incidents/staff/decision_new.html", context, status=422 if form.errors else 200)
