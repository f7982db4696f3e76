"""How a mailing goes out: its pace, its time, an end to the wait for the first few, another provider for the rest."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import StaffRequest, staff
from accounts.models import User
from notifications import mailings, providers
from notifications.mailing_forms import HowForm, ScheduleForm
from notifications.mailings import going
from notifications.mailings.moving import move_rest
from notifications.mailings.watching import the_rest, what_the_first_say
from notifications.models import Mailing
from notifications.views.mailings import HANDED_OVER, done, mailing_of, people, room_of

GOING_OUT = {Mailing.State.RUNNING, Mailing.State.PAUSED}


@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def how(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """How fast it goes out, and when it holds by itself."""
    shown = mailing_of(slug, number)
    form = HowForm(request.POST or None, instance=shown)
    if request.method == "POST" and form.is_valid():
        ended = "The approval ended: ask again."

        def act() -> str:
            voided = mailings.say_how(shown, by=request.user, **form.how())
            return f"Saved. {ended if voided else 'That is how it goes out.'}"

        return done(request, shown, act)
    return render(request, "notifications/staff/mailing_how.html", room_of(shown) | {"form": form},
                  status=422 if form.errors else 200)  # fmt: skip


@require_POST
@staff("send", fresh=True)
def schedule(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """A moment at which it starts by itself; without one, it waits for a person again."""
    shown = mailing_of(slug, number)
    if "never" in request.POST:
        return done(request, shown, lambda: _unscheduled(shown, request.user))
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, str(errors[0]))
        return redirect("notifications:mailing_start", slug, number)
    start_at = form.cleaned_data["start_at"]

    def act() -> str:
        mailings.schedule(shown, start_at=start_at, by=request.user)
        return f"It starts at {start_at:%d %B %Y, %H:%M} UTC, if it is approved by then."

    return done(request, shown, act)


@require_http_methods(["GET", "HEAD", "POST"])
@staff("send", fresh=True)
def rest(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """The first ones need not be waited for any longer. GET asks first; the button names the number of people."""
    shown = mailing_of(slug, number)
    if request.method != "POST":
        if shown.state not in GOING_OUT or not mailings.waits_for_the_first(shown):
            messages.error(request, f"Nobody of mailing {shown.number} waits for the first ones.")
            return redirect("notifications:mailing", slug, number)
        counts = mailings.progress(shown)
        return render(request, "notifications/staff/mailing_rest.html", room_of(shown) | {
            "counts": counts, "waiting": the_rest(shown), "first_say": what_the_first_say(shown),
            "sent": sum(counts.get(state, 0) for state in HANDED_OVER), "how": going.in_words(shown),
        })  # fmt: skip

    def act() -> str:
        count = mailings.end_the_wait(shown, by=request.user)
        return f"It goes on: {count:,} {people(count)} more are on their way."

    return done(request, shown, act)


@require_http_methods(["GET", "HEAD", "POST"])
@staff("send", fresh=True)
def move(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """Whoever still waits goes through another provider."""
    shown = mailing_of(slug, number)
    if request.method == "POST":
        return done(request, shown, lambda: _moved(move_rest(shown, to=request.POST.get("to", ""), by=request.user)))
    counts = mailings.progress(shown)
    return render(request, "notifications/staff/mailing_move.html", room_of(shown) | {
        "counts": counts, "waiting": counts.get("queued", 0) + counts.get("prepared", 0),
        "others": [one for one in providers.choices() if one[0] != shown.provider],
    })  # fmt: skip


# ----------------------------------------------------------------------------------------------------------------


def _moved(counts: dict[str, int]) -> str:
    moved, sending, unknown = counts["moved"], counts["sending"], counts["unknown"]
    return (
        f"Moved: {moved:,} {people(moved)} who wait; {sending:,} messages under way end where they are, "
        f"{unknown:,} unknown stay as they are."
    )


def _unscheduled(shown: Mailing, by: User) -> str:
    mailings.unschedule(shown, by=by)
    return "It does not start by itself any more."
