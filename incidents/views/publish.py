"""The room where a publication is checked, asked for, approved and made."""

from collections.abc import Iterator

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts import approvals
from accounts.access import StaffRequest, staff
from accounts.models import Approval, Organisation
from incidents import documents, publishing, rewording
from incidents.documents import plain
from incidents.forms.publish import PlanForm
from incidents.models import Decision, Incident, PageVersion
from incidents.views import languages

REFUSED = (
    approvals.NotApproved, publishing.NotReady, publishing.NothingNew, publishing.DrillStaysInside, rewording.NotMinor,
)  # fmt: skip


@require_GET
@staff("read_room")
def check(request: HttpRequest, slug: str) -> HttpResponse:
    """What would be published, what stands in the way, and who has said yes. Changes nothing."""
    incident = get_object_or_404(Incident, slug=slug)
    content = documents.freeze(incident)
    latest = publishing.latest(incident)
    approval = approvals.living(Approval.Act.PUBLISH, incident)
    return render(
        request,
        "incidents/staff/publish.html",
        {
            "incident": incident, "room": "publish", "latest": latest,
            "problems": publishing.problems(incident), "approval": approval,
            "last_answer": approval or _last_answer(incident),
            "changed_since": approval is not None and not publishing.still_stands(approval, incident),
            "nothing_new": publishing.shows(incident, content), "is_minor": publishing.is_minor(approval),
            "may_be_minor": latest is not None and publishing.may_be_minor(incident),
            "diff": list(_difference(incident, latest, minor=publishing.is_minor(approval))),
            "languages": list(languages.of_publication(incident, latest, minor=publishing.is_minor(approval))),
            "only_complete": Organisation.get().only_complete_languages,
            "only_translated": publishing.only_translated(incident, content),
            "plan": publishing.open_plan(incident), "stopped_plan": publishing.last_stopped(incident),
            "plan_form": PlanForm(), "page": request.path,
            "hold": incident.decisions.standing().filter(kind=Decision.Kind.LAW_ENFORCEMENT_HOLD).last(),
        },
    )  # fmt: skip


def _last_answer(incident: Incident) -> Approval | None:
    """The newest request that ended with a no; nothing where it ended otherwise."""
    newest = approvals.newest(Approval.Act.PUBLISH, incident)
    return newest if newest and newest.state == "refused" else None


def _difference(incident: Incident, latest: PageVersion | None, *, minor: bool) -> Iterator[tuple[str, str]]:
    """(removed | added | same | gap, line) between the words of the page now and as they would be."""
    before = plain.lines(_page_of(latest)) if latest else []
    after = plain.lines(publishing.preview(incident, minor=minor)[f"{documents.path(incident.slug)}index.html"])
    return plain.difference(before, after)


def _page_of(version: PageVersion) -> bytes:
    assert version.incident is not None
    page = version.documents.filter(path=f"{documents.path(version.incident.slug)}index.html").first()
    return bytes(page.body) if page and page.body is not None else b""


@require_POST
@staff("write")
def ask(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    try:
        approval = publishing.ask(incident, by=request.user, minor=request.POST.get("as") == "minor")
    except REFUSED as problem:
        messages.error(request, str(problem))
    else:
        waits = "Another person has to answer." if approval.needs else "It may be published: no second person is asked."
        messages.success(request, f"Asked for approval of what stands here now. {waits}")
    return redirect("incidents:publish", slug=slug)


@require_POST
@staff("send", fresh=True)
def now(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    try:
        version = publishing.publish(incident, by=request.user)
    except REFUSED as problem:
        messages.error(request, f"Nothing was published. {problem}")
    else:
        version.refresh_from_db()
        if version.written_at:
            messages.success(request, f"Published: the page shows version {version.number}.")
        else:
            messages.warning(request, NOT_WRITTEN.format(number=version.number))
    return redirect("incidents:publish", slug=slug)


@require_POST
@staff("send", fresh=True)
def plan(request: StaffRequest, slug: str) -> HttpResponse:
    """What is approved goes public by itself at a moment to come."""
    incident = get_object_or_404(Incident, slug=slug)
    form = PlanForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was planned. Say when it shall be published, as a day and a clock in UTC.")
        return redirect("incidents:publish", slug=slug)
    try:
        made = publishing.plan(incident, due_at=form.cleaned_data["due_at"], by=request.user)
    except (*REFUSED, publishing.NotAPlan) as problem:
        messages.error(request, f"Nothing was planned. {problem}")
    else:
        messages.success(request, f"Planned: it is published by itself at {made.due_at:%H:%M UTC on %-d %B %Y}.")
    return redirect("incidents:publish", slug=slug)


@require_POST
@staff("send")
def cancel_plan(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    try:
        publishing.cancel(incident, by=request.user)
    except publishing.NotAPlan as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "The plan is cancelled. Nothing is published by itself; the approval stays.")
    return redirect("incidents:publish", slug=slug)


NOT_WRITTEN = (
    "Version {number} is approved and recorded, but not on the page yet: the site folder could not be written. "
    "It is tried again every ten seconds; if this stays, tell whoever runs the server."
)


@require_GET
@staff("read_room")
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """The page as it would be published now; ?in=de in one more language that is switched on."""
    incident = get_object_or_404(Incident, slug=slug)
    if (language := request.GET.get("in", "")) in documents.translations_of(incident, Organisation.get()).languages:
        return HttpResponse(publishing.preview_in(incident, language))
    return HttpResponse(publishing.preview(incident)[f"{documents.path(slug)}index.html"])


@require_GET
@staff("read_room")
def versions(request: HttpRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    every = incident.page_versions.select_related("by").defer("content")
    context = {"incident": incident, "room": "publish", "versions": every}
    return render(request, "incidents/staff/publish_versions.html", context)


@require_GET
@staff("read_room", "look_up_person")
def version(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The very bytes that were published."""
    kept = get_object_or_404(PageVersion, incident__slug=slug, number=number)
    page = _page_of(kept)
    if not page:
        raise Http404
    return HttpResponse(page)
