"""The same notice in further languages."""

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import StaffRequest, staff
from notifications import composing, mailings
from notifications.composing.languages import NAMES, name_of
from notifications.forms import NoticeTextForm
from notifications.models import Notice, NoticeText
from notifications.views.notices import notice_of, room_of, warn_of


@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def write(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    """A first draft in the language asked for, where there is one; else the words of the notice, to translate."""
    notice = notice_of(slug, pk)
    language = request.GET.get("language", "")
    there = {notice.language, *notice.texts.values_list("language", flat=True)}
    first = {"subject": notice.subject, "body": notice.body}
    if language in NAMES:
        subject, body = composing.starter(notice.incident, language)
        first = {"language": language, "subject": subject, "body": body}
    data = request.POST.copy() if request.method == "POST" else None
    form = NoticeTextForm(data, initial=first, notice=notice)
    if data is not None and form.is_valid() and (saved := _save(request, notice, form, data)):
        return saved
    return render(request, "notifications/staff/notice_text.html", room_of(notice.incident) | {
        "form": form, "notice": notice, "drafts": [(tag, name) for tag, name in NAMES.items() if tag not in there],
    })  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def edit(request: StaffRequest, slug: str, pk: int, language: str) -> HttpResponse:
    notice = notice_of(slug, pk)
    text = get_object_or_404(NoticeText, notice=notice, language=language)
    data = request.POST.copy() if request.method == "POST" else None
    form = NoticeTextForm(data, instance=text, notice=notice)
    if data is not None and form.is_valid() and (saved := _save(request, notice, form, data)):
        return saved
    return render(request, "notifications/staff/notice_text.html", room_of(notice.incident) | {
        "form": form, "notice": notice, "text": text, "in_language": name_of(text.language),
    })  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def drop(request: StaffRequest, slug: str, pk: int, language: str) -> HttpResponse:
    """GET asks first."""
    notice = notice_of(slug, pk)
    text = get_object_or_404(NoticeText, notice=notice, language=language)
    if request.method == "POST":
        try:
            ended = mailings.drop_language(notice, text.language, by=request.user, edits=notice.edits)
        except mailings.Changed:
            messages.error(request, "Somebody saved this notice this very moment. Look at it and try again.")
        else:
            said = f"The text in {name_of(text.language)} is removed: they get {name_of(notice.language)}."
            messages.success(request, said + _ended(ended))
        return redirect("notifications:notice_preview", slug, pk)
    return render(request, "notifications/staff/notice_text_drop.html", room_of(notice.incident) | {
        "notice": notice, "text": text, "in_language": name_of(text.language), "default": name_of(notice.language),
    })  # fmt: skip


# ----------------------------------------------------------------------------------------------------------------


def _save(request: StaffRequest, notice: Notice, form: NoticeTextForm, data: QueryDict) -> HttpResponse | None:
    """None where somebody else was faster: the form says so."""
    words = form.cleaned_data
    language = words.get("language") or form.instance.language
    try:
        ended = mailings.edit_in(
            notice, language, subject=words["subject"], body=words["body"], by=request.user, edits=words["edits"]
        )
    except mailings.Changed as error:
        notice.refresh_from_db()
        data["edits"] = str(notice.edits)
        form.add_error(None, str(error))
        return None
    messages.success(request, f"“{notice.name}” in {name_of(language)} is saved.{_ended(ended)}")
    warn_of(request, notice, language)
    return redirect("notifications:notice_preview", notice.incident.slug, notice.pk)


def _ended(approvals: int) -> str:
    return " Its approval no longer holds: prepare it again and ask again." if approvals else ""
