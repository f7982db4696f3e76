""" "Was I affected?": the form of each incident's page, and what staff see and decide of it."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import approvals
from accounts.access import StaffRequest, staff
from accounts.languages import own_name, spoken
from accounts.models import Organisation
from incidents.models import Incident
from notifications import composing, limits, mailings
from notifications.inquiries import asking, counting, facts, holding, texts
from notifications.inquiry_forms import AnswerTextForm, InquiryForm
from notifications.mailings import texts as notice_texts
from notifications.models import InquiryAnswer, Notice, NoticeText
from notifications.views.reader import from_our_own_page, limited

Case = InquiryAnswer.Case


# Readers ----------------------------------------------------------------------------------------------------------


@from_our_own_page
@require_http_methods(["GET", "HEAD", "POST"])
@limited(limits.INQUIRY)
def inquire(request: HttpRequest, slug: str, language: str = "") -> HttpResponse:
    """The answer is the same for every address: one row is written, and nothing is looked up."""
    incident, language = _page(slug, language)
    is_on = asking.is_on(incident)
    with translation.override(language):
        form = InquiryForm(request.POST or None)
        if request.method != "POST" or not is_on or not form.is_valid():
            status = 422 if request.method == "POST" and is_on else 200
            context = {"form": form, "is_on": is_on, **_around(incident, language)}
            return render(request, "notifications/reader/inquiry.html", context, status=status)
    asking.ask(
        incident=incident, address=form.cleaned_data["address"], language=language,
        wants_news=form.cleaned_data["wants_news"],
    )  # fmt: skip
    return HttpResponseRedirect(reverse("notifications:inquiry_sent", args=[slug, language]), status=303)


@require_safe
def sent(request: HttpRequest, slug: str, language: str) -> HttpResponse:
    incident, language = _page(slug, language)
    with translation.override(language):
        return render(request, "notifications/reader/inquiry_sent.html", _around(incident, language))


def _page(slug: str, language: str) -> tuple[Incident, str]:
    """Of an incident that is not public nobody learns here that it exists."""
    if language and language not in dict(settings.LANGUAGES):
        raise Http404
    incident = get_object_or_404(Incident, slug=slug)
    if not asking.has_form(incident):
        raise Http404
    return incident, language or spoken(incident.language)


def _around(incident: Incident, language: str) -> dict:
    organisation = Organisation.get()
    others = [
        {"code": code, "name": own_name(code), "is_here": code == language}
        for code in organisation.languages
        if len(organisation.languages) > 1
    ]
    return {"incident": incident, "page_language": language, "languages": others}


# Staff ------------------------------------------------------------------------------------------------------------


@require_safe
@staff("read_room")
def inquiries(request: StaffRequest, slug: str) -> HttpResponse:
    """How many asked, what became of it, which texts answer; no address, and nobody's name."""
    incident = get_object_or_404(Incident, slug=slug)
    in_use = texts.in_use(incident)
    drafts = texts.drafts(incident)
    return render(request, "notifications/staff/inquiries.html", {
        "incident": incident, "room": "inquiries", "numbers": counting.of(incident),
        "drafts": [_shown(case, notice) for case, notice in drafts.items()],
        "in_use": in_use, "paused": next((one for one in in_use if one.state == one.State.PAUSED), None),
        "approval": approvals.newest(texts.ACT, incident), "is_on": asking.is_on(incident),
        "house_is_on": Organisation.get().inquiries_by_mail, "has_form": asking.has_form(incident),
    })  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def text(request: StaffRequest, slug: str, case: str, language: str) -> HttpResponse:
    """One answer in one language, and below it how it reads."""
    incident = get_object_or_404(Incident, slug=slug)
    notice = texts.drafts(incident).get(case)
    if notice is None:
        raise Http404
    is_own = language == notice.language
    row = NoticeText(notice=notice, language=language, subject=notice.subject, body=notice.body) if is_own else None
    row = row or get_object_or_404(NoticeText, notice=notice, language=language)
    data = request.POST.copy() if request.method == "POST" else None
    form = AnswerTextForm(data, instance=row, incident=incident, initial={"edits": notice.edits})
    if data is not None and form.is_valid():
        edits, fields = form.cleaned_data["edits"], form.text()
        try:
            if is_own:
                mailings.edit(notice, by=request.user, edits=edits, **fields)
            else:
                mailings.edit_in(notice, language, by=request.user, edits=edits, **fields)
        except mailings.Changed as error:
            notice.refresh_from_db()
            data["edits"] = str(notice.edits)
            form.add_error(None, str(error))
        else:
            ended = texts.edited(incident, by=request.user)
            messages.success(request, "Saved." + (" The approval no longer holds: ask again." if ended else ""))
            return redirect("notifications:inquiries", slug)
    return render(request, "notifications/staff/inquiry_text.html", {
        "incident": incident, "room": "inquiries", "form": form, "case": Case(case), "language": language,
        "language_name": own_name(language), "sample": _sample(notice, language), "variables": facts.VARIABLES,
    })  # fmt: skip


@require_POST
@staff("write")
def draft(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    count = texts.draft_all(incident, by=request.user)
    messages.success(request, f"{count} first drafts stand below. Nobody gets them before two people approved them.")
    return redirect("notifications:inquiries", slug)


@require_POST
@staff("write")
def ask(request: StaffRequest, slug: str) -> HttpResponse:
    return _act(request, slug, texts.ask, "Asked: another person has to approve exactly these texts.")


@require_POST
@staff("send")
def put_to_use(request: StaffRequest, slug: str) -> HttpResponse:
    return _act(request, slug, texts.put_to_use, "In use: whoever waits is answered now, after every notice.")


@require_POST
@staff("send")
def pause(request: StaffRequest, slug: str) -> HttpResponse:
    return _act(request, slug, holding.pause, "Paused: who asks waits, and what is on its way ends.")


@require_POST
@staff("send")
def resume(request: StaffRequest, slug: str) -> HttpResponse:
    return _act(request, slug, holding.resume, "It goes on, after every notice.")


@require_POST
@staff("send")
def switch(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    on = request.POST.get("on") == "yes"
    texts.switch(incident, on=on, by=request.user)
    words = "On: readers can ask." if on else "Off: the page says to everyone that we answer no question there by mail."
    messages.success(request, words)
    return redirect("notifications:inquiries", slug)


def _act(request: StaffRequest, slug: str, act, words: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    try:
        act(incident, by=request.user)
    except (mailings.NotNow, approvals.NotApproved) as no:
        messages.error(request, str(no))
    else:
        messages.success(request, words)
    return redirect("notifications:inquiries", slug)


def _shown(case: str, notice: Notice) -> dict:
    languages = [notice.language, *notice.texts.values_list("language", flat=True)]
    return {
        "case": case, "label": Case(case).label, "sample": _sample(notice, notice.language),
        "languages": [(code, own_name(code)) for code in languages],
    }  # fmt: skip


def _sample(notice: Notice, language: str) -> dict | None:
    """As it reads, with samples in its gaps; None while it cannot be written."""
    try:
        version = notice_texts.draft(notice)
        message = composing.compose(notice_texts.sample_recipient(version, language=language))
    except composing.CannotCompose as error:
        return {"problem": str(error)}
    return {"subject": message.subject, "text": message.text}
