"""Rows as records. Whoever holds a bundle learns nobody's address, name or customer number from it: people stand
there as keyed hashes, which the house alone can compute again."""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Case, Count, F, OuterRef, Prefetch, When
from django.db.models.functions import JSONObject

from accounts import anchoring, audit
from accounts.models import Anchor, Approval, AuditEntry, SigningKey, SignOff, User
from incidents import audience
from incidents.models import Decision, ImportBatch, Incident, PageVersion, Segment, StepState
from notifications import telling
from notifications.mailings import going, sealing
from notifications.models import (
    Announcement,
    Attempt,
    DeliveryEvent,
    Export,
    Mailing,
    NoticeVersion,
    RecordWithdrawal,
    SentAgain,
)

CHUNK = 2000  # rows in memory at a time
FORGOTTEN = "forgotten:"
"""Before the keyed hash that stands where an id was; before our number where an address was."""


def account_hash(pk: int, external_id: str | None) -> str:
    """HMAC-SHA256 of the account's id in the company's systems, or of ours where it has none.

    Once the id is forgotten the hash stands in its place (see retention.py), and stays what it was.
    """
    if external_id and external_id.startswith(FORGOTTEN):
        return external_id.removeprefix(FORGOTTEN)
    said = f"id\0{external_id}" if external_id else f"row\0{pk}"
    return hmac.digest(settings.LOOKUP_KEY.encode(), b"candor account\0" + said.encode(), hashlib.sha256).hex()


def person(user: User | None) -> dict | None:
    """A member of staff; None is the system."""
    return {"id": user.pk, "name": user.get_full_name()} if user else None


def moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


# What was decided, imported, approved ---------------------------------------------------------------------------


def incident_of(incident: Incident) -> dict:
    return {
        "id": incident.pk, "slug": incident.slug, "title": incident.title, "drill": incident.drill,
        "visibility": incident.visibility, "phase": incident.phase, "not_notified": incident.not_notified,
        "telling": incident.telling, "created_at": moment(incident.created_at),
        "first_published_at": moment(incident.first_published_at), "resolved_at": moment(incident.resolved_at),
        "exposures": [
            {"data_class": row.data_class, "veris": row.veris, "status": row.status,
             "segment": row.segment.key if row.segment else None}
            for row in incident.exposures.select_related("segment").order_by("pk")
        ],
        "steps": [
            {"id": step.pk, "title": step.title, "ends_exposure": step.ends_exposure}
            for step in incident.steps.order_by("pk")
        ],
    }  # fmt: skip


def decisions(incident: Incident) -> list[dict]:
    rows = Decision.objects.filter(incident=incident).select_related("by", "segment").order_by("pk")
    return [
        {
            "id": row.pk, "kind": row.kind, "at": moment(row.at), "precision": row.precision,
            "segment": row.segment.key if row.segment else None, "by": person(row.by), "reasons": row.reasons,
            "ground": row.ground, "means": row.means, "supersedes": row.supersedes_id,
            "recorded_at": moment(row.recorded_at),
        }
        for row in rows
    ]  # fmt: skip


def imports(incident: Incident) -> list[dict]:
    people = ("uploaded_by", "confirmed_by", "undone_by")
    used = Approval.objects.filter(incident=incident.pk, act=Approval.Act.IMPORT, used_at__isnull=False)
    spent = dict(used.values_list("thing", "pk"))
    rows = ImportBatch.objects.filter(incident=incident).select_related(*people).order_by("pk")
    return [
        {
            "id": row.pk, "number": row.number, "source": row.source, "file_name": row.file_name,
            "sha256": row.sha256, "size": row.size, "state": row.state, "mode": row.mode, "evidence": row.evidence,
            "counts": audience.told_counts(row),
            "uploaded_by": person(row.uploaded_by), "uploaded_at": moment(row.uploaded_at),
            "confirmed_by": person(row.confirmed_by), "confirmed_at": moment(row.confirmed_at),
            "undone_by": person(row.undone_by), "undone_at": moment(row.undone_at),
            "undone_because": row.undone_because, "approval": spent.get(audit.name_of(row)),
        }
        for row in rows
    ]  # fmt: skip


def approvals(incident: Incident) -> list[dict]:
    sign_offs = Prefetch("sign_offs", SignOff.objects.select_related("by"))
    rows = Approval.objects.filter(incident=incident.pk).select_related("asked_by", "reviewed_by")
    rows = rows.prefetch_related(sign_offs)
    return [
        {
            "id": row.pk, "act": row.act, "thing": row.thing, "hashes": row.hashes, "summary": row.summary,
            "needs": row.needs, "asked_by": person(row.asked_by), "asked_at": moment(row.asked_at),
            "given_at": moment(row.given_at), "refused_at": moment(row.refused_at), "used_at": moment(row.used_at),
            "void_at": moment(row.void_at), "void_because": row.void_because, "alone_because": row.alone_because,
            "reviewed_by": person(row.reviewed_by), "reviewed_at": moment(row.reviewed_at),
            "review_agrees": row.review_agrees, "review_words": row.review_words,
            "sign_offs": [
                {"by": person(sign.by), "at": moment(sign.at), "yes": sign.yes, "words": sign.words}
                for sign in row.sign_offs.all()
            ],
        }
        for row in rows.order_by("pk")
    ]  # fmt: skip


# What was said --------------------------------------------------------------------------------------------------


def page_versions(incident: Incident) -> Iterator[tuple[dict, Iterator[tuple[str, bytes]]]]:
    """Each version with (path, bytes) of its documents that were not redacted."""
    for row in PageVersion.objects.filter(incident=incident).select_related("by").order_by("number").iterator():
        documents = row.documents.order_by("path")
        version = {
            "id": row.pk, "number": row.number, "cause": row.cause, "content": row.content,
            "content_hash": row.content_hash, "telling": row.telling, "hash": row.hash, "made_at": moment(row.made_at),
            "by": person(row.by), "approval": row.approval_id, "written_at": moment(row.written_at),
            "redacted_at": moment(row.redacted_at),
            "documents": [
                {"path": path, "content_type": content_type, "sha256": sha256, "redacted": redacted}
                for path, content_type, sha256, redacted in documents.annotate(
                    redacted=models.ExpressionWrapper(models.Q(body=None), models.BooleanField())
                ).values_list("path", "content_type", "sha256", "redacted")
            ],
        }  # fmt: skip
        bodies = documents.filter(body__isnull=False).values_list("path", "body").iterator(chunk_size=10)
        yield version, ((path, bytes(body or b"")) for path, body in bodies)


def notice_versions(incident: Incident) -> Iterator[dict]:
    rows = NoticeVersion.objects.filter(notice__incident=incident).select_related("notice", "made_by").order_by("pk")
    for row in rows.iterator(chunk_size=10):
        yield {
            "id": row.pk, "notice": row.notice_id, "name": row.notice.name, "kind": row.notice.kind,
            "number": row.number, "subject": row.subject, "body": row.body, "texts": row.texts,
            "guidance": row.guidance, "sha256": row.sha256, "made_by": person(row.made_by),
            "made_at": moment(row.made_at),
        }  # fmt: skip


# Who was told ---------------------------------------------------------------------------------------------------


def mailings(incident: Incident) -> list[dict]:
    rows = Mailing.objects.filter(incident=incident).select_related("version__notice", "prepared_by", "started_by")
    return [
        {
            "id": row.pk, "number": row.number, "notice": row.version.notice_id, "version": row.version.number,
            "text": row.version.sha256, "kind": row.version.notice.kind, "sequence": row.sequence, "state": row.state,
            "sender": row.sender, "reply_to": row.reply_to, "provider": row.provider, "on_unknown": row.on_unknown,
            "recipients_count": row.recipients_count, "recipients_hash": row.recipients_hash,
            "recipients_hash_version": row.recipients_hash_version,
            "channel": row.channel, "whom": row.whom_words, "evidence": row.evidence, "how": going.how_of(row),
            "problems": sum(problem.get("more", 1) for problem in row.problems), "approval": row.approval_id,
            "again": row.is_again,
            "prepared_by": person(row.prepared_by), "prepared_at": moment(row.prepared_at),
            "started_by": person(row.started_by), "started_at": moment(row.started_at),
            "paused_at": moment(row.paused_at), "paused_because": row.paused_because,
            "finished_at": moment(row.finished_at),
        }
        for row in rows.order_by("number")
    ]  # fmt: skip


def affected_accounts(incident: Incident) -> Iterator[dict]:
    """In the order of their ids. The database makes the records: a hundred thousand of them as models take minutes."""
    segments = Segment.objects.filter(affected_accounts=OuterRef("pk")).order_by("key").values("key")
    rows = incident.affected_accounts.order_by("pk").values(
        "id", "certainty", "added_at", "acknowledged_at", "account_id", "account__external_id", "account__kind",
        "batch__number", "changed_in__number", segment_keys=ArraySubquery(segments),
        steps=_inner(StepState.objects.filter(affected_account=OuterRef("pk")).order_by("step"), STEP),
    )  # fmt: skip
    for row, (pk, outcome) in zip(rows.iterator(chunk_size=CHUNK), telling.each_outcome(incident), strict=True):
        assert row["id"] == pk
        yield {
            "id": pk, "account": account_hash(row["account_id"], row["account__external_id"]),
            "kind": row["account__kind"], "certainty": row["certainty"], "segments": row["segment_keys"],
            "outcome": outcome, "added_at": moment(row["added_at"]), "import": row["batch__number"],
            "changed_in": row["changed_in__number"], "acknowledged_at": moment(row["acknowledged_at"]),
            "steps": row["steps"],
        }  # fmt: skip


def recipients(incident: Incident) -> Iterator[dict]:
    attempts = Attempt.objects.filter(recipient=OuterRef("pk")).order_by("number")
    events = DeliveryEvent.objects.filter(recipient=OuterRef("pk")).order_by("at", "pk")
    taken_back = RecordWithdrawal.objects.filter(recipient=OuterRef("pk")).order_by("pk")
    asked_again = SentAgain.objects.filter(recipient=OuterRef("pk"))
    rows = incident.recipients.order_by("pk").values(
        "account_id", "account__external_id", "address__lookup", "merge_seal", *RECIPIENT, *RECIPIENT_RENAMED.values(),
        unsealed=Case(When(merge_seal=None, then=F("merge")), default=None),
        attempts_made=_inner(attempts, ATTEMPT), events_heard=_inner(events, EVENT),
        taken_back=_inner(taken_back, TAKEN_BACK), asked_again=_inner(asked_again, SENT_AGAIN),
    )  # fmt: skip
    for row in rows.iterator(chunk_size=CHUNK):
        lookup = row["address__lookup"]
        yield {
            **{name: row[name] for name in RECIPIENT},
            **{name: row[field] for name, field in RECIPIENT_RENAMED.items()},
            "account": account_hash(row["account_id"], row["account__external_id"]),
            "address": bytes(lookup).hex() if lookup else None,
            "merge": bytes(row["merge_seal"] or sealing.merge_seal(row["unsealed"])).hex(),
            "state_at": moment(row["state_at"]), "complained_at": moment(row["complained_at"]),
            "attempts": row["attempts_made"], "events": row["events_heard"], "taken_back": row["taken_back"],
            "sent_again": row["asked_again"][0] if row["asked_again"] else None,
        }  # fmt: skip


RECIPIENT = (
    "id", "channel", "kind", "sequence", "again", "code", "message_id", "state", "state_at", "reason", "complained_at",
    "recorded_proof",
)  # fmt: skip
RECIPIENT_RENAMED = {
    "affected_account": "affected_account_id", "mailing": "mailing__number", "role": "address__role",
    "follows": "follows_id", "follows_mailing": "follows__mailing__number",
}  # fmt: skip
STEP = {"step": "step_id", "state": "state", "at": "at"}
SENT_AGAIN = {"original": "original_id", "because": "because", "by": "by_id", "at": "at"}
TAKEN_BACK = {"was_at": "was_at", "proof": "was_proof", "because": "because", "at": "at"}
ATTEMPT = {
    "number": "number", "claimed_at": "claimed_at", "handed_over_at": "batch__handed_over_at", "ended_at": "ended_at",
    "outcome": "outcome", "sha256": "sha256", "provider": "batch__provider", "provider_id": "provider_id",
    "smtp_code": "smtp_code", "reply": "reply",
}  # fmt: skip
EVENT = {name: name for name in ("provider", "key", "type", "at", "received_at", "reason", "words")}


def _inner(rows: models.QuerySet, fields: dict[str, str]) -> ArraySubquery:
    """The rows as a list of records inside another row."""
    return ArraySubquery(rows.values(record=JSONObject(**fields)))


# What else went out ---------------------------------------------------------------------------------------------


def exports(incident: Incident) -> list[dict]:
    return [
        {
            "id": row.pk, "format": row.format, "filters": row.filters, "because": row.because, "people": row.people,
            "sha256_of_ids": row.sha256_of_ids, "asked_by": person(row.asked_by), "asked_at": moment(row.asked_at),
            "approval": row.approval_id, "begun_at": moment(row.begun_at), "ended_at": moment(row.ended_at),
            "lines": row.lines, "sha256": row.sha256,
        }
        for row in Export.objects.filter(incident=incident).select_related("asked_by").order_by("pk")
    ]  # fmt: skip


def announcements(incident: Incident) -> list[dict]:
    """Updates to those who follow by mail: numbers alone, since nobody is owed them."""
    return [
        {
            "id": row.pk, "number": row.number, "page_version": row.version.number if row.version else None,
            "state": row.state, "made_at": moment(row.made_at), "finished_at": moment(row.finished_at),
            "states": dict(row.mails.order_by().values_list("state").annotate(Count("pk"))),
        }
        for row in Announcement.objects.filter(incident=incident).select_related("version").order_by("pk")
    ]  # fmt: skip


# The chain ------------------------------------------------------------------------------------------------------


def keys() -> list[dict]:
    return [{"id": row.pk, "public": row.public, "since": moment(row.since)} for row in SigningKey.objects.all()]


def anchors(incident: Incident) -> Iterator[dict]:
    """Signed heads since the incident began, and the newest of all."""
    rows = Anchor.objects.select_related("key").order_by("number")
    newest = rows.last()
    for row in rows.filter(at__gte=incident.created_at).iterator(chunk_size=CHUNK):
        newest = None if newest == row else newest
        yield anchoring.as_record(row)
    if newest:
        yield anchoring.as_record(newest)


def audit_entries(incident: Incident) -> Iterator[dict]:
    """The whole chain; of entries about other incidents only their place in it."""
    rows = AuditEntry.objects.order_by("number").values_list("number", "previous", "hash", "incident", "body")
    for number, previous, seal, about, body in rows.iterator(chunk_size=CHUNK):
        place = {"number": number, "previous": previous, "hash": seal}
        yield place | ({"body": body} if about in (incident.pk, None) else {"withheld": True})


def audit_head() -> dict:
    head = AuditEntry.objects.order_by("number").last()
    return {"number": head.number, "hash": head.hash} if head else {"number": 0, "hash": audit.GENESIS}
