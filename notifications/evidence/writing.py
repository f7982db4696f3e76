"""Writing the bundle: one consistent moment of the database, then one entry that says it was exported."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, User
from incidents.models import Incident
from notifications.evidence import rows, story
from notifications.evidence.bundle import Bundle, Manifest

FORMAT = 1  # verify_evidence.py checks it
HERE = Path(__file__).parent
VERIFIER = HERE.parent / "verify_evidence.py"
README = HERE / "README.txt"


def write(incident: Incident, file: IO[bytes], *, by: User | None = None, at: datetime | None = None) -> Manifest:
    """Write the zip into `file` and record the export. by: None is the command line.

    Must not be called inside a transaction: it reads one moment of the database without keeping anybody waiting.
    """
    at = at or timezone.now()
    with one_moment():
        manifest = _bundle(incident, file, by=by, at=at)
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


def _bundle(incident: Incident, file: IO[bytes], *, by: User | None, at: datetime) -> Manifest:
    incident = Incident.objects.get(pk=incident.pk)  # as of this moment, too
    bundle, counts = Bundle(file, at=at), Counter[str]()
    outcomes, states = Counter[str](), Counter[str]()
    small = {
        "decisions": rows.decisions(incident), "imports": rows.imports(incident),
        "approvals": rows.approvals(incident), "mailings": rows.mailings(incident),
    }  # fmt: skip
    bundle.add("README.txt", README.read_bytes())
    bundle.add("verify_evidence.py", VERIFIER.read_bytes())
    bundle.add_json("incident.json", rows.incident_of(incident))
    for name, records in small.items():
        bundle.add_json(f"{name}.json", records)
        counts[name] = len(records)
    counts["sign_offs"] = sum(len(approval["sign_offs"]) for approval in small["approvals"])
    pages = list(_add_page_versions(bundle, incident, counts))
    notices = list(_add_notices(bundle, incident, counts))
    accounts = _counted(rows.affected_accounts(incident), counts, "accounts", of=outcomes, key="outcome")
    bundle.add_lines("accounts.jsonl", accounts)
    recipients = _counted(rows.recipients(incident), counts, "recipients", of=states, key="state")
    bundle.add_lines("recipients.jsonl", recipients)
    bundle.add_lines("audit.jsonl", _counted(rows.audit_entries(incident), counts, "audit_entries"))
    content = {
        "format": FORMAT, "made_at": rows.moment(at), "made_by": rows.person(by),
        "organisation": (Organisation.objects.first() or Organisation()).name,
        "incident": {"id": incident.pk, "slug": incident.slug, "title": incident.title, "drill": incident.drill},
        "audit_head": rows.audit_head(),
        "counts": {**counts, "outcomes": dict(outcomes), "states": dict(states)},
    }  # fmt: skip
    bundle.add("summary.txt", story.tell(content, pages=pages, notices=notices, **small).encode())
    return bundle.close(content)


def _add_page_versions(bundle: Bundle, incident: Incident, counts: Counter[str]) -> Iterator[dict]:
    for version, documents in rows.page_versions(incident):
        folder = f"page_versions/{version['number']:05}/"
        bundle.add_json(f"{folder}version.json", version)
        for path, body in documents:
            bundle.add(f"{folder}documents/{path}", body)
        counts["page_versions"] += 1
        counts["documents"] += len(version["documents"])
        yield {key: version[key] for key in ("number", "cause", "made_at", "by", "approval", "content_hash")}


def _add_notices(bundle: Bundle, incident: Incident, counts: Counter[str]) -> Iterator[dict]:
    for version in rows.notice_versions(incident):
        bundle.add_json(f"notices/{version['notice']:05}-version-{version['number']:03}.json", version)
        counts["notice_versions"] += 1
        yield {key: version[key] for key in ("notice", "number", "name", "kind", "subject", "sha256")}


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
