"""Behind sign-in: every notice of whoever shows that a mailbox is theirs, and the same page for those who have none."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import readers
from accounts.access import StaffRequest
from incidents.documents import words
from notifications import limits, reading, tasks
from notifications.reading import signing_in, theirs
from notifications.sign_in_forms import CodeForm, MailboxForm
from notifications.views.reader import PASS_COOKIE, from_our_own_page, give_pass, limited

View = Callable[..., HttpResponse]

HANDLE_COOKIE = "__Host-mailbox" if settings.HTTPS else "mailbox"
HOUR = timedelta(hours=1)  # a reader stays signed in; staff as long as staff do
SIZE_CLASS = 16 * 1024  # bytes; whoever watches the wire sees how many of these a page has, and no more


def where_switched_on(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not settings.READERS_SIGN_IN:
            return render(request, "notifications/reader/sign_in_off.html", status=404)
        return view(request, *args, **kwargs)

    return guarded


def signed_in(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return HttpResponseRedirect(reverse("notifications:sign_in"), status=303)
        if not request.user.is_staff and request.session.get_expiry_age() > HOUR.total_seconds():
            request.session.set_expiry(HOUR)
        return view(request, *args, **kwargs)

    return guarded


# Whose mailbox is it? ---------------------------------------------------------------------------------------------


@from_our_own_page
@require_http_methods(["GET", "HEAD", "POST"])
@where_switched_on
@limited(limits.SIGN_IN)
def sign_in(request: HttpRequest) -> HttpResponse:
    """Signing up is signing in. The answer is the same for every address: nothing is looked up before it is given."""
    form = MailboxForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        status = 422 if request.method == "POST" else 200
        return render(request, "notifications/reader/sign_in.html", {"form": form}, status=status)
    handle = signing_in.ask(
        address=form.cleaned_data["address"], language=translation.get_language(),
        at=timezone.now(),
    )  # fmt: skip
    tasks.ring_for_readers()
    response = HttpResponseRedirect(reverse("notifications:sign_in_code"), status=303)
    response.set_cookie(
        HANDLE_COOKIE, handle, max_age=signing_in.GOOD_FOR, secure=settings.HTTPS, httponly=True, samesite="Lax",
        path="/",
    )  # fmt: skip
    return response


@from_our_own_page
@require_http_methods(["GET", "HEAD", "POST"])
@where_switched_on
@limited(limits.CODE)
def code(request: HttpRequest) -> HttpResponse:
    form = CodeForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _code_page(request, form, status=422 if request.method == "POST" else 200)
    handle = request.COOKIES.get(HANDLE_COOKIE, "")
    try:
        address = signing_in.prove(handle, form.cleaned_data["code"], at=timezone.now())
    except signing_in.WrongCode as wrong:
        said = ngettext(
            "This is not the code we sent. You can try %d more time.",
            "This is not the code we sent. You can try %d more times.",
            wrong.left,
        )
        form.add_error("code", said % wrong.left)
        return _code_page(request, form, status=422)
    except signing_in.Over:
        return render(request, "notifications/reader/code_over.html", status=422)
    response = _enter(request, address)
    response.delete_cookie(HANDLE_COOKIE, path="/", samesite="Lax")
    return response


def _code_page(request: HttpRequest, form: CodeForm, *, status: int) -> HttpResponse:
    minutes = int(signing_in.GOOD_FOR.total_seconds() // 60)
    return render(request, "notifications/reader/code.html", {"form": form, "minutes": minutes}, status=status)


def _enter(request: HttpRequest, address: str) -> HttpResponse:
    """Whoever has a second factor is asked for it now. Staff are not signed in this way."""
    try:
        user = readers.who_proved(address)
    except readers.SignsInElsewhere:
        return render(request, "notifications/reader/sign_in_elsewhere.html", status=403)
    if request.user.is_authenticated and request.user.pk != user.pk:
        logout(request)
    record_authentication(request, user, method="code", email=user.email)
    response = perform_login(request, user, redirect_url=reverse("notifications:your_notices"))
    response.status_code = 303
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    response = render(request, "notifications/reader/signed_out.html")
    response.delete_cookie(PASS_COOKIE, path="/", samesite="Lax")
    return response


# What concerns it -------------------------------------------------------------------------------------------------


@require_safe
@where_switched_on
@signed_in
def your_notices(request: StaffRequest) -> HttpResponse:
    """One template, one status and one size class, whether there is something to say or nothing."""
    found = theirs.of_reader(request.user)
    list(messages.get_messages(request))  # allauth's "signed in as …": it would turn up on the notice
    context = {
        "lines": theirs.lines(found), "lists": [] if found else theirs.lists(), "as_of": words.instant(timezone.now()),
        "mailboxes": readers.mailboxes_of(request.user),
    }  # fmt: skip
    return _of_one_size(render(request, "notifications/reader/your_notices.html", context))


def _of_one_size(response: HttpResponse) -> HttpResponse:
    """Filled up with blanks to the next size class; personal pages are never compressed, so it holds on the wire."""
    body = response.content
    response.content = body + b" " * (-len(body) % SIZE_CLASS)
    return response


@require_POST
@where_switched_on
@signed_in
def open_notice(request: StaffRequest) -> HttpResponse:
    """By the reference code of its newest message, which says nothing to anybody else."""
    found = theirs.of_reader(request.user)
    wanted = request.POST.get("code", "")
    for one, line in zip(found, theirs.lines(found), strict=True):
        if line.code == wanted:
            response = HttpResponseRedirect(reverse("notifications:notice"), status=303)
            return give_pass(response, reading.pass_of_signed_in(request.user, one.affected_account))
    return redirect("notifications:your_notices")
