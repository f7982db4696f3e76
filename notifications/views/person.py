"""One person at a time: found by exact id or address, all that concerns them on one page, a letter or call recorded."""

from django.conf import settings
from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import StaffRequest, staff
from accounts.languages import direction, own_name
from accounts.models import Address
from incidents.audience import finding
from incidents.models import AffectedAccount, Incident
from notifications import listing, person, recording, resending, support, tried
from notifications.forms import FindForm, RecordForm, TakeBackForm
from notifications.models import AddressCorrection, Recipient

LOOK_UPS_KEPT = 10


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("look_up_person")
def look_up(request: StaffRequest) -> HttpResponse:
    """Over all incidents. What was typed stays out of addresses, and what it found is kept in the session."""
    form = FindForm(request.POST or None)
    if request.method != "POST":
        latest = _found(request)[0] if _found(request) else []
        return _look_up_page(request, form, latest if len(latest) > 1 else [])
    if not form.is_valid():
        return _look_up_page(request, form, [], status=422)
    found = finding.look_up(None, form.cleaned_data["text"], by=request.user)
    request.session["looked_up"] = [[one.pk for one in found], *_found(request)][:LOOK_UPS_KEPT]
    if len(found) == 1:
        return redirect("notifications:affected_account", found[0].incident.slug, found[0].pk)
    if found:
        messages.info(request, f"Found {len(found)} times, in one incident or several.")
    else:
        messages.warning(
            request,
            "Nobody on any list has exactly this id or address. Check the spelling, or ask for another address.",
        )
    return redirect("notifications:look_up")


def may_open(request: StaffRequest, pk: int) -> bool:
    return request.user.has_perm("accounts.read_room") or any(pk in found for found in _found(request))


def _found(request: HttpRequest) -> list[list[int]]:
    """What the latest look-ups found, the newest first."""
    return request.session.get("looked_up", [])


def _look_up_page(request: HttpRequest, form: FindForm, found: list[int], status: int = 200, **more) -> HttpResponse:
    rows = AffectedAccount.objects.filter(pk__in=found).select_related("account", "incident").order_by("-pk")
    return render(
        request,
        "notifications/staff/look_up.html",
        {"form": form, "rows": rows, "room": "look-up"} | more,
        status=status,
    )


@never_cache
@require_safe
@staff("read_room", "look_up_person")
def account(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    """Whoever reads no lists opens only what their own look-up has found: no trying one number after the other."""
    if not may_open(request, pk):
        return _look_up_page(request, FindForm(), [], status=403, not_found_by_you=True)
    affected = _affected(slug, pk)
    person.looked_up(affected, by=request.user)
    return _page(request, affected, RecordForm(by=request.user))


@require_POST
@staff("send")
def record(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    affected = _affected(slug, pk)
    form = RecordForm(request.POST, by=request.user)
    if not form.is_valid():
        return _page(request, affected, form, status=422)
    try:
        recipient = recording.record(affected, by=request.user, **form.cleaned_data)
    except recording.CannotRecord as no:
        form.add_error(None, str(no))
        return _page(request, affected, form, status=422)
    what = Recipient.Channel(recipient.channel).label.lower()
    messages.success(request, f"On record: {affected.account}, {what}. The account counts as told.")
    return redirect("notifications:affected_account", slug, pk)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("send")
def take_back(request: StaffRequest, slug: str, pk: int, record: int) -> HttpResponse:
    """A record that was wrong: asks first, and why."""
    affected = _affected(slug, pk)
    recipient = get_object_or_404(affected.recipients.exclude(recorded_proof=""), pk=record)
    form = TakeBackForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            recording.take_back(recipient, because=form.cleaned_data["because"], by=request.user)
        except recording.CannotRecord as no:
            messages.error(request, str(no))
        else:
            messages.success(request, "Taken back: it counts no more. It stands in the log as it was.")
        return redirect("notifications:affected_account", slug, pk)
    return render(request, "notifications/staff/record_take_back.html", {
        "incident": affected.incident, "room": "affected", "affected": affected, "recipient": recipient, "form": form,
    }, status=422 if form.errors else 200)  # fmt: skip


def _affected(slug: str, pk: int) -> AffectedAccount:
    rows = AffectedAccount.objects.select_related(
        "incident", "account", "batch__uploaded_by", "changed_in__uploaded_by"
    )
    return get_object_or_404(rows, incident__slug=slug, pk=pk)


def _page(request: HttpRequest, affected: AffectedAccount, form: RecordForm, status: int = 200) -> HttpResponse:
    told = person.read(affected)
    pages = support.pages_then(affected.incident, told.messages)
    for message in told.messages:
        message.page_then = pages.get(message.pk)  # type: ignore[attr-defined]
    read_in = request.GET.get("read_in", "")
    if read_in not in dict(settings.LANGUAGES):
        read_in = support.language_of(affected)
    return render(request, "notifications/staff/person.html", {
        "incident": affected.incident, "room": "affected", "affected": affected, "person": told,
        "form": form, "script": support.script(affected, told.outcome, language=read_in),
        "read_in": {"language": read_in, "direction": direction(read_in)},
        "languages": [{"code": code, "name": own_name(code)} for code, _ in settings.LANGUAGES],
        "can_send_again": told.outcome != "by_decision_not_told" and resending.last_approved(affected) is not None,
        "corrections": AddressCorrection.objects.filter(affected_account=affected, done_at=None).exclude(value=""),
    }, status=status)  # fmt: skip


@never_cache
@require_safe
@staff("read_room")
def unreached(request: StaffRequest, slug: str) -> HttpResponse:
    """Exactly those whom the overview counts as unreached."""
    incident = get_object_or_404(Incident, slug=slug)
    given = {name: int(value) for name in ("after", "before") if (value := request.GET.get(name, "")).isdecimal()}
    rows, earlier, later = listing.page(incident, listing.Filter(outcome="unreached"), **given)
    ids = [row.pk for row in rows]
    places = tried.read(ids)
    reachable = Exists(Address.objects.reachable().filter(account=OuterRef("account")))
    for row in AffectedAccount.objects.filter(pk__in=ids).annotate(reachable=reachable):
        rows[ids.index(row.pk)].reachable = row.reachable  # type: ignore[attr-defined]
    return render(request, "notifications/staff/unreached.html", {
        "incident": incident, "room": "notices", "rows": [(row, *places.get(row.pk, (None, []))) for row in rows],
        "newer": f"?before={ids[0]}" if earlier and ids else "", "older": f"?after={ids[-1]}" if later and ids else "",
    })  # fmt: skip
