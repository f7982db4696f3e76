"""The kill switch of the house: what it would hold, stop, and let go on again."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import StaffRequest, staff
from notifications import stopping
from notifications.forms import ReasonForm, StopForm
from notifications.models import Mailing, SendingStop

STOPS_SHOWN = 20


@require_safe
@staff("read_room")
def sending(request: StaffRequest) -> HttpResponse:
    """What is going out in the whole house, and the switch; the button names the numbers."""
    return _page(request, StopForm(), ReasonForm())


@require_POST
@staff("send")
def stop(request: StaffRequest) -> HttpResponse:
    form = StopForm(request.POST)
    if not form.is_valid():
        return _page(request, form, ReasonForm(), status=422)
    because = form.cleaned_data["because"] or f"by {request.user.get_full_name()}"
    try:
        counts = stopping.stop(by=request.user, because=because)
    except stopping.AlreadyStopped as no:
        messages.info(request, str(no))
    else:
        messages.success(
            request,
            f"All sending is stopped. {counts['waiting']:,} people wait; {counts['sending']:,} messages under way end.",
        )
    return redirect("notifications:sending")


@require_POST
@staff("approve", fresh=True)
def lift(request: StaffRequest) -> HttpResponse:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, StopForm(), form, status=422)
    try:
        counts = stopping.lift(by=request.user, because=form.cleaned_data["because"])
    except stopping.NotLifted as no:
        messages.error(request, str(no))
    else:
        messages.success(request, f"Sending goes on: {_held(counts)}.")
    return redirect("notifications:sending")


def _page(request: StaffRequest, stop_form: StopForm, lift_form: ReasonForm, status: int = 200) -> HttpResponse:
    held = stopping.standing()
    going = Mailing.objects.filter(state__in=[Mailing.State.RUNNING, Mailing.State.PAUSED])
    return render(request, "notifications/staff/sending.html", {
        "room": "sending", "held": held, "counts": stopping.living(), "stop_form": stop_form, "lift_form": lift_form,
        "obstacle": stopping.obstacle(held, by=request.user) if held else "",
        "going": going.select_related("incident", "version__notice").order_by("incident", "number"),
        "stops": SendingStop.objects.select_related("by", "lifted_by")[:STOPS_SHOWN],
    }, status=status)  # fmt: skip


def _held(counts: dict[str, int]) -> str:
    people = f"{counts['waiting']:,} {'person' if counts['waiting'] == 1 else 'people'}"
    return f"{people} in {counts['mailings']:,} {'mailing' if counts['mailings'] == 1 else 'mailings'}"
