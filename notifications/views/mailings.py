"""One mailing: what it would do, who says yes, start, watch, stop, and the sums at the end."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import approvals
from accounts.access import StaffRequest, staff
from accounts.models import Organisation
from notifications import composing, letters, mailings, providers, stopping, telling
from notifications.composing.languages import name_of
from notifications.forms import ReasonForm
from notifications.mailing_forms import ScheduleForm
from notifications.mailings import going, sums
from notifications.mailings.tally import summed, tally
from notifications.mailings.watching import the_rest, what_the_first_say
from notifications.models import Mailing, Recipient
from notifications.views import bar, self_checks

PAGE = 50  # rows
State = Mailing.State
HANDED_OVER = ("accepted", "delivered", "bounced", "failed", "unknown", "unconfirmed")


@require_safe
@staff("read_room")
def mailing(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    shown = mailing_of(slug, number)
    context = room_of(shown)
    if shown.state == State.PREPARED:
        context |= {
            "unreachable": mailings.unreachable(shown).count(),
            "problem_count": mailings.problem_count(shown),
            "problems": _by_words(shown.problems),
            "empty_lists": _empty_lists(shown.problems),
            "approval": approvals.newest("mail", shown),
            "ahead": mailings.ahead_of_the_page(shown.version),
            "how": going.in_words(shown),
            "other_texts": [(name_of(one), one, text) for one, text in shown.version.texts.items()],
            "self_check": self_checks.of_mailing(shown),
        }
        return render(request, "notifications/staff/mailing_prepared.html", context)
    if shown.state in {State.FINISHED, State.CANCELLED}:
        context |= _sums(shown)
    return render(request, "notifications/staff/mailing.html", _progress(shown) | context)


@require_safe
@staff("read_room")
def progress(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """The moving part alone, for htmx; once the mailing has changed its state the whole page is asked for."""
    shown = mailing_of(slug, number)
    context = _progress(shown)
    response = render(request, "notifications/staff/_mailing_progress.html", room_of(shown) | context)
    waited = request.GET.get("waits", "0") == "1"
    if request.GET.get("state") != shown.state or waited != context["waits_for_the_first"]:
        response.headers["HX-Refresh"] = "true"
    return response


@require_POST
@staff("write")
def ask(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    shown = mailing_of(slug, number)

    def act() -> str:
        approval = mailings.ask(shown, by=request.user)
        warn_if_ahead(request, shown)
        if approval.state == "given":
            return "No second person is asked for here. It may start."
        return "A second person is asked. Nothing is sent before the answer."

    return done(request, shown, act)


@require_http_methods(["GET", "HEAD", "POST"])
@staff("send", fresh=True)
def start(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """GET asks first; the button names the number of people."""
    shown = mailing_of(slug, number)
    if request.method == "POST":
        return done(request, shown, lambda: _started(mailings.start(shown, by=request.user)))
    if shown.state != State.PREPARED:
        messages.error(request, f"Mailing {shown.number} cannot be started: it is {shown.get_state_display().lower()}.")
        return redirect("notifications:mailing", slug, number)
    context = {
        "approval": approvals.newest("mail", shown), "unreachable": mailings.unreachable(shown).count(),
        "ahead": mailings.ahead_of_the_page(shown.version),
        "subject": mailings.subject_with_samples(shown.version, ours=Organisation.get()),
        "how": going.in_words(shown), "schedule_form": ScheduleForm(),
    }  # fmt: skip
    return render(request, "notifications/staff/mailing_start.html", room_of(shown) | context)


@require_POST
@staff("send")
def pause(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    shown = mailing_of(slug, number)
    because = request.POST.get("because", "").strip()[:300] or f"by {request.user.get_full_name()}"

    def act() -> str:
        counts = mailings.pause(shown, by=request.user, because=because)
        waiting, sent = counts.get("queued", 0), sum(counts.get(state, 0) for state in HANDED_OVER)
        return (
            f"Paused. {sent:,} are sent, {waiting:,} {people(waiting)} wait; "
            f"{counts.get('sending', 0):,} messages under way still end."
        )

    return done(request, shown, act)


@require_POST
@staff("send")
def resume(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    shown = mailing_of(slug, number)

    def act() -> str:
        waiting = mailings.resume(shown, by=request.user).get("queued", 0)
        return f"It goes on: {waiting:,} {people(waiting)} left."

    return done(request, shown, act)


@require_http_methods(["GET", "HEAD", "POST"])
@staff("send")
def cancel(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    shown = mailing_of(slug, number)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return done(request, shown, lambda: _cancelled(
            mailings.cancel(shown, by=request.user, because=form.cleaned_data["because"])
        ))  # fmt: skip
    counts = mailings.progress(shown)
    waiting = counts.get("queued", 0) + counts.get("prepared", 0) + counts.get("letter", 0)
    return render(request, "notifications/staff/mailing_cancel.html", room_of(shown) | {
        "form": form, "waiting": waiting, "counts": counts,
        "sent": sum(counts.get(state, 0) for state in HANDED_OVER),
    })  # fmt: skip


@require_safe
@staff("read_room")
def recipients(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """Fifty a page, of one state or all. Accounts by their id; addresses stay out of it."""
    shown = mailing_of(slug, number)
    counts = tally(shown, at=timezone.now()).counts
    state, after = request.GET.get("state", ""), request.GET.get("after", "")
    rows = mailings.messages(shown).select_related("account").order_by("pk")
    if state in Recipient.State.values:
        rows = rows.filter(state=state)
    page, older = _after(rows, after, f"state={state}&")
    return render(request, "notifications/staff/mailing_recipients.html", room_of(shown) | {
        "rows": page, "older": older, "state": state,
        "counts": [(piece.state, piece.count) for piece in bar.pieces(counts)], "total": sum(counts.values()),
    })  # fmt: skip


@require_safe
@staff("read_room")
def unreachable(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    shown = mailing_of(slug, number)
    page, older = _after(mailings.unreachable(shown).order_by("pk"), request.GET.get("after", ""))
    return render(request, "notifications/staff/mailing_unreachable.html", room_of(shown) | {
        "rows": page, "older": older,
    })  # fmt: skip


# ----------------------------------------------------------------------------------------------------------------


def warn_if_ahead(request: StaffRequest, shown: Mailing) -> None:
    if ahead := mailings.ahead_of_the_page(shown.version):
        messages.warning(request, f"The page does not say this yet: {'; '.join(ahead)}. Publish before you send.")


def mailing_of(slug: str, number: int) -> Mailing:
    rows = Mailing.objects.select_related(
        "incident", "version__notice", "prepared_by", "started_by", "approval__asked_by"
    )
    return get_object_or_404(rows, incident__slug=slug, number=number)


def _after(rows: QuerySet[Any], after: str, given: str = "") -> tuple[list, str]:
    """One page by id, and the address of the next one: the last page costs what the first does."""
    page = list(rows.filter(pk__gt=int(after) if after.isdecimal() else 0)[: PAGE + 1])
    return page[:PAGE], f"?{given}after={page[PAGE - 1].pk}" if len(page) > PAGE else ""


def room_of(shown: Mailing) -> dict:
    return {"incident": shown.incident, "room": "notices", "mailing": shown, "notice": shown.version.notice}


def _by_words(problems: list[dict]) -> dict[str, list[str]]:
    """The accounts each problem concerns: two hundred rows with one cause are one line to read."""
    accounts: dict[str, list[str]] = {}
    for problem in problems:
        if "words" in problem:
            accounts.setdefault(f"{problem['words']} ({problem['variable']})", []).append(problem["account"])
    return accounts


def _empty_lists(problems: list[dict]) -> list[tuple[str, str]]:
    """(variable, section of the guidance where it is filled) of problems that more rows of an import cannot mend."""
    variables = sorted({problem["variable"] for problem in problems if "variable" in problem})
    return [(name, composing.MENDED_IN[name]) for name in variables if name in composing.MENDED_IN]


def _sums(shown: Mailing) -> dict:
    found = summed(shown, at=timezone.now())
    here = found["people"]
    return {
        "lines": [sums.Line(name, sums.LINES[name][1], count) for name, count in found["lines"].items()],
        "people_here": here, "people_together": max(here, shown.recipients_count),
        "carried_over": max(shown.recipients_count - here, 0), "unreachable": found["unreachable"],
        "by_letter": found["by_letter"], "by_decision": found["by_decision"],
    }  # fmt: skip


def _progress(shown: Mailing) -> dict:
    now = timezone.now()
    counted = tally(shown, at=now)
    counts = counted.counts
    total = sum(counts.values())
    running = shown.state == State.RUNNING
    waits = shown.state in {State.RUNNING, State.PAUSED} and mailings.waits_for_the_first(shown)
    unknown = shown.recipients.filter(state=Recipient.State.UNKNOWN).select_related("account").order_by("pk")
    return {
        "pieces": bar.pieces(counts),
        "counts": counts,
        "counted_at": counted.counted_at if counted.counted_at < now else None,
        "detailed_at": counted.detailed_at if counted.detailed_at and counted.detailed_at < now else None,
        "total": total,
        "handed_over": counts.get("delivered", 0) + counts.get("accepted", 0),
        "complained": shown.recipients.filter(complained_at__isnull=False).count(),
        "rate": bar.rate(shown, counts, at=now) if running else None,
        "unknown": unknown[:PAGE] if counts.get("unknown") else [],
        "providers": [bar.shares(one) for one in counted.providers],
        "domains": [bar.shares(one) for one in counted.domains],
        "how": going.in_words(shown),
        "waits_for_the_first": waits,
        "the_rest": the_rest(shown) if waits else 0,
        "can_go_on": shown.state == State.PAUSED and not (waits and what_the_first_say(shown)),
        "last_moment": going.last_moment(shown) if running and shown.an_hour else None,
        "stopped": stopping.standing(),
        "can_be_moved": shown.channel == Mailing.Channel.EMAIL and len(providers.choices()) > 1,
        "letter_parts": range(1, letters.parts(shown) + 1) if counts.get("letter") else (),
        "letters_in_part": letters.PART,
    }


def done(request: StaffRequest, shown: Mailing, act: Callable[[], str]) -> HttpResponse:
    """Do it and say so, or say why not; then back to the mailing."""
    try:
        messages.success(request, act())
    except (mailings.NotNow, approvals.NotApproved) as error:
        messages.error(request, str(error))
    else:
        telling.push(shown.incident)  # or a reader with our message in hand would find a page that denies it
    return redirect("notifications:mailing", shown.incident.slug, shown.number)


def _started(shown: Mailing) -> str:
    count = f"{shown.recipients_count:,} {people(shown.recipients_count)}"
    if shown.channel == Mailing.Channel.POST:
        return f"Letters to {count} are to be posted. Put each on record once it is: only then it counts."
    if shown.canary and shown.canary < shown.recipients_count:
        return f"Started: {shown.canary:,} of {count} first, the rest after {going.wait_in_words(shown)} of waiting."
    return f"Started: {count} queued."


def _cancelled(counts: dict[str, int]) -> str:
    dropped, sending = counts.get("cancelled", 0), counts.get("sending", 0)
    sent = sum(counts.get(state, 0) for state in HANDED_OVER)
    return (
        f"Cancelled: {sent:,} are sent, {dropped:,} {people(dropped)} stay unsent; "
        f"{sending:,} messages under way still end."
    )


def people(count: int) -> str:
    return "person" if count == 1 else "people"
