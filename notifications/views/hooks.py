"""Webhooks: which addresses are told, what became of each call."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import approvals
from accounts.access import StaffRequest, staff
from notifications import hooks
from notifications.hook_forms import HookForm
from notifications.hooks.setting_up import ACT
from notifications.models import Hook, HookAttempt, HookCall

SHOWN = 50


@require_safe
@staff("administer")
def listed(request: StaffRequest) -> HttpResponse:
    rows = list(Hook.objects.select_related("asked_by"))
    return render(request, "notifications/staff/hooks.html", {
        "room": "hooks", "living": [one for one in rows if not one.ended_at],
        "ended": [one for one in rows if one.ended_at],
    })  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@staff("administer", fresh=True)
def new(request: StaffRequest) -> HttpResponse:
    form = HookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = hooks.ask(**form.cleaned_data, by=request.user, at=timezone.now())
        asked = approvals.living(ACT, made)
        waits = asked is not None and asked.state == "open"
        messages.success(
            request, "It is asked for. Somebody else has to say yes; then you can switch it on."
            if waits else "It can be switched on. Nobody else is asked in this house; the log says so."
        )  # fmt: skip
        return redirect("notifications:hook", made.pk)
    return render(
        request,
        "notifications/staff/hook_new.html",
        {"room": "hooks", "form": form},
        status=422 if form.errors else 200,
    )


@require_safe
@staff("administer", "approve")
def hook(request: StaffRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(Hook.objects.select_related("asked_by"), pk=pk)
    approval = approvals.newest(ACT, one)
    return render(request, "notifications/staff/hook.html", {
        "room": "hooks", "hook": one, "approval": approval,
        "may_administer": request.user.has_perm("accounts.administer"),
        "may_switch_on": one.state == "asked" and approval and approval.state == "given",
        "attempts": HookAttempt.objects.filter(call__hook=one).select_related("call")[:SHOWN],
        "waiting": HookCall.objects.filter(hook=one, due_at__isnull=False).count(),
    })  # fmt: skip


@never_cache
@require_POST
@staff("administer", fresh=True)
def switch_on(request: StaffRequest, pk: int) -> HttpResponse:
    """Answers with the secret itself instead of a redirect, as a token is shown: neither address nor session has it."""
    try:
        one = hooks.switch_on(get_object_or_404(Hook, pk=pk), by=request.user, at=timezone.now())
    except (hooks.NotOpen, approvals.NotApproved) as no:
        messages.error(request, f"Nothing was switched on. {no}")
        return redirect("notifications:hook", pk)
    return render(
        request, "notifications/staff/hook_on.html", {"room": "hooks", "hook": one, "secret": hooks.secret(one)}
    )


@require_POST
@staff("administer")
def test(request: StaffRequest, pk: int) -> HttpResponse:
    try:
        hooks.test(get_object_or_404(Hook, pk=pk), by=request.user, at=timezone.now())
        messages.success(request, "A test is on its way. In a few seconds this page shows what was answered.")
    except hooks.NotOpen as no:
        messages.error(request, f"No test was sent. {no}")
    return redirect("notifications:hook", pk)


@require_POST
@staff("administer")
def resume(request: StaffRequest, pk: int) -> HttpResponse:
    try:
        count = hooks.resume(get_object_or_404(Hook, pk=pk), by=request.user, at=timezone.now())
        words = "call that waited is" if count == 1 else "calls that waited are"
        messages.success(request, f"It goes on. {count:,} {words} sent now.")
    except hooks.NotOpen as no:
        messages.error(request, str(no))
    return redirect("notifications:hook", pk)


@require_POST
@staff("administer")
def end(request: StaffRequest, pk: int) -> HttpResponse:
    try:
        hooks.end(get_object_or_404(Hook, pk=pk), by=request.user, at=timezone.now())
        messages.success(request, "The webhook is ended. Nothing is sent there any more.")
    except hooks.NotOpen as no:
        messages.error(request, str(no))
    return redirect("notifications:hooks")
