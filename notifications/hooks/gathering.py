"""What happened becomes calls. Read off the rows themselves, so that no crash between the two loses an event."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from accounts.adapters import absolute
from accounts.models import Approval
from incidents.models import ImportBatch, Incident, PageVersion
from notifications.mailings import progress
from notifications.mailings.tally import tally
from notifications.models import Hook, HookCall, Mailing, Recipient

LOOKS_BACK = timedelta(days=7)  # as long may beat be away; calls are kept longer (sending.KEPT)
BOUNCES_COME_WITHIN = timedelta(minutes=15)
NOT_REACHED = (Recipient.State.BOUNCED, Recipient.State.FAILED)

Event = Hook.Event


@dataclass(frozen=True)
class Happened:
    key: str
    at: datetime
    facts: dict[str, Any]


def gather(*, at: datetime) -> int:
    """Queue what no address was told of yet; how many calls are new."""
    made = 0
    for hook in Hook.objects.filter(on_at__isnull=False, ended_at=None).order_by("pk"):
        since = max(hook.on_at, at - LOOKS_BACK) if hook.on_at else at
        known = set(HookCall.objects.filter(hook=hook).values_list("key", flat=True))
        for event in hook.events:
            for one in HAPPENED[Event(event)](since, at, known):
                made += queue(hook, event, key=one.key, happened_at=one.at, facts=one.facts, at=at)
    return made


def queue(hook: Hook, event: str, *, key: str, happened_at: datetime, facts: dict[str, Any], at: datetime) -> bool:
    """Whether it is new."""
    said = {"type": event, "timestamp": happened_at.isoformat(), "data": facts}
    body = json.dumps(said, separators=(",", ":"), ensure_ascii=False)
    call = HookCall(
        hook=hook, event=event, key=key, message_id=f"msg_{secrets.token_hex(16)}", body=body, made_at=at, due_at=at
    )
    HookCall.objects.bulk_create([call], ignore_conflicts=True)
    return HookCall.objects.filter(message_id=call.message_id).exists()


def _published(since: datetime, at: datetime, known: set[str]) -> Iterator[Happened]:
    versions = PageVersion.objects.filter(
        cause=PageVersion.Cause.PUBLISHED, incident__isnull=False, made_at__gte=since, written_at__isnull=False
    )
    for version in versions.select_related("incident").defer("content", "telling").order_by("pk"):
        if f"published:{version.pk}" not in known and version.incident:
            public = version.incident.visibility == Incident.Visibility.PUBLIC
            page = absolute(f"/incidents/{version.incident.slug}/") if public else None
            yield Happened(f"published:{version.pk}", version.made_at, _of(version.incident) | {
                "version": version.number, "page": page, "hash": version.hash,
            })  # fmt: skip


def _finished(since: datetime, at: datetime, known: set[str]) -> Iterator[Happened]:
    for mailing in _mailings(since, at):
        if f"finished:{mailing.pk}" not in known:
            yield Happened(f"finished:{mailing.pk}", mailing.finished_at or at, _about(mailing) | {
                "people": mailing.recipients_count, "people_by_state": progress(mailing),
            })  # fmt: skip


def _unreached(since: datetime, at: datetime, known: set[str]) -> Iterator[Happened]:
    """Once a mailing: a while after its end, as soon as there is anybody."""
    for mailing in _mailings(since, at - BOUNCES_COME_WITHIN):
        if f"unreached:{mailing.pk}" in known:
            continue
        counts = tally(mailing, at=at).counts  # kept: a large mailing is not counted again and again
        if people := sum(counts.get(state, 0) for state in NOT_REACHED):
            yield Happened(f"unreached:{mailing.pk}", at, _about(mailing) | {"people": people})


def _mailings(since: datetime, until: datetime) -> Iterator[Mailing]:
    found = Mailing.objects.of_sets().filter(finished_at__gte=since, finished_at__lte=until)
    yield from found.select_related("incident").order_by("pk")


def _wanted(since: datetime, at: datetime, known: set[str]) -> Iterator[Happened]:
    """Nothing about what is asked: as the mail to approvers."""
    for approval in Approval.objects.open().filter(asked_at__gte=since).order_by("pk"):
        if f"wanted:{approval.pk}" not in known:
            yield Happened(f"wanted:{approval.pk}", approval.asked_at, {
                "request": approval.pk, "act": approval.act, "people_wanted": approval.needs,
                "page": absolute(reverse("accounts:approvals")),
            })  # fmt: skip


def _waiting(since: datetime, at: datetime, known: set[str]) -> Iterator[Happened]:
    staged = ImportBatch.objects.filter(state=ImportBatch.State.STAGED, uploaded_at__gte=since)
    for batch in staged.select_related("incident").order_by("pk"):
        if f"import:{batch.pk}" not in known:
            page = reverse("incidents:affected_import", args=[batch.incident.slug, batch.number])
            yield Happened(f"import:{batch.pk}", batch.worked_at or batch.uploaded_at, _of(batch.incident) | {
                "import": batch.number, "rows": batch.rows_read, "accounts": batch.counts.get("accounts", 0),
                "rejected": batch.counts.get("rejected", 0), "page": absolute(page),
            })  # fmt: skip


def _of(incident: Incident) -> dict[str, Any]:
    return {"incident": incident.slug, "drill": incident.drill}


def _about(mailing: Mailing) -> dict[str, Any]:
    page = reverse("notifications:mailing", args=[mailing.incident.slug, mailing.number])
    return _of(mailing.incident) | {"mailing": mailing.number, "page": absolute(page)}


HAPPENED: dict[Event, Callable[[datetime, datetime, set[str]], Iterator[Happened]]] = {
    Event.PUBLISHED: _published, Event.FINISHED: _finished, Event.WANTED: _wanted, Event.UNREACHED: _unreached,
    Event.WAITING: _waiting,
}  # fmt: skip
