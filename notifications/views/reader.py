"""What readers open: the neutral page, the personal notice, "is this notice genuine?"."""

import re
from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from redis.exceptions import RedisError

from accounts.languages import base, is_spoken
from accounts.models import Organisation
from notifications import limits, links, reading, tasks
from notifications.reading import PASS_LIFETIME, Opened, fresh, handing_over

View = Callable[..., HttpResponse]

PASS_COOKIE = "__Host-notice" if settings.HTTPS else "notice"
LONGEST_TYPED = 100  # characters of a code that are looked at


# Who may ask ----------------------------------------------------------------------------------------------------


def from_our_own_page(view: View) -> View:
    """In place of a CSRF token, which would make two neutral pages differ: a POST must come from a page of ours."""

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if request.method == "POST" and not _is_ours(request):
            return render(request, "notifications/reader/elsewhere.html", status=403)
        return view(request, *args, **kwargs)

    return guarded


def _is_ours(request: HttpRequest) -> bool:
    """What the browser says of the page that sent it. A browser too old to say anything sends at least Origin."""
    site = request.headers.get("Sec-Fetch-Site")
    if site:
        return site in {"same-origin", "none"}
    origin = request.headers.get("Origin") or _origin(request.headers.get("Referer", ""))
    return origin in {f"{request.scheme}://{request.get_host()}", _origin(settings.PUBLIC_BASE_URL)}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def limited(limit: limits.Limit) -> Callable[[View], View]:
    """POSTs are counted. Too many answer 429, and 503 while nobody can count: never open, never a 500."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if request.method != "POST":
                return view(request, *args, **kwargs)
            try:
                limits.check(limit, network=limits.network_of(request))
            except limits.TooOften as too_often:
                return _later(request, "notifications/reader/too_often.html", 429, seconds=too_often.seconds)
            except RedisError:
                return _later(request, "notifications/reader/away.html", 503, seconds=60)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def _later(request: HttpRequest, template: str, status: int, *, seconds: int) -> HttpResponse:
    response = render(request, template, status=status)
    response.headers["Retry-After"] = str(seconds)
    return response


def with_pass(view: View) -> View:
    """For pages behind Continue: the view gets the notice this browser may read, and no other.

    In the language of its account.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        opened = reading.enter(request.COOKIES.get(PASS_COOKIE, ""), user=request.user)
        if opened is None:
            return render(request, "notifications/reader/closed.html", {"lost": request.method == "POST"}, status=403)
        with translation.override(_language_of(opened)):
            return view(request, opened, *args, **kwargs)

    return guarded


def _language_of(opened: Opened) -> str:
    """That of the account, as in its messages; where we have no words in it, what the browser asks for."""
    locale = opened.affected_account.account.locale
    return base(locale) if is_spoken(locale) else translation.get_language()


# The link in the message ----------------------------------------------------------------------------------------


@from_our_own_page
@require_http_methods(["GET", "HEAD", "POST"])
@limited(limits.OPENING)
def neutral(request: HttpRequest, token: str) -> HttpResponse:
    """GET is what mail scanners do: it looks nothing up, changes nothing and says the same for every token.

    A POST opens, or says in the same words of every other token that this one opens nothing.
    """
    if request.method != "POST":
        return render(request, "notifications/reader/neutral.html")
    response = HttpResponseRedirect(reverse("notifications:notice"), status=303)
    try:
        return give_pass(response, reading.pass_for(reading.open_notice(token)))
    except (links.NoSuchLink, links.Revoked, links.Expired):
        handed_over = handing_over.use(token, at=timezone.now())
    if handed_over is not None:
        return give_pass(response, reading.pass_of_handed_over(handed_over))
    context = {"days": settings.LINK_LIFETIME.days}
    return _without_pass(render(request, "notifications/reader/gone.html", context, status=410))


@from_our_own_page
@require_POST
@limited(limits.FRESH_LINK)
def fresh_link(request: HttpRequest, token: str) -> HttpResponse:
    """The same to every token: what it was is looked up by a worker, and shows in the mailbox alone."""
    fresh.ask(token)
    tasks.ring_for_readers()
    return HttpResponseRedirect(reverse("notifications:fresh_link_asked"), status=303)


@require_safe
def fresh_link_asked(request: HttpRequest) -> HttpResponse:
    return render(request, "notifications/reader/fresh_link_asked.html")


def give_pass(response: HttpResponse, pass_: str) -> HttpResponse:
    response.set_cookie(
        PASS_COOKIE, pass_, max_age=PASS_LIFETIME, secure=settings.HTTPS, httponly=True, samesite="Lax", path="/"
    )
    return response


def _without_pass(response: HttpResponse) -> HttpResponse:
    response.delete_cookie(PASS_COOKIE, path="/", samesite="Lax")
    return response


# The personal notice --------------------------------------------------------------------------------------------


@require_safe
@with_pass
def notice(request: HttpRequest, opened: Opened) -> HttpResponse:
    personal = reading.personal_notice(opened)
    return render(request, "notifications/reader/notice.html", {"notice": personal, "code_form": links.CODE_FORM})


@require_POST
@with_pass
def steps(request: HttpRequest, opened: Opened) -> HttpResponse:
    done = reading.tick(opened.affected_account, shown=_ids(request, "shown"), ticked=_ids(request, "done"))
    said = ngettext("Saved. One step is ticked.", "Saved. %(count)d steps are ticked.", done)
    messages.success(request, said % {"count": done} if done else _("Saved. No step is ticked."))
    return redirect("notifications:notice")


@require_POST
@with_pass
def acknowledge(request: HttpRequest, opened: Opened) -> HttpResponse:
    if request.POST.get("read") != "yes":
        messages.error(request, _("Nothing was saved: tick “I have read this” first, then press the button again."))
    elif reading.acknowledge(opened.affected_account):
        messages.success(request, _("Thank you. We know now that you have read this."))
    else:
        messages.info(request, _("You had told us before that you have read this. Nothing has changed."))
    return redirect("notifications:notice")


@require_safe
@with_pass
def full_page(request: HttpRequest, opened: Opened) -> HttpResponse:
    """The page of an incident that only those who were told may read."""
    page = reading.full_page(opened.affected_account.incident)
    if page is None:
        raise Http404("no page behind this notice")
    return redirect(page) if isinstance(page, str) else HttpResponse(page)


@require_POST
def close(request: HttpRequest) -> HttpResponse:
    return _without_pass(render(request, "notifications/reader/closed.html", {"on_purpose": True}))


def _ids(request: HttpRequest, name: str) -> set[int]:
    return {int(value) for value in request.POST.getlist(name) if re.fullmatch(r"[0-9]{1,18}", value)}


# Is this notice genuine? ----------------------------------------------------------------------------------------


@from_our_own_page
@require_http_methods(["GET", "HEAD", "POST"])
@limited(limits.GENUINE)
def genuine(request: HttpRequest) -> HttpResponse:
    """Carries no authority and names nobody. The answer stands under the same address, so that no code is in a URL."""
    context = {"code_form": links.CODE_FORM, "sender": Organisation.get().sender}
    if request.method != "POST":
        return render(request, "notifications/reader/genuine.html", context)
    typed = request.POST.get("code", "")[:LONGEST_TYPED].strip()
    context["typed"] = typed
    code = links.normalise_code(typed)
    if code is None:
        return render(request, "notifications/reader/genuine.html", context | {"problem": _what_is_wrong(typed)})
    found = reading.genuine(code)
    template = "notifications/reader/genuine_yes.html" if found else "notifications/reader/genuine_no.html"
    return render(request, template, context | {"found": found})


def _what_is_wrong(typed: str) -> str:
    """Of a text that cannot be one of our codes: what to look at again."""
    length, ours = sum(mark.isalnum() for mark in typed), links.CODE_FORM.count("X")
    if not length:
        return _("Type the code first. It stands in the first lines of the message.")
    if length != ours:
        said = ngettext(
            "This has %(count)d letter or figure; our codes have %(ours)d. Look again at the message.",
            "This has %(count)d letters and figures; our codes have %(ours)d. Look again at the message.",
            length,
        )
        return said % {"count": length, "ours": ours}
    return _("This code has a typing mistake: at least one character is wrong. Compare it with the message once more.")
