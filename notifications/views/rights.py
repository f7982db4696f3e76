"""Support and the rights of people: a notice sent again, an address put right, the day people are forgotten."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import approvals
from accounts.access import StaffRequest, staff
from accounts.models import Address
from incidents.models import AffectedAccount, Incident
from notifications import correcting, resending, retention
from notifications import personal_data as data
from notifications.forms_rights import CorrectionForm, PersonForm, RetentionForm
from notifications.models import AddressCorrection, PersonRequest, Retention, SentAgain
from notifications.views.person import may_open


@require_POST
@staff("send", "look_up_person", fresh=True)
def send_again(request: StaffRequest, slug: str, pk: int, address: int) -> HttpResponse:
    affected = _affected(request, slug, pk)
    place = get_object_or_404(Address, pk=address, account=affected.account_id)
    return _sent_again(request, affected, place, SentAgain.Because.SUPPORT)


def _sent_again(request: StaffRequest, affected: AffectedAccount, place: Address, because: str) -> HttpResponse:
    try:
        resending.send_again(affected=affected, address=place, because=because, by=request.user, at=timezone.now())
    except resending.NotSentAgain as no:
        messages.error(request, f"Nothing was sent. {no}")
    else:
        messages.success(request, "The notice goes to this address again, after all first notices. It stands below.")
    return redirect("notifications:affected_account", affected.incident.slug, affected.pk)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("send", "look_up_person")
def correct(request: StaffRequest, slug: str, pk: int, address: int) -> HttpResponse:
    affected = _affected(request, slug, pk)
    old = get_object_or_404(Address, pk=address, account=affected.account_id)
    form = CorrectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = correcting.ask(affected, old, by=request.user, at=timezone.now(), **form.cleaned_data)
        except correcting.CannotCorrect as no:
            form.add_error(None, str(no))
        else:
            messages.success(request, "It is asked for. A second person has to say yes; until then nothing changes.")
            return redirect("notifications:correction", slug, pk, made.pk)
    return render(request, "notifications/staff/correction_new.html", {
        "incident": affected.incident, "room": "affected", "affected": affected, "old": old, "form": form,
    }, status=422 if form.errors else 200)  # fmt: skip


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("send", "look_up_person", "approve", fresh=True)
def correction(request: StaffRequest, slug: str, pk: int, number: int) -> HttpResponse:
    """Where the second person reads what they say yes to, and where it is carried out."""
    rows = AddressCorrection.objects.select_related("affected_account__incident", "affected_account__account", "old",
                                                    "new", "asked_by", "approval__asked_by")  # fmt: skip
    asked = get_object_or_404(rows, affected_account=pk, affected_account__incident__slug=slug, pk=number)
    if not may_open(request, pk):
        raise PermissionDenied
    if request.method == "POST":
        return _carry_out(request, asked)
    approval = asked.approval or approvals.newest(correcting.ACT, asked)
    return render(request, "notifications/staff/correction.html", {
        "incident": asked.affected_account.incident, "room": "affected", "affected": asked.affected_account,
        "correction": asked, "approval": approval,
        "can_be_done": approval is not None and approval.given_at and not asked.done_at and asked.value,
    })  # fmt: skip


def _carry_out(request: StaffRequest, asked: AddressCorrection) -> HttpResponse:
    affected = asked.affected_account
    here = ("notifications:correction", affected.incident.slug, affected.pk, asked.pk)
    try:
        new = correcting.carry_out(asked, by=request.user, at=timezone.now())
    except (correcting.CannotCorrect, approvals.NotApproved) as no:
        messages.error(request, f"Nothing was changed. {no}")
        return redirect(*here)
    messages.success(request, "The old address is withdrawn, and the links in its messages open nothing any more.")
    _sent_again(request, affected, new, SentAgain.Because.CORRECTED_ADDRESS)
    return redirect(*here)


def _affected(request: StaffRequest, slug: str, pk: int) -> AffectedAccount:
    rows = AffectedAccount.objects.select_related("incident", "account")
    affected = get_object_or_404(rows, incident__slug=slug, pk=pk)
    if not may_open(request, pk):
        raise PermissionDenied
    return affected


# Their data -----------------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("export", "decide")
def personal_data(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    """What was asked before, and a form to ask: for their data, or that they are erased."""
    affected = _affected(request, slug, pk)
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = data.ask(affected, by=request.user, at=timezone.now(), **form.cleaned_data)
        messages.success(request, "It is asked for. A second person has to say yes; until then nothing happens.")
        return redirect("notifications:personal_data_request", slug, pk, made.pk)
    asked = PersonRequest.objects.filter(account=affected.account_id).select_related("asked_by")
    return render(request, "notifications/staff/personal_data_new.html", {
        "incident": affected.incident, "room": "affected", "affected": affected, "form": form, "asked": asked,
        "would": data.what_of_it(affected.account),
    }, status=422 if form.errors else 200)  # fmt: skip


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("export", "decide", "approve", fresh=True)
def personal_data_request(request: StaffRequest, slug: str, pk: int, number: int) -> HttpResponse:
    affected = _affected(request, slug, pk)
    asked = get_object_or_404(
        PersonRequest.objects.select_related("asked_by", "account", "approval__asked_by"),
        account=affected.account_id, pk=number,
    )  # fmt: skip
    may = request.user.has_perm("accounts.export") or request.user.has_perm("accounts.decide")
    if request.method == "POST":
        return _done(request, affected, asked) if may else render(request, "accounts/refused.html", status=403)
    approval = asked.approval or approvals.newest(data.ACT, asked)
    return render(request, "notifications/staff/personal_data_request.html", {
        "incident": affected.incident, "room": "affected", "affected": affected, "asked": asked, "approval": approval,
        "would": asked.report or data.what_of_it(affected.account),
        "can_be_done": may and approval is not None and approval.given_at and not asked.done_at,
    })  # fmt: skip


def _done(request: StaffRequest, affected: AffectedAccount, asked: PersonRequest) -> HttpResponse:
    at = timezone.now()
    try:
        if asked.kind == PersonRequest.Kind.GIVE:
            file = HttpResponse(data.give(asked, by=request.user, at=at), content_type="application/zip")
            file["Content-Disposition"] = f'attachment; filename="personal-data-{asked.pk}.zip"'
            return file
        said = data.erase(asked, by=request.user, at=at)
    except (data.CannotDo, approvals.NotApproved) as no:
        messages.error(request, f"Nothing was done. {no}")
    else:
        stays = " What the law demands is kept; the reasons stand below." if said["kept"] else ""
        messages.success(request, f"Erased what may be erased.{stays}")
    return redirect("notifications:personal_data_request", affected.incident.slug, affected.pk, asked.pk)


# When people are forgotten --------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("read_room")
def forgetting(request: StaffRequest, slug: str) -> HttpResponse:
    """The date, what stands against it, and what would go. Counsel and administrators set the date."""
    incident = get_object_or_404(Incident, slug=slug)
    may_set = request.user.has_perm("accounts.decide")
    form = RetentionForm(request.POST or None)
    if request.method == "POST":
        if not may_set:
            return render(request, "accounts/refused.html", status=403)
        if form.is_valid():
            try:
                retention.set_date(incident, form.day(), by=request.user, at=timezone.now())
            except retention.NotNow as no:
                form.add_error("forget_on", str(no))
            else:
                messages.success(request, f"The people of this incident are forgotten on {form.day():%d %B %Y}.")
                return redirect("notifications:forgetting", slug)
    return render(request, "notifications/staff/forgetting.html", {
        "incident": incident, "room": "evidence", "form": form, "may_set": may_set,
        "day": retention.date_of(incident), "obstacle": retention.obstacle(incident, at=timezone.now()),
        "counts": retention.would_forget(incident),
        "kept": Retention.objects.filter(pk=incident.pk).select_related("set_by").first(),
    }, status=422 if form.errors else 200)  # fmt: skip
