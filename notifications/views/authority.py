"""What leaves the deadlines' room for others: drafts for authorities, the calendar, the substitute notice."""

import hashlib

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import StaffRequest, staff
from incidents.forms.obligations import SubstituteForm
from incidents.models import AffectedAccount, CalendarFeed, Incident, SubstituteNotice
from incidents.obligations import drafts, feed, substitute
from notifications import clocks, telling
from notifications.evidence import account_hash

LISTED = 100  # accounts shown; all of them stand in the list of affected accounts


@require_safe
@staff("read_room")
def authority(request: StaffRequest, slug: str, kind: str) -> HttpResponse:
    """A document to print, with marks where something is missing."""
    incident = get_object_or_404(Incident, slug=slug)
    return render(request, "notifications/staff/authority.html", {
        "incident": incident, "room": "deadlines", "draft": _draft(incident, kind),
    })  # fmt: skip


@never_cache
@require_safe
@staff("read_room")
def authority_json(request: StaffRequest, slug: str, kind: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    response = JsonResponse(_draft(incident, kind).as_record(), json_dumps_params={"indent": 1, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="{kind}-{slug}.json"'
    return response


def _draft(incident: Incident, kind: str) -> drafts.Draft:
    try:
        return drafts.draft(incident, kind, at=timezone.now())
    except KeyError as problem:
        raise Http404 from problem


@require_POST
@staff("decide")
def feed_make(request: StaffRequest, slug: str) -> HttpResponse:
    """Shown once, on the answer itself: an address that stood in a redirect would stand in logs."""
    incident = get_object_or_404(Incident, slug=slug)
    token = feed.make(incident, by=request.user, at=timezone.now())
    address = request.build_absolute_uri(reverse("notifications:calendar", args=[token]))
    response = render(request, "notifications/staff/calendar_made.html", {
        "incident": incident, "room": "deadlines", "address": address,
    })  # fmt: skip
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@staff("decide")
def feed_revoke(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    found = get_object_or_404(CalendarFeed, pk=pk, incident__slug=slug)
    if feed.revoke(found, by=request.user, at=timezone.now()):
        messages.success(request, "The address opens nothing any more. Calendars keep what they have read.")
    else:
        messages.info(request, "It was revoked already.")
    return redirect("notifications:deadlines", slug)


@never_cache
@require_safe
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """For calendars: they show no second factor, they know the address."""
    found, now = feed.find(token), timezone.now()
    if found is None:
        raise Http404
    body = feed.ics(found.incident, clocks.read(found.incident, at=now), at=now, host=request.get_host())
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'inline; filename="deadlines.ics"'
    response["X-Robots-Tag"] = "noindex"
    return response


@require_safe
@staff("read_room")
def substitute_notice(request: StaffRequest, slug: str) -> HttpResponse:
    """Whom nobody reaches, how they are told instead, and the proof that the page stood."""
    incident, now = get_object_or_404(Incident, slug=slug), timezone.now()
    ids = telling.accounts_in(incident, "unreached")
    notices = SubstituteNotice.objects.filter(incident=incident).select_related("by")
    return render(request, "notifications/staff/substitute.html", {
        "incident": incident, "room": "deadlines", "unreached": len(ids), "form": SubstituteForm(
            instance=SubstituteNotice(incident=incident)),
        "listed": AffectedAccount.objects.filter(pk__in=ids[:LISTED]).select_related("account").order_by("pk"),
        "notices": [(notice, substitute.shown(incident, notice, at=now)) for notice in notices],
    })  # fmt: skip


@require_http_methods(["POST"])
@staff("decide", fresh=True)
def substitute_record(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    form = SubstituteForm(request.POST, instance=SubstituteNotice(incident=incident))
    ids = telling.accounts_in(incident, "unreached")
    if not form.is_valid():
        return render(request, "notifications/staff/substitute.html", {
            "incident": incident, "room": "deadlines", "unreached": len(ids), "form": form, "listed": [],
            "notices": [],
        }, status=422)  # fmt: skip
    notice = form.save(commit=False)
    notice.unreached, notice.unreached_sha256 = len(ids), list_hash(ids)
    substitute.record(notice, by=request.user, at=timezone.now())
    messages.success(request, f"Recorded: a substitute notice for {len(ids):,} accounts that nobody reaches.")
    return redirect("notifications:substitute", slug)


def list_hash(ids: list[int]) -> str:
    """SHA-256 over the keyed hashes of these accounts, sorted, a line each: as accounts.jsonl has them."""
    accounts = AffectedAccount.objects.filter(pk__in=ids).values_list("account_id", "account__external_id")
    lines = sorted(account_hash(pk, external_id) for pk, external_id in accounts)
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
