"""The list of incidents, a new one, and the frame of one: title, phase, visibility, meaning of silence."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, Count, OuterRef, Q, Subquery, Value, When
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts import audit, typed
from accounts.access import StaffRequest, staff
from accounts.models import Approval
from incidents import drafting
from incidents.forms.incident import FrameForm, IncidentForm
from incidents.models import Incident, PageVersion, Template
from incidents.views import beginning, conflicts

PER_PAGE = 50
CLOSED = Q(phase__in=Incident.CLOSED)
STATES = {
    "": ("All", Q()),
    "active": ("Active", ~CLOSED & Q(drill=False)),
    "closed": ("Closed", CLOSED & Q(drill=False)),
    "drills": ("Drills", Q(drill=True)),
}


@staff("read_room", "look_up_person")
def index(request: StaffRequest) -> HttpResponse:
    if not request.user.has_perm("accounts.read_room"):
        return redirect("notifications:look_up")  # Support sees no lists: this is where they begin
    wanted, state = typed.words(request.GET.get("q", "")).strip(), request.GET.get("state", "")
    incidents = _with_states(STATES[state][1] if state in STATES else Q())
    if wanted:
        incidents = incidents.filter(
            Q(title__icontains=wanted) | Q(slug__icontains=wanted) | Q(summary__icontains=wanted)
        )
    page = Paginator(incidents.order_by("-active", "drill", "-created_at", "-pk"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    waiting = Approval.objects.live().filter(
        act=Approval.Act.PUBLISH, thing__in=[audit.name_of(incident) for incident in page]
    )
    approvals = {approval.thing: approval for approval in waiting}
    for incident in page:
        incident.waiting = approvals.get(audit.name_of(incident))
    context = {
        "page": page, "wanted": wanted, "state": state, "room": "incidents",
        "any": bool(page) or Incident.objects.exists(),
        "states": [(key, name) for key, (name, _) in STATES.items()],
    }  # fmt: skip
    return render(request, "incidents/staff/index.html", context)


def _with_states(wanted: Q) -> Any:
    """What a line of the list says, without a query for each line."""
    newest = PageVersion.objects.filter(incident=OuterRef("pk")).order_by("-number").values("number")[:1]
    return (
        Incident.objects.select_related("created_by")
        .filter(wanted)
        .annotate(
            active=Case(When(CLOSED, then=Value(0)), default=Value(1)),
            page_version=Subquery(newest),
            draft_updates=Count("updates", filter=Q(updates__published_at=None)),
        )
    )


@staff("write")
def new(request: StaffRequest) -> HttpResponse:
    form = IncidentForm(
        request.POST or None, instance=Incident(), initial=beginning.begun(request, Template.Kind.INCIDENT)
    )
    if request.method == "POST" and form.is_valid():
        incident = drafting.begin(form.save(commit=False), by=request.user)
        messages.success(request, "The incident has begun. It is private: nobody outside sees it.")
        return redirect("incidents:updates", incident.slug)
    context = {"form": form, "room": "incidents", **beginning.choices(request, Template.Kind.INCIDENT)}
    return render(request, "incidents/staff/new.html", context, status=422 if form.errors else 200)


@staff("write")
def edit(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    title = incident.title
    form = FrameForm(request.POST or None, instance=incident)
    conflict = None
    if request.method == "POST" and form.is_valid():
        if not form.changes:
            messages.info(request, "Nothing was changed.")
            return redirect("incidents:edit", slug)
        try:
            drafting.save_incident(
                incident, changed=form.changes, started_from=form.cleaned_data["started_from"] or 0, by=request.user
            )
        except drafting.EditedMeanwhile as problem:
            conflict = conflicts.shown(form, problem)
        else:
            messages.success(request, _saved(form.changes))
            return redirect("incidents:edit", slug)
    incident.title = title  # the rooms at the left name what stands, not what was typed
    context = {"incident": incident, "form": form, "conflict": conflict, "room": "edit"}
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "incidents/staff/edit.html", context, status=status)


def _saved(changes: list[str]) -> str:
    if drafting.NEVER_PUBLISHED.issuperset(changes):
        return "Saved."
    return "Saved. The page says so with the next publication; an approval asked for before no longer holds."
