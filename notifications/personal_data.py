"""What one person may ask for: all we hold about them (GDPR 15), or that it is erased (17). Two people each time."""

import hashlib
import json
from datetime import datetime
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import approvals, audit, readers
from accounts.models import Account, Address, Approval, AuditEntry, Organisation, User
from incidents.models import AccountChange, AffectedAccount, Decision, StepState
from notifications import retention
from notifications.inquiries import later
from notifications.models import Inquiry, PersonRequest, ReaderLink, Subscriber
from notifications.reading import sent

ACT = Approval.Act.PERSON
Kind = PersonRequest.Kind


class CannotDo(Exception):
    """Nothing was given or erased: the message says why."""


@transaction.atomic
def ask(affected: AffectedAccount, *, kind: str, because: str, by: User, at: datetime) -> PersonRequest:
    made = PersonRequest.objects.create(
        account=affected.account, kind=kind, because=because, asked_by=by, asked_at=at
    )  # fmt: skip
    what = "Give one person their data" if kind == Kind.GIVE else "Erase what may be erased of one person"
    approvals.ask(
        act=ACT, thing=made, hashes=_hashes(made), by=by, at=at, incident=affected.incident_id, at_least=1,
        summary=f"{what}: account number {affected.account_id}, because: {because}"[:500],
        page=reverse("notifications:personal_data_request", args=[affected.incident.slug, affected.pk, made.pk]),
    )  # fmt: skip
    return made


def _hashes(request: PersonRequest) -> dict[str, str]:
    said = audit.canonical({"account": request.account_id, "kind": request.kind})
    return {"request": hashlib.sha256(said.encode()).hexdigest()}


def _spend(request: PersonRequest, kind: str, *, at: datetime) -> PersonRequest:
    request = PersonRequest.objects.select_for_update(of=("self",)).select_related("account").get(pk=request.pk)
    if request.done_at or request.kind != kind:
        raise CannotDo("This request is over already. Ask again.")
    request.approval = approvals.use(act=ACT, thing=request, hashes=_hashes(request), at=at)
    request.done_at = at
    return request


# Giving ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def give(request: PersonRequest, *, by: User, at: datetime) -> bytes:
    """A zip of data.json and data.html. Raises CannotDo or approvals.NotApproved."""
    request = _spend(request, Kind.GIVE, at=at)
    held = all_about(request.account)
    page = render_to_string("notifications/staff/personal_data.html", {
        "held": held, "at": at, "organisation": Organisation.get(),
    })  # fmt: skip
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as bundle:
        bundle.writestr("data.json", json.dumps(held, indent=1, ensure_ascii=False, default=str))
        bundle.writestr("data.html", page)
    request.sha256 = hashlib.sha256(file.getvalue()).hexdigest()
    request.save(update_fields=["approval", "done_at", "sha256"])
    audit.record(act="person.given", thing=request, by=by, at=at, account=request.account_id,
                 sha256=request.sha256, because=request.because)  # fmt: skip
    return file.getvalue()


def all_about(account: Account) -> dict[str, Any]:
    """Everything held about one account and its mailboxes, of every incident, as plain values."""
    addresses = list(account.addresses.order_by("pk"))
    lookups = [bytes(one.lookup) for one in addresses]
    following = Subscriber.objects.living().filter(lookup__in=lookups).select_related("incident")
    looked_up = AuditEntry.objects.filter(act="account.looked_up", thing=audit.name_of(account)).order_by("number")
    return {
        "account": {
            "id": account.external_id, "kind": account.get_kind_display(), "name": account.name,
            "language": account.locale, "country": account.jurisdiction, "since": account.created_at,
        },
        "addresses": [
            {"kind": one.kind, "role": one.role, "address": one.value, "trusted": one.trusted,
             "withdrawn": one.withdrawn_at, "since": one.created_at}
            for one in addresses
        ],
        "incidents": [_in_incident(one) for one in account.affected_in.select_related("incident").order_by("pk")],
        "follows_by_mail": [
            {"incident": one.incident.title if one.incident else "all incidents", "since": one.confirmed_at}
            for one in following
        ],
        "asked_whether_affected": [
            {"incident": one.incident.title, "at": one.at, "outcome": one.get_outcome_display()}
            for one in Inquiry.objects.filter(lookup__in=lookups).select_related("incident")
        ],
        "signs_in": _signs_in([one.normal for one in addresses if one.kind == Address.Kind.EMAIL]),
        "looked_up_by_staff": list(looked_up.values_list("at", flat=True)),
    }  # fmt: skip


def _signs_in(mailboxes: list[str]) -> list[dict[str, Any]]:
    """As readers: staff are asked about elsewhere."""
    shown = EmailAddress.objects.filter(email__in=mailboxes, user__is_staff=False).select_related("user").order_by("pk")
    return [
        {
            "mailbox": one.email, "since": one.user.date_joined, "last": one.user.last_login,
            "sessions": list(UserSession.objects.filter(user=one.user).values("created_at", "ip", "user_agent")),
        }
        for one in shown
    ]  # fmt: skip


def _in_incident(affected: AffectedAccount) -> dict[str, Any]:
    steps = StepState.objects.filter(affected_account=affected).select_related("step").order_by("pk")
    links = ReaderLink.objects.filter(affected_account=affected).order_by("pk")
    return {
        "incident": affected.incident.title, "certainty": affected.get_certainty_display(),
        "groups": list(affected.segments.values_list("name", flat=True)), "facts": affected.facts,
        "on_the_list_since": affected.added_at, "said_they_read_it": affected.acknowledged_at,
        "changes": list(AccountChange.objects.filter(affected_account=affected).values("before", "after")),
        "steps": [{"step": one.step.title, "state": one.get_state_display(), "at": one.at} for one in steps],
        "links": list(links.values("created_at", "expires_at", "revoked_at", "first_opened_at", "opens")),
        "messages": [_message(row) for row in sent.recipients_of(affected)],
        "kept_until": retention.date_of(affected.incident),
    }  # fmt: skip


def _message(row: Any) -> dict[str, Any]:
    said = sent.as_sent(row)
    return {
        "at": row.sent_at, "channel": said.channel, "code": said.code, "subject": said.subject, "text": said.text,
        "to": row.address.value if row.address else None, "state": row.get_state_display(), "reason": row.reason,
        "record": row.recorded_proof,
        "events": list(row.events.values("type", "at", "words")),
    }  # fmt: skip


# Erasing --------------------------------------------------------------------------------------------------------


def what_of_it(account: Account) -> dict[str, list[str]]:
    """{"erased": […], "kept": […]} in sentences, as of now."""
    erased = [
        "Following by mail ends, and the address is forgotten there.",
        "Inquiries by this address: it is forgotten, and none that waits is answered. A keyed hash stays for a time.",
        "Signing in as a reader: the user goes, with passkeys and sessions.",
    ]
    kept = [reason for one in _affected(account) if (reason := _kept_because(one))]
    if not kept:
        erased.append("Name, id, addresses, language, country and personal facts go; keyed hashes stay.")
    return {"erased": erased, "kept": kept}


def _kept_because(affected: AffectedAccount) -> str:
    """Why an incident keeps what it holds of them; empty where nothing demands it."""
    incident, day = affected.incident, retention.date_of(affected.incident)
    standing = set(incident.decisions.standing().values_list("kind", flat=True))
    if standing & {Decision.Kind.LEGAL_HOLD, Decision.Kind.LAW_ENFORCEMENT_HOLD}:
        return f"{incident.title}: a hold stands (GDPR 17(3)(e)). Nothing may be erased until it ends."
    if affected.certainty != AffectedAccount.Certainty.RULED_OUT:
        until = f"until {day:%d %B %Y}" if day else "until the incident is resolved and its day comes"
        return f"{incident.title}: we owe them a notice and have to prove it (GDPR 17(3)(b) and (e)), {until}."
    return ""


def _affected(account: Account) -> list[AffectedAccount]:
    rows = account.affected_in.select_related("incident").order_by("pk")
    return list(rows.exclude(incident__retention__forgotten_at__isnull=False))


@transaction.atomic
def erase(request: PersonRequest, *, by: User, at: datetime) -> dict[str, list[str]]:
    """What went and what stays, in sentences. Raises CannotDo or approvals.NotApproved."""
    request = _spend(request, Kind.ERASE, at=at)
    account, said = request.account, what_of_it(request.account)
    lookups = [bytes(one) for one in account.addresses.values_list("lookup", flat=True)]
    ended = Subscriber.objects.living().filter(lookup__in=lookups).update(
        ended_at=at, ended_because=Subscriber.Ended.ASKED, lookup=None, address="",
        confirm_sha256=None, end_sha256=None,
    )  # fmt: skip
    for lookup in lookups:
        later.forget_address(lookup)
    mailboxes = account.addresses.filter(kind=Address.Kind.EMAIL, withdrawn_at=None).values_list("normal", flat=True)
    readers.forget(list(mailboxes))
    if not said["kept"]:
        retention.forget_facts(list(account.affected_in.values_list("pk", flat=True)), at=at)
        retention.forget_accounts(Account.objects.filter(pk=account.pk), at=at)
    request.report = said
    request.save(update_fields=["approval", "done_at", "report"])
    audit.record(act="person.erased", thing=request, by=by, at=at, account=account.pk, followed=ended,
                 kept=len(said["kept"]), because=request.because)  # fmt: skip
    return said
