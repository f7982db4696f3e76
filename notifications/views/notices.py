"""Writing a notice and looking at it: nothing here reaches anybody but the person who does it."""

from difflib import get_close_matches

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import StaffRequest, staff
from accounts.models import Organisation
from incidents.models import Incident, Template
from incidents.views import beginning
from notifications import composing, mailings
from notifications.composing import CannotCompose
from notifications.forms import NoticeForm
from notifications.mailing_forms import WhomForm
from notifications.models import Mailing, Notice
from notifications.views.mailings import warn_if_ahead


@require_safe
@staff("read_room")
def notices(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    sent = Mailing.objects.select_related("version").order_by("-number")
    rows = (
        incident.notices.exclude(kind=Notice.Kind.ANSWER)
        .select_related("created_by")
        .prefetch_related(Prefetch("versions__mailings", queryset=sent), "versions")
    )
    ours = Organisation.get()
    listed = [
        {"notice": notice, "subject": mailings.subject_with_samples(notice, ours=ours), "mailings": mailings_of(notice)}
        for notice in rows
    ]
    return render(request, "notifications/staff/notices.html", {
        "incident": incident, "room": "notices", "notices": listed,
    })  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def write(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    subject, body = composing.starter(incident)
    first = {"name": "First notice", "language": incident.language, "subject": subject, "body": body}
    first |= beginning.begun(request, Template.Kind.NOTICE)
    form = NoticeForm(request.POST or None, initial=first, incident=incident)
    if request.method == "POST" and form.is_valid():
        notice = mailings.create(incident, by=request.user, **form.text())
        messages.success(
            request, f"“{notice.name}” is saved. Nobody gets it until it is prepared, approved and started."
        )
        warn_of(request, notice)
        return redirect("notifications:notice_preview", slug, notice.pk)
    return render(request, "notifications/staff/notice_write.html", room_of(incident) | {
        "form": form, **beginning.choices(request, Template.Kind.NOTICE),
    })  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def edit(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    notice = notice_of(slug, pk)
    data = request.POST.copy() if request.method == "POST" else None
    form = NoticeForm(data, instance=notice, incident=notice.incident)
    if data is not None and form.is_valid():
        try:
            ended = mailings.edit(notice, by=request.user, edits=form.cleaned_data["edits"], **form.text())
        except mailings.Changed as error:
            notice.refresh_from_db()
            data["edits"] = str(notice.edits)
            form.add_error(None, str(error))
        else:
            voided = " Its approval no longer holds: prepare it again and ask again." if ended else ""
            messages.success(request, f"“{notice.name}” is saved.{voided}")
            warn_of(request, notice)
            return redirect("notifications:notice_preview", slug, notice.pk)
    return render(request, "notifications/staff/notice_write.html", room_of(notice.incident) | {
        "form": form, "notice": notice,
    })  # fmt: skip


@require_POST
@staff("write")
def test(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    notice = notice_of(slug, pk)
    try:
        mailings.test_send(notice, by=request.user)
    except (CannotCompose, mailings.NotSent) as error:
        messages.error(request, f"No test message was sent. {error}")
    else:
        messages.success(request, "A test message with sample data is on its way to your own address.")
    return redirect("notifications:notice_preview", slug, pk)


@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def prepare(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    """GET asks whom it goes to. A POST that does not say means the set proposed for its kind, or that of `like`."""
    notice = notice_of(slug, pk)
    asked = {name: request.GET[name] for name in ("whom", "channel") if name in request.GET}
    form = WhomForm(request.POST if "whom" in request.POST else None, notice=notice, initial=asked)
    if request.method != "POST" or (form.is_bound and not form.is_valid()):
        status = 422 if form.is_bound else 200
        return render(
            request, "notifications/staff/notice_whom.html",
            room_of(notice.incident) | {"notice": notice, "form": form}, status=status,
        )  # fmt: skip
    try:
        mailing = mailings.prepare(notice, by=request.user, to=form.to() if form.is_bound else _like(request, notice))
    except mailings.NotNow as error:
        messages.error(request, str(error))
        return redirect("notifications:notice_preview", slug, pk)
    if "like" not in request.POST:
        mailings.propose_a_few_first(mailing, by=request.user)
    tried = f"{mailing.recipients_count:,} {'message was' if mailing.recipients_count == 1 else 'messages were'}"
    messages.success(request, f"Mailing {mailing.number} is prepared: {tried} written as a trial. Nothing is sent.")
    warn_if_ahead(request, mailing)
    return redirect("notifications:mailing", slug, mailing.number)


# ----------------------------------------------------------------------------------------------------------------


def _like(request: StaffRequest, notice: Notice) -> mailings.To | None:
    """The set of an earlier mailing of this notice that is prepared again."""
    number = request.POST.get("like", "")
    earlier = Mailing.objects.filter(version__notice=notice, number=number).first() if number.isdecimal() else None
    return mailings.To.of(earlier) if earlier else None


def mailings_of(notice: Notice) -> list[Mailing]:
    """Newest first, over all versions."""
    made = [mailing for version in notice.versions.all() for mailing in version.mailings.all()]
    return sorted(made, key=lambda mailing: -mailing.number)


def notice_of(slug: str, pk: int) -> Notice:
    rows = (
        Notice.objects.exclude(kind=Notice.Kind.ANSWER)
        .select_related("incident", "created_by")
        .prefetch_related("versions__mailings__version")
    )
    return get_object_or_404(rows, pk=pk, incident__slug=slug)


def room_of(incident: Incident) -> dict:
    return {
        "incident": incident, "room": "notices", "variables": composing.VARIABLES,
        "facts": mailings.facts_known(incident),
        "segments": incident.segments.filter(held_back=False).values_list("key", flat=True),
    }  # fmt: skip


def warn_of(request: StaffRequest, notice: Notice, language: str = "") -> None:
    """Words for what would stop every message, while the writer is still at it. language: that of the text saved."""
    facts = mailings.facts_known(notice.incident)
    known = composing.VARIABLES.keys() | facts.keys()
    version = mailings.draft(notice)
    for name in sorted(composing.variables_in(*version.text_in(language)) - known):
        alike = get_close_matches(name, known, n=1)
        there = f"Was {alike[0]} meant? " if alike else f"There are {', '.join(sorted(facts))}. " if facts else ""
        messages.warning(
            request, f"No affected account has {name} so far: check the spelling, or import it. {there}".strip()
        )
    try:
        mailings.sample(notice, language=language)
    except CannotCompose as error:
        messages.warning(request, f"Nobody could get this yet. {error}")
