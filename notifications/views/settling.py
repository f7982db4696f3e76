"""Unknown messages: a person says of each, or of all at once, what became of them."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import StaffRequest, staff
from notifications import mailing_states, telling
from notifications.mailings.settling import Answer, settle
from notifications.models import Recipient
from notifications.views.mailings import mailing_of, people, room_of

PAGE = 100  # rows
DONE = {  # of one message, of several
    Answer.ARRIVED: ("counts as told", "count as told"),
    Answer.RESEND: ("is queued once more", "are queued once more"),
    Answer.LEAVE: ("stays unconfirmed: not told", "stay unconfirmed: not told"),
}
BUTTONS = {
    Answer.ARRIVED: "Say that it arrived at {count:,} {people}",
    Answer.RESEND: "Send again to {count:,} {people}",
    Answer.LEAVE: "Leave {count:,} {people} unconfirmed",
}


@require_safe
@staff("read_room")
def unknown(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """By name, a hundred a page. It does not refresh by itself: ticks in boxes stay."""
    shown = mailing_of(slug, number)
    rows = shown.recipients.filter(state=Recipient.State.UNKNOWN).select_related("account").order_by("pk")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(request, "notifications/staff/mailing_unknown.html", room_of(shown) | {
        "page": page, "answers": Answer.choices,
    })  # fmt: skip


@require_POST
@staff("send", fresh=True)
def settle_unknown(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """First it asks, with the number in the button; `sure` does it."""
    shown = mailing_of(slug, number)
    answer = request.POST.get("answer", "")
    ids = [int(pk) for pk in request.POST.getlist("recipient") if pk.isdecimal()]
    everyone = "everyone" in request.POST
    if answer not in Answer.values or not (ids or everyone):
        messages.error(request, "Tick at least one person, and say what became of the message.")
        return redirect("notifications:mailing_unknown", slug, number)
    if "sure" not in request.POST:
        rows = shown.recipients.filter(state=Recipient.State.UNKNOWN)
        count = (rows if everyone else rows.filter(pk__in=ids)).count()
        return render(request, "notifications/staff/mailing_settle.html", room_of(shown) | {
            "answer": Answer(answer), "ids": [] if everyone else ids, "everyone": everyone,
            "button": BUTTONS[Answer(answer)].format(count=count, people=people(count)),
        })  # fmt: skip
    try:
        count = settle(shown, answer, by=request.user, only=None if everyone else ids)
    except mailing_states.NotOpen as no:
        messages.error(request, str(no))
    else:
        one, several = DONE[Answer(answer)]
        said = f"1 message {one}" if count == 1 else f"{count:,} messages {several}"
        messages.success(request, f"Settled: {said}." if count else "None of them was unknown any more.")
        telling.push(shown.incident)
    return redirect("notifications:mailing", slug, number)
