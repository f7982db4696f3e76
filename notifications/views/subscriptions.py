"""Following by mail: the form, the two links of each message, and what staff see of it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import StaffRequest, staff
from accounts.models import Organisation
from incidents.models import Incident
from notifications import limits
from notifications.follow_forms import FollowerForm, FollowForm
from notifications.models import Announcement
from notifications.subscriptions import announcing, asking, counting, tokens
from notifications.views.reader import from_our_own_page, limited

SHOWN = 20  # announcements


# Readers ----------------------------------------------------------------------------------------------------------


@from_our_own_page
@require_http_methods(["GET", "HEAD", "POST"])
@limited(limits.FOLLOW)
def follow(request: HttpRequest, slug: str = "") -> HttpResponse:
    """The answer is the same for every address: nothing is looked up before it is given."""
    incident = _public(slug) if slug else None
    form = FollowForm(request.POST or None, incident=incident)
    is_on = Organisation.get().following_by_mail
    if request.method != "POST" or not is_on or not form.is_valid():
        status = 422 if request.method == "POST" and is_on else 200
        context = {"form": form, "incident": incident, "is_on": is_on}
        return render(request, "notifications/reader/follow.html", context, status=status)
    asking.ask(
        address=form.cleaned_data["address"], language=form.cleaned_data["language"],
        incident=None if form.follows_all else incident,
    )  # fmt: skip
    return HttpResponseRedirect(reverse("notifications:follow_asked"), status=303)


def _public(slug: str) -> Incident:
    """Of one that is not public nobody learns here that it exists."""
    incident = get_object_or_404(Incident, slug=slug)
    if not asking.is_followable(incident):
        raise Http404
    return incident


@require_safe
def asked(request: HttpRequest) -> HttpResponse:
    return render(request, "notifications/reader/follow_asked.html")


@from_our_own_page
@require_http_methods(["GET", "HEAD", "POST"])
@limited(limits.OPENING)
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET is what mail scanners do: it looks nothing up and says the same for every token."""
    if request.method != "POST":
        return render(request, "notifications/reader/follow_confirm.html")
    try:
        asking.confirm(token)
    except tokens.NoSuchSubscriber:
        return render(request, "notifications/reader/follow_gone.html", status=410)
    return HttpResponseRedirect(reverse("notifications:follow_confirmed"), status=303)


@require_safe
def confirmed(request: HttpRequest) -> HttpResponse:
    return render(request, "notifications/reader/follow_confirmed.html")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, token: str) -> HttpResponse:
    """GET changes nothing. A POST ends it, wherever it comes from, and the answer is always the same.

    With one click at a mail provider (RFC 8058) it brings neither cookie nor Origin and follows no redirect; its token
    is all it can show. Nothing limits how often: a few networks of large providers speak for all their readers.
    """
    if request.method != "POST":
        return render(request, "notifications/reader/follow_end.html")
    asking.end(token)
    return render(request, "notifications/reader/follow_ended.html")


# Staff ------------------------------------------------------------------------------------------------------------


@require_safe
@staff("read_room")
def followers(request: StaffRequest) -> HttpResponse:
    """How many follow, and how the last updates went out. No address."""
    return _followers(request, FollowerForm())


@require_POST
@staff("administer")
def look_up(request: StaffRequest) -> HttpResponse:
    """Whether one address follows, for somebody who calls. It is recorded that somebody looked, not for what."""
    form = FollowerForm(request.POST)
    if not form.is_valid():
        return _followers(request, form, status=422)
    found = counting.look_up(form.cleaned_data["address"], by=request.user)
    return _followers(request, FollowerForm(), found=found, looked=True)


@require_POST
@staff("send")
def pause(request: StaffRequest, pk: int) -> HttpResponse:
    return _act(request, pk, announcing.pause, "Paused: what is on its way ends, the rest waits.")


@require_POST
@staff("send")
def resume(request: StaffRequest, pk: int) -> HttpResponse:
    return _act(request, pk, announcing.resume, "It goes on, after every notice.")


def _act(request: StaffRequest, pk: int, act, words: str) -> HttpResponse:
    announcement = get_object_or_404(Announcement, pk=pk)
    try:
        act(announcement, by=request.user)
    except announcing.NotOpen as no:
        messages.error(request, str(no))
    else:
        messages.success(request, words)
    return redirect("notifications:followers")


def _followers(request: StaffRequest, form: FollowerForm, status: int = 200, **context) -> HttpResponse:
    return render(request, "notifications/staff/followers.html", {
        "room": "followers", "form": form, "is_on": Organisation.get().following_by_mail,
        "following": counting.following(), "announcements": counting.announcements(SHOWN), **context,
    }, status=status)  # fmt: skip
