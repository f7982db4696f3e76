"""The house's own staff pages: approvals, people, the organisation, the log."""

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import acts, approvals, audit, organisations, people, typed
from accounts.access import StaffRequest, staff
from accounts.adapters import MAIL_IS_AWAY
from accounts.forms import InvitationForm, OrganisationForm, PersonForm
from accounts.models import Approval, AuditEntry, Organisation, OrganisationChange, User

LOG_PAGE = 50  # entries


# Approvals --------------------------------------------------------------------------------------------------


@require_GET
@staff("read_room")
def approval_list(request: StaffRequest) -> HttpResponse:
    known = Approval.objects.select_related("asked_by").prefetch_related("sign_offs__by")
    waiting = approvals.waiting_for(request.user).select_related("asked_by").prefetch_related("sign_offs__by")
    mine = known.live().filter(asked_by=request.user)
    others = known.live().exclude(asked_by=request.user).exclude(pk__in=waiting.values("pk"))
    past = known.exclude(used_at=None, refused_at=None, void_at=None)
    page = Paginator(past, 25).get_page(request.GET.get("page"))
    return render(request, "accounts/approvals.html", {
        "room": "approvals", "waiting": waiting, "mine": mine, "others": others, "page": page,
    })  # fmt: skip


@require_POST
@staff("approve", fresh=True)
def answer(request: StaffRequest, pk: int) -> HttpResponse:
    approval = get_object_or_404(Approval, pk=pk)
    yes = {"yes": True, "no": False}.get(request.POST.get("answer", ""))
    if yes is None:
        messages.error(request, "Neither yes nor no came with this answer. Nothing was changed; please answer again.")
        return redirect(_next(request, approval.page))
    try:
        approval = approvals.answer(
            approval, yes=yes, by=request.user, words=typed.words(request.POST.get("words", ""))[:2000]
        )
    except approvals.NotAllowed as refused:
        messages.error(request, f"Your answer was not taken. {refused}")
    else:
        messages.success(request, _what_became_of(approval))
    return redirect(_next(request, approval.page))


def _what_became_of(approval: Approval) -> str:
    if approval.state == "refused":
        return "You refused. Whoever asked can change it and ask again."
    if approval.state == "open":
        return f"You approved. {approval.missing} more must say yes."
    return "You approved. It can go ahead now; nothing has been done yet."


def _next(request: StaffRequest, otherwise: str) -> str:
    """A path of our own staff room, whatever the form said."""
    for path in (request.POST.get("next", ""), otherwise):
        if path.startswith("/staff/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None):
            return path
    return reverse("accounts:approvals")


# People -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@staff("administer", fresh=True)
def people_list(request: StaffRequest) -> HttpResponse:
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user, changed = people.add(**form.cleaned_data, by=request.user)
        if not changed:
            messages.info(request, f"{user} has this role already; nothing was changed and no message was sent.")
        else:
            _invite(request, user, f"{user} has access now, as {people.role_of(user).lower()}.")
        return redirect("accounts:people")
    everyone = people.staff().prefetch_related(
        models.Prefetch("authenticator_set", to_attr="factors"),
    )
    return render(
        request, "accounts/people.html", {"room": "people", "people": everyone, "form": form},
        status=422 if form.errors else 200,
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@staff("administer", fresh=True)
def person(request: StaffRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(people.staff(), pk=pk)
    form = PersonForm(request.POST or None, instance=user, initial={"role": people.role_of(user)})
    if request.method == "POST" and form.is_valid():
        try:
            people.change(user, name=form.cleaned_data["name"], role=form.cleaned_data["role"], by=request.user)
        except people.Refused as refused:
            messages.error(request, f"Nothing was changed. {refused}")
        else:
            messages.success(request, f"{user}: saved. It holds from the next click on.")
        return redirect("accounts:person", pk)
    return render(
        request, "accounts/person.html", {"room": "people", "person": user, "form": form},
        status=422 if form.errors else 200,
    )  # fmt: skip


@require_POST
@staff("administer", fresh=True)
def invite_again(request: StaffRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(people.staff(), pk=pk, is_active=True)
    _invite(request, user, "", by_mail=people.invite_again)
    return redirect("accounts:person", pk)


@require_http_methods(["GET", "HEAD", "POST"])
@staff("administer", fresh=True)
def close(request: StaffRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(people.staff(), pk=pk, is_active=True)
    if request.method != "POST":
        return render(request, "accounts/close.html", {"room": "people", "person": user})
    try:
        ended = people.close(user, by=request.user)
    except people.Refused as refused:
        messages.error(request, f"Nothing was changed. {refused}")
    else:
        messages.success(request, f"{user} has no access any more. Sessions ended: {ended}.")
    return redirect("accounts:people")


@require_POST
@staff("administer", fresh=True)
def reopen(request: StaffRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(people.staff(), pk=pk)
    people.reopen(user, by=request.user)
    messages.success(request, f"{user} has access again, as before.")
    return redirect("accounts:person", pk)


def _invite(
    request: StaffRequest, user: User, fact: str, *, by_mail: Callable[..., None] = people.mail_invitation
) -> None:
    try:
        by_mail(user, by=request.user)
    except MAIL_IS_AWAY:
        messages.warning(request, f"{fact} The mail server did not take the invitation; send it again from their page.")
    else:
        messages.success(request, f"{fact} The invitation is on its way.")


# The organisation -------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@staff("administer", fresh=True)
def our_organisation(request: StaffRequest) -> HttpResponse:
    form = OrganisationForm(request.POST or None, instance=Organisation.get())
    if request.method == "POST" and form.is_valid():
        changed, because = organisations.save(form.save(commit=False), by=request.user)
        if because:
            messages.success(request, f"Nothing has changed yet. It waits for a second person's yes: {because[0]}")
        elif changed:
            messages.success(request, "Saved. Pages that are already public change with the next publication.")
        else:
            messages.info(request, "Nothing was different; nothing was changed.")
        return redirect("accounts:organisation")
    waiting, approval = organisations.waiting() or (None, None)
    return render(
        request, "accounts/organisation.html",
        {"room": "organisation", "form": form, "waiting": waiting, "approval": approval},
        status=422 if form.errors else 200,
    )  # fmt: skip


@require_POST
@staff("administer", fresh=True)
def carry_out(request: StaffRequest, pk: int) -> HttpResponse:
    """The change of the organisation that a second person has approved."""
    try:
        organisations.carry_out(get_object_or_404(OrganisationChange, pk=pk, done_at=None), by=request.user)
    except approvals.NotApproved as missing:
        messages.error(request, f"Nothing was changed. {missing}")
    except organisations.ChangedMeanwhile:
        messages.error(
            request, "Nothing was changed: somebody changed the same field meanwhile. Save it anew, and ask."
        )
    else:
        messages.success(request, "Saved, as approved. Pages that are already public change with the next publication.")
    return redirect("accounts:organisation")


# The log ----------------------------------------------------------------------------------------------------


@require_GET
@staff("read_room")
def whole_log(request: StaffRequest) -> HttpResponse:
    names = ("act", "by", "thing", "incident", "words", "before")
    act, by, thing, incident, words, before = (typed.words(request.GET.get(name, "")).strip() for name in names)
    entries = AuditEntry.objects.select_related("by")
    if act:
        entries = entries.filter(act=act)
    if by:
        entries = entries.filter(by=None) if by == "system" else entries.filter(by=typed.number(by) or 0)
    if thing:
        entries = entries.filter(thing=thing)
    if incident:
        entries = entries.filter(incident=typed.number(incident) or 0)
    if words:
        entries = entries.filter(models.Q(body__icontains=words) | models.Q(hash__startswith=words.lower()))
    if number := typed.number(before):
        entries = entries.filter(number__lt=number)
    shown = list(entries[: LOG_PAGE + 1])
    filters = {"act": act, "by": by, "thing": thing, "incident": incident, "words": words}
    filters = {name: said for name, said in filters.items() if said}
    older = f"?{urlencode(filters | {'before': str(shown[LOG_PAGE - 1].number)})}" if shown[LOG_PAGE:] else ""
    return render(request, "accounts/log.html", {
        "room": "house-log", "entries": _told(shown[:LOG_PAGE]), "older": older, "filtered": bool(filters),
        "newest": f"?{urlencode(filters)}" if before else "", **filters, "head": AuditEntry.objects.first(),
        "acts": [(known, acts.what(known)) for known in
                 AuditEntry.objects.order_by("act").values_list("act", flat=True).distinct()],
        "everyone": people.staff(),
    })  # fmt: skip


@require_POST
@staff("read_room")
def verify_log(request: StaffRequest) -> HttpResponse:
    try:
        count = audit.verify()
    except audit.BrokenChain as broken:
        messages.error(request, f"The chain is broken: {broken}. Somebody changed the database from outside.")
    else:
        messages.success(request, f"The chain holds: {count} entries, each sealed to the one before.")
    return redirect("accounts:log")


def _told(entries: list[AuditEntry]) -> list[dict]:
    """In words, with all facts laid open, `name: value`, in the order of their names."""
    return [
        told | {"facts": _laid_open(acts.facts_of(told["entry"])), "page": _page_of(told["entry"].thing)}
        for told in acts.told(entries)
    ]


def _page_of(thing: str) -> str:
    """Where a thing of the house stands; empty where its own incident, or nothing, shows it."""
    kind, _, key = thing.partition(":")
    if kind == "accounts.user" and typed.number(key):
        return reverse("accounts:person", args=[key])
    pages = {"accounts.approval": "approvals", "accounts.organisation": "organisation", "accounts.apitoken": "tokens"}
    return reverse(f"accounts:{pages[kind]}") if kind in pages else ""


def _laid_open(facts: dict) -> list[tuple[str, str]]:
    return sorted((name.replace("_", " "), _short(value)) for name, value in facts.items())


def _short(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_short(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return " → ".join(map(_short, value)) if len(value) == 2 else ", ".join(map(_short, value))
    text = "none" if value is None else str(value)
    return f"{text[:12]}…" if len(text) == 64 else text  # a hash; its first figures tell it apart
