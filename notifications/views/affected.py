"""The list of affected accounts: searched, narrowed, opened page by page."""

import secrets

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import typed
from accounts.access import StaffRequest, staff
from incidents.audience import finding
from incidents.forms.affected import LookUpForm
from incidents.models import AffectedAccount, Incident
from notifications import listing, telling
from notifications.forms_affected import FilterForm
from notifications.person import OUTCOMES

KEPT = 20  # searches, and incidents whose filter is remembered, per session


@never_cache
@require_safe
@staff("read_room")
def affected(request: StaffRequest, slug: str) -> HttpResponse:
    """What it is narrowed to stands in its address and comes back next time; what was searched stands in neither."""
    incident = get_object_or_404(Incident, slug=slug)
    if not request.GET and (query := _remembered(request).get(slug)):
        return redirect(_list(slug, query))
    counts = finding.by_certainty(incident)
    outcomes = telling.outcomes(incident) if counts[""] is not None else None
    form = FilterForm(request.GET, incident=incident, counts=outcomes)
    asked = form.filter()
    found = _found(request)
    after, before = (typed.number(request.GET.get(name)) or 0 for name in ("after", "before"))
    if found is None:
        _remember(request, slug, asked.query)
        rows, earlier, later = listing.page(incident, asked, after=after, before=before)
    else:
        held = AffectedAccount.objects.filter(incident=incident, pk__in=found)
        rows, earlier, later = finding.page(held, after=after, before=before)
    query = asked.query if found is None else {"found": request.GET["found"]}
    return render(request, "incidents/staff/affected.html", {
        "incident": incident, "room": "affected", "look_up": LookUpForm(), "form": form,
        "rows": _with_outcomes(incident, rows, asked.outcome if found is None else ""),
        "asked": asked, "found": found, "any": bool(rows) or incident.affected_accounts.exists(),
        "certainties": _certainties(asked, counts),
        "count": _count(incident, asked, counts) if found is None else len(found),
        "earlier": _query(query, before=rows[0].pk) if earlier and rows else "",
        "later": _query(query, after=rows[-1].pk) if later and rows else "",
        "export_query": _query(asked.query),
    })  # fmt: skip


@require_POST
@staff("read_room")
def look_up(request: StaffRequest, slug: str) -> HttpResponse:
    """By POST and redirect: an address or a name in a URL would stand in logs and histories.

    The session keeps whom a search found, under a key that means nothing to anybody else; never what was typed.
    """
    incident = get_object_or_404(Incident, slug=slug)
    form = LookUpForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Type an account id, an address or a name, at most 320 characters.")
        return redirect("notifications:affected", slug=slug)
    found = finding.search(incident, form.cleaned_data["text"], by=request.user)
    if found.exactly and len(found.accounts) == 1:
        return redirect("notifications:affected_account", slug=slug, pk=found.accounts[0])
    if not found.accounts:
        messages.warning(
            request,
            "No account of this incident has this id or address, and no id, name or email address begins like this."
            " Check the spelling, or the next import.",
        )
        return redirect("notifications:affected", slug=slug)
    messages.info(request, _what_was_found(found))
    key = secrets.token_urlsafe(9)
    kept = list(request.session.get("affected_found", {}).items())[-KEPT + 1 :]
    request.session["affected_found"] = dict(kept) | {key: found.accounts}
    return redirect(_list(slug, {"found": key}))


def _what_was_found(found: finding.Found) -> str:
    if found.more:
        return f"More than {len(found.accounts)} accounts begin like this; so many of them are here. Type more of it."
    count = f"{len(found.accounts)} account{'' if len(found.accounts) == 1 else 's'}"
    if found.exactly:
        return f"{count} of this incident have this id or address."
    return f"Nobody has exactly this id or address. {count} begin{'s' if len(found.accounts) == 1 else ''} like this."


def _found(request: StaffRequest) -> list[int] | None:
    """Whom a search of this session has found; None where the page is about no search."""
    key = request.GET.get("found")
    if not key:
        return None
    found = request.session.get("affected_found", {}).get(key)
    if found is None:
        messages.warning(
            request, "This search is over: what a search finds is kept for whoever searched, for a while. Search again."
        )
    return found or []


def _remembered(request: StaffRequest) -> dict[str, dict[str, str]]:
    """{incident: filter}, the newest last."""
    return request.session.get("affected_filters", {})


def _remember(request: StaffRequest, slug: str, query: dict[str, str]) -> None:
    before = _remembered(request)
    if before.get(slug, {}) == query:
        return
    kept = {other: said for other, said in before.items() if other != slug}
    newest = {slug: query} if query else {}
    request.session["affected_filters"] = dict(list(kept.items())[-KEPT + 1 :]) | newest


def _with_outcomes(incident: Incident, rows: list[AffectedAccount], known: str) -> list[AffectedAccount]:
    """known: the one that all of them are in, where that was asked for."""
    outcomes = {} if known or not rows else telling.among(incident, [row.pk for row in rows])
    for row in rows:
        row.outcome_word = OUTCOMES[known or outcomes[row.pk]][0]  # type: ignore[attr-defined]
    return rows


def _count(incident: Incident, asked: listing.Filter, counts: dict[str, int | None]) -> int | None:
    """Of all that fit; None where counting would take long."""
    if asked.query.keys() <= {"certainty"}:
        return counts[asked.certainty]
    return None if asked.outcome else finding.counted(listing.matching(incident, asked))


def _certainties(asked: listing.Filter, counts: dict[str, int | None]) -> list[dict]:
    others = {name: value for name, value in asked.query.items() if name != "certainty"}
    return [
        {"key": key, "label": label, "count": None if others else counts[key],
         "query": _query(others | {"certainty": key}) or "?all=1"}
        for key, label in [("", "All"), *AffectedAccount.Certainty.choices]
    ]  # fmt: skip


def _list(slug: str, query: dict[str, str]) -> str:
    return reverse("notifications:affected", kwargs={"slug": slug}) + _query(query)


def _query(filters: dict[str, str], **position: int) -> str:
    said = {name: value for name, value in (filters | position).items() if value}
    return "?" + urlencode(said) if said else ""
