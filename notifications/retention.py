"""Forgetting the people of an incident when its date has come: hashes and outcomes stay, so that the evidence verifies.

What goes: names, addresses, ids of the company, languages and countries, personal facts, what messages said of them,
rows of imports. What stays: keyed hashes of addresses and ids, states, attempts, events, times, counts, seals.
Works in windows of accounts, each a transaction of its own: a crash is made good by the next call.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import audit, merkle
from accounts.models import Account, Address, User
from incidents.models import (
    AccountChange,
    AffectedAccount,
    Decision,
    Finding,
    ImportBatch,
    Incident,
    RejectedRow,
    StagedRow,
    StepState,
    UploadPiece,
)
from notifications.evidence.rows import FORGOTTEN, account_hash
from notifications.inquiries import later
from notifications.mailings import sealing
from notifications.models import AddressCorrection, Mailing, ReaderLink, Recipient, RecordUpload, Retention

WINDOW = 2000  # accounts
LEAST_AHEAD = 7  # days: a date is never so near that nobody could object


class NotNow(Exception):
    """Nothing was forgotten, or no date was set: the message says why."""


# When -----------------------------------------------------------------------------------------------------------


def date_of(incident: Incident) -> date | None:
    """The day from which on its people are forgotten; None while it is neither set nor the incident resolved."""
    row = Retention.objects.filter(pk=incident.pk).first()
    if row and row.forget_on:
        return row.forget_on
    return (incident.resolved_at + settings.RETENTION).date() if incident.resolved_at else None


@transaction.atomic
def set_date(incident: Incident, forget_on: date, *, by: User, at: datetime) -> None:
    """Raises NotNow for a day that is not a week ahead."""
    if (forget_on - at.date()).days < LEAST_AHEAD:
        raise NotNow(f"Choose a day at least {LEAST_AHEAD} days ahead, so that somebody can still object.")
    Retention.objects.update_or_create(incident=incident, defaults={"forget_on": forget_on, "set_by": by, "set_at": at})
    audit.record(act="retention.set", thing=incident, by=by, at=at, incident=incident.pk, until=forget_on.isoformat())


def obstacle(incident: Incident, *, at: datetime) -> str:
    """Why its people are not forgotten now, in words; empty where they may be."""
    standing = incident.decisions.standing().values_list("kind", flat=True)
    if set(standing) & {Decision.Kind.LEGAL_HOLD, Decision.Kind.LAW_ENFORCEMENT_HOLD}:
        return "A legal or law-enforcement hold stands among the decisions: everything is kept until it no longer does."
    if Retention.objects.filter(pk=incident.pk, forgotten_at__isnull=False).exists():
        return "Its people are forgotten already."
    day = date_of(incident)
    if day is None:
        return "No date is set, and the incident is not resolved."
    if at.date() < day:
        return f"The day is {day:%d %B %Y}."
    living = [Mailing.State.PREPARED, Mailing.State.RUNNING, Mailing.State.PAUSED]
    if incident.mailings.filter(state__in=living).exists():
        return "A mailing is prepared or going out. It has to finish or be cancelled first."
    if Recipient.objects.filter(mailing__in=incident.mailings.all(), state=Recipient.State.LETTER).exists():
        return "Letters wait to be posted. Put them on record, or cancel their mailing first."
    S = ImportBatch.State
    if incident.import_batches.filter(state__in=[S.RECEIVED, S.READING, S.STAGED, S.CONFIRMING]).exists():
        return "An import is not over. Confirm or discard it first."
    return ""


def due(*, at: datetime) -> list[Incident]:
    """Incidents whose day has come and whom nothing holds."""
    open_ones = Incident.objects.filter(Q(retention=None) | Q(retention__forgotten_at=None))
    return [one for one in open_ones.order_by("pk") if not obstacle(one, at=at)]


def forget_due(*, at: datetime | None = None) -> int:
    """Beat's: how many incidents were dealt with."""
    at = at or timezone.now()
    incidents = due(at=at)
    for incident in incidents:
        forget(incident, by=None, at=at)
    return len(incidents)


# What -----------------------------------------------------------------------------------------------------------


def would_forget(incident: Incident) -> dict[str, int]:
    """A dry run, in numbers. accounts: those of no other incident that is kept, whose names and addresses go."""
    affected = incident.affected_accounts
    own = _of_no_other(incident)
    batches = incident.import_batches.all()
    return {
        "affected": affected.count(), "accounts": own.count(),
        "addresses": Address.objects.filter(account__in=own).count(),
        "facts": affected.exclude(facts={}).count(), "messages": incident.recipients.exclude(merge={}).count(),
        "import_rows": sum(rows.filter(batch__in=batches).count() for rows in _IMPORT_ROWS),
    }  # fmt: skip


_IMPORT_ROWS: tuple[QuerySet[Any], ...] = (
    StagedRow.objects.all(), UploadPiece.objects.all(), RejectedRow.objects.all(), Finding.objects.all(),
)  # fmt: skip


def forget(incident: Incident, *, by: User | None, at: datetime) -> dict[str, Any]:
    """The report, which stands in the log as well. Raises NotNow."""
    if reason := obstacle(incident, at=at):
        raise NotNow(reason)
    row, _ = Retention.objects.get_or_create(incident=incident)
    if row.begun_at is None:
        row.begun_at, row.report = at, would_forget(incident)
        row.save(update_fields=["begun_at", "report"])
    _forget_imports(incident)
    later.forget_incident(incident)
    whom = merkle.Tree()
    for window in _windows(incident):
        for hashed in _forget_window(incident, window, at=at):
            whom.add(hashed)
    root = whom.root
    with transaction.atomic():
        report = row.report | {"root": root}
        Retention.objects.filter(pk=incident.pk).update(forgotten_at=at, report=report)
        audit.record(act="retention.forgotten", thing=incident, by=by, at=at, incident=incident.pk, root=root,
                     counts={name: count for name, count in report.items() if name != "root"})  # fmt: skip
    return report


def _windows(incident: Incident) -> Iterator[list[tuple[int, int]]]:
    """(affected account, account) by id."""
    after = 0
    while True:
        rows = incident.affected_accounts.filter(pk__gt=after).order_by("pk").values_list("pk", "account_id")
        window = list(rows[:WINDOW])
        if not window:
            return
        yield window
        after = window[-1][0]


@transaction.atomic
def _forget_window(incident: Incident, window: list[tuple[int, int]], *, at: datetime) -> list[bytes]:
    """The hashes of its accounts, by which the house can show later whom this was about."""
    forget_facts([pk for pk, _ in window], at=at)
    accounts = Account.objects.filter(pk__in=[account for _, account in window])
    hashes = {pk: account_hash(pk, external) for pk, external in accounts.values_list("pk", "external_id")}
    forget_accounts(_of_no_other(incident).filter(pk__in=list(hashes)), at=at)
    return [bytes.fromhex(hashes[account]) for _, account in window]


def forget_facts(affected: list[int], *, at: datetime) -> None:
    """What was exposed of these affected accounts, what messages said of it, and the links to read it."""
    rows = Recipient.objects.filter(affected_account__in=affected)
    open_ones = rows.filter(merge_seal=None).values_list("pk", "merge")
    unsealed = [(pk, sealing.merge_seal(merge)) for pk, merge in open_ones]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_recipient r SET merge_seal = v.seal"
            " FROM unnest(%s::bigint[], %s::bytea[]) AS v (id, seal) WHERE r.id = v.id",
            [[pk for pk, _ in unsealed], [seal for _, seal in unsealed]],
        )
    rows.update(merge={})
    AffectedAccount.objects.filter(pk__in=affected).update(facts={})
    AccountChange.objects.filter(affected_account__in=affected).update(before={}, after={})
    StepState.objects.filter(affected_account__in=affected).update(verified=[])
    AddressCorrection.objects.filter(affected_account__in=affected, done_at=None).update(value="")
    ReaderLink.objects.filter(affected_account__in=affected, revoked_at=None).update(revoked_at=at)


def forget_accounts(accounts: QuerySet[Account], *, at: datetime) -> int:
    """Names, ids and addresses of these accounts; their keyed hashes stay. How many."""
    known = [(pk, external, account_hash(pk, external)) for pk, external in accounts.values_list("pk", "external_id")]
    ids = [pk for pk, _, _ in known]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_account a SET name = '', locale = '', locale_from = '', jurisdiction = '',"
            " jurisdiction_from = '', external_id = v.external"
            " FROM unnest(%s::bigint[], %s::text[]) AS v (id, external) WHERE a.id = v.id",
            [ids, [f"{FORGOTTEN}{hashed}" if external else None for _, external, hashed in known]],
        )
        cursor.execute(
            "UPDATE accounts_address SET value = %s || id, normal = %s || id, trusted = false,"
            " withdrawn_at = coalesce(withdrawn_at, %s) WHERE account_id = ANY(%s)",
            [FORGOTTEN, FORGOTTEN, at, ids],
        )
    return len(ids)


def _of_no_other(incident: Incident) -> QuerySet[Account]:
    kept = AffectedAccount.objects.filter(account=OuterRef("pk")).exclude(incident=incident)
    kept = kept.filter(Q(incident__retention=None) | Q(incident__retention__forgotten_at=None))
    own = AffectedAccount.objects.filter(account=OuterRef("pk"), incident=incident)
    return Account.objects.filter(Exists(own), ~Exists(kept))


@transaction.atomic
def _forget_imports(incident: Incident) -> None:
    batches = list(incident.import_batches.values_list("pk", flat=True))
    StagedRow.objects.filter(batch__in=batches).delete()
    UploadPiece.objects.filter(batch__in=batches).delete()
    RejectedRow.objects.filter(batch__in=batches).update(value="", cells=None)
    Finding.objects.filter(batch__in=batches).update(account="", value="", other="", words="")
    ImportBatch.objects.filter(pk__in=batches).update(push={}, comparison={}, file_name="")
    RecordUpload.objects.filter(incident=incident).update(rows=[], problems=[], file_name="")
    for mailing in incident.mailings.exclude(problems=[]):
        count = sum(problem.get("more", 1) for problem in mailing.problems)
        Mailing.objects.filter(pk=mailing.pk).update(problems=[{"more": count}])
