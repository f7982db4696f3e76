"""Writing the bundle: one consistent moment of the database, then one entry that says it was exported."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from django.db import connection, transaction
from django.utils import timezone

from accounts import audit, signing
from accounts.models import Organisation, User
from incidents.models import Incident
from notifications import verify_evidence
from notifications.evidence import asked, others, printed, rows
from notifications.evidence.bundle import Bundle, Manifest, Sign

HERE = Path(__file__).parent
VERIFIER = HERE.parent / "verify_evidence.py"
README = HERE / "README.txt"

Watch = Callable[[int], None]
"""Told now and then how many rows about people are written."""
TOLD_EVERY = 1000  # rows


def write(incident: Incident, file: IO[bytes], *, by: User | None = None, at: datetime | None = None,
          watch: Watch | None = None) -> Manifest:  # fmt: skip
    """Write the zip into `file` and record the export. by: None is the command line. Raises signing.NoKey.

    Must not be called inside a transaction: it reads one moment of the database without keeping anybody waiting.
    """
    at = at or timezone.now()
    known, mine = signing.key(at=at)

    def sign(said: bytes) -> dict:
        return {"key": known.pk, "public": known.public, "signature": mine.sign(said).hex()}

    with one_moment():
        manifest = _bundle(incident, file, by=by, at=at, sign=sign, watch=watch)
    with transaction.atomic():
        audit.record(
            act="evidence.exported", thing=incident, by=by, at=at, incident=incident.pk, manifest=manifest.sha256,
            head=manifest.head["number"], counts=manifest.content["counts"],
        )  # fmt: skip
    return manifest


@contextmanager
def one_moment() -> Iterator[None]:
    """All that is read inside is of the same moment. Takes no locks that writers wait for."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def _bundle(incident: Incident, file: IO[bytes], *, by: User | None, at: datetime, sign: Sign,
            watch: Watch | None = None) -> Manifest:  # fmt: skip
    incident = Incident.objects.get(pk=incident.pk)  # as of this moment, too
    bundle, counts = Bundle(file, at=at), Counter[str]()
    outcomes, states, ways = Counter[str](), Counter[str](), Counter[str]()
    small = {
        "decisions": rows.decisions(incident), "imports": rows.imports(incident),
        "approvals": rows.approvals(incident), "mailings": rows.mailings(incident),
        "exports": rows.exports(incident),
    }  # fmt: skip
    uncounted: dict[str, object] = {"announcements": rows.announcements(incident), **others.told(incident, at=at)}
    bundle.add("README.txt", README.read_bytes())
    bundle.add("verify_evidence.py", VERIFIER.read_bytes())
    bundle.add_json("incident.json", rows.incident_of(incident))
    for name, records in small.items():
        bundle.add_json(f"{name}.json", records)
        counts[name] = len(records)
    for name, told in uncounted.items():
        bundle.add_json(f"{name}.json", told)
    bundle.add_json("keys.json", rows.keys())
    counts["sign_offs"] = sum(len(approval["sign_offs"]) for approval in small["approvals"])
    pages = list(_add_page_versions(bundle, incident, counts))
    notices = list(_add_notices(bundle, incident, counts))
    accounts = _counted(rows.affected_accounts(incident), counts, "accounts", of=outcomes, key="outcome")
    bundle.add_lines("accounts.jsonl", _watched(accounts, watch))
    recipients = _counted(rows.recipients(incident), counts, "recipients", of=states, key="state")
    bundle.add_lines("recipients.jsonl", _watched(_ways(recipients, ways), watch, after=counts["accounts"]))
    bundle.add_lines("inquiries.jsonl", asked.inquiries(incident))
    bundle.add_lines("anchors.jsonl", _counted(rows.anchors(incident), counts, "anchors"))
    bundle.add_lines("audit.jsonl", _counted(rows.audit_entries(incident), counts, "audit_entries"))
    content = {
        "format": verify_evidence.FORMAT, "made_at": rows.moment(at), "made_by": rows.person(by),
        "organisation": (Organisation.objects.first() or Organisation()).name,
        "incident": {"id": incident.pk, "slug": incident.slug, "title": incident.title, "drill": incident.drill},
        "audit_head": rows.audit_head(),
        "counts": {**counts, "outcomes": dict(outcomes), "states": dict(states), "ways": dict(ways)},
    }  # fmt: skip
    summary = _told(content, pages=pages, notices=notices, **small, **uncounted)
    bundle.add("summary.txt", verify_evidence.as_text(summary).encode())
    bundle.add("summary.html", verify_evidence.as_html(summary).encode())
    bundle.add("summary.pdf", printed.pdf(summary))
    return bundle.close(content, sign=sign)


def _told(content: dict, **records: object) -> list[tuple[str, list[str]]]:
    """From what the files hold, and not from the rows themselves: whoever has the files can tell it again."""
    plain = json.loads(json.dumps({"content": content, **records}, default=str))
    return verify_evidence.sections(plain.pop("content"), **plain)


def _add_page_versions(bundle: Bundle, incident: Incident, counts: Counter[str]) -> Iterator[dict]:
    for version, documents in rows.page_versions(incident):
        folder = f"page_versions/{version['number']:05}/"
        bundle.add_json(f"{folder}version.json", version)
        for path, body in documents:
            bundle.add(f"{folder}documents/{path}", body)
        counts["page_versions"] += 1
        counts["documents"] += len(version["documents"])
        yield verify_evidence.page_of(version)


def _add_notices(bundle: Bundle, incident: Incident, counts: Counter[str]) -> Iterator[dict]:
    for version in rows.notice_versions(incident):
        bundle.add_json(f"notices/{version['notice']:05}-version-{version['number']:03}.json", version)
        counts["notice_versions"] += 1
        yield verify_evidence.notice_of(version)


def _ways(recipients: Iterable[dict], ways: Counter[str]) -> Iterator[dict]:
    """The same, counting what was done where mail did not reach: letters and calls on record, next addresses."""
    for one in recipients:
        if one["channel"] != "email" and one["recorded_proof"]:
            ways[one["channel"]] += 1
        if one["follows"] is not None:
            ways["next_address"] += 1
        yield one


def _watched(records: Iterable[dict], watch: Watch | None, *, after: int = 0) -> Iterator[dict]:
    for number, record in enumerate(records, after + 1):
        if watch and number % TOLD_EVERY == 0:
            watch(number)
        yield record


def _counted(records: Iterable[dict], counts: Counter[str], name: str, *, of: Counter[str] | None = None,
             key: str = "") -> Iterator[dict]:  # fmt: skip
    """The same records, counted while they pass."""
    for record in records:
        counts[name] += 1
        if of is not None:
            of[record[key]] += 1
        for inner in ("attempts", "events"):
            counts[inner] += len(record.get(inner, ()))
        counts["audit_entries_withheld"] += record.get("withheld", 0)
        yield record
