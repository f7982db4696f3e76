"""Signed heads of the audit chain, written outside: a chain alone cannot show that its end was cut off.

Beat calls `keep` every few seconds, so that no act ever waits for a mail server or a folder: each publication, each
start of a mailing and each hour gets a head, and what could not be written outside is tried again.
"""

import json
import logging
import os
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import QuerySet

from accounts import audit, signing
from accounts.models import Anchor, AuditEntry, Organisation, SigningKey

logger = logging.getLogger(__name__)

HEAD_DOMAIN = b"candor.head.v1\n"
AT_LEAST = timedelta(hours=1)
AT_ONCE = (
    "page.published", "page.published_without", "mailing.started", "mailing.finished", "evidence.exported",
    signing.INTRODUCED, signing.LOST,
)  # fmt: skip
IN_ONE_MAIL = 500  # heads that could not be mailed for long


class Forged(Exception):
    """A head or a key does not verify; the message names it."""


def keep(*, at: datetime) -> Anchor | None:
    """Beat's: a head where one is due, then whatever is owed to folder and officers. The new one, if any."""
    made = None
    try:
        if _is_due(at):
            made = sign(at=at)
    except signing.NoKey as problem:
        logger.error("The head of the log could not be signed: %s", problem)
    write_outside(at=at)
    return made


def sign(*, at: datetime, without_the_old: bool = False) -> Anchor | None:
    """Sign the head as it is now; None where the chain is empty. Raises signing.NoKey."""
    known, mine = signing.key(at=at, without_the_old=without_the_old)
    head = AuditEntry.objects.order_by("number").last()
    if head is None:
        return None
    said = signed(number=head.number, hash=head.hash, at=audit.utc(at), key=known.pk)
    anchor, _ = Anchor.objects.get_or_create(
        number=head.number,
        defaults={"hash": head.hash, "at": at, "key": known, "signature": mine.sign(said).hex()},
    )
    return anchor


def signed(*, number: int, hash: str, at: str, key: str) -> bytes:
    return HEAD_DOMAIN + audit.canonical({"number": number, "hash": hash, "at": at, "key": key}).encode()


def as_record(anchor: Anchor) -> dict:
    """As it stands in files, mails and evidence; whoever has it needs nothing else to check it."""
    return {
        "number": anchor.number, "hash": anchor.hash, "at": audit.utc(anchor.at), "key": anchor.key_id,
        "public": anchor.key.public, "signature": anchor.signature,
    }  # fmt: skip


def _is_due(at: datetime) -> bool:
    newest = Anchor.objects.order_by("number").last()
    since = AuditEntry.objects.filter(number__gt=newest.number if newest else 0)
    if newest is None or newest.at <= at - AT_LEAST:
        return since.exists()
    return since.filter(act__in=AT_ONCE).exists()


# Outside --------------------------------------------------------------------------------------------------------


def write_outside(*, at: datetime) -> None:
    """Whatever folder and officers do not have yet, in order. What fails is logged, and tried again next time."""
    owed = Anchor.objects.select_related("key").order_by("number")
    if settings.AUDIT_ANCHOR_DIR:
        try:
            _file(owed.filter(filed_at=None), Path(settings.AUDIT_ANCHOR_DIR), at=at)
        except OSError as problem:
            logger.error("Heads of the log could not be written into AUDIT_ANCHOR_DIR: %s", problem.strerror)
    if settings.AUDIT_OFFICERS:
        try:
            _mail(list(owed.filter(mailed_at=None)[:IN_ONE_MAIL]), at=at)
        except Exception as problem:  # whatever a mail backend raises: nobody waits for this
            logger.error("Heads of the log could not be mailed: %s", type(problem).__name__)


def _file(owed: QuerySet[Anchor], folder: Path, *, at: datetime) -> None:
    for anchor in owed.iterator(chunk_size=500):
        path = folder / f"head-{anchor.number:012}.json"
        line = f"{audit.canonical(as_record(anchor))}\n".encode()
        if not path.exists():  # some folders let nobody write a file twice
            part = folder / f".{path.name}.{os.getpid()}.part"
            part.write_bytes(line)
            part.rename(path)
        Anchor.objects.filter(pk=anchor.pk).update(filed_at=at)


def _mail(owed: list[Anchor], *, at: datetime) -> None:
    if not owed:
        return
    newest = owed[-1]
    lines = "\n".join(audit.canonical(as_record(anchor)) for anchor in owed)
    body = (
        f"The log of the incident portal ended with entry {newest.number:,} at {newest.at:%Y-%m-%d %H:%M} UTC.\n\n"
        "Keep this message outside of the portal. It says nothing about incidents or people; it shows later that\n"
        "nobody has cut off the end of the log or written it anew:\n\n"
        "    manage.py verify_audit --anchors MESSAGE.eml\n\n"
        f"{lines}\n"
    )
    EmailMessage(
        subject=f"Log of the incident portal, entry {newest.number}", body=body,
        from_email=Organisation.get().sender, to=settings.AUDIT_OFFICERS,
    ).send()  # fmt: skip
    Anchor.objects.filter(pk__in=[anchor.pk for anchor in owed]).update(mailed_at=at)


# Read again -----------------------------------------------------------------------------------------------------


def found_in(path: Path) -> list[dict]:
    """Heads kept outside: of a folder of files, or of one file or saved message, wherever a line of JSON names one."""
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    return [record for file in files for record in _records(file.read_text(errors="replace"))]


def _records(text: str) -> list[dict]:
    joined = text.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")  # a message saved as it travelled
    found = []
    for line in joined.splitlines():
        if line.startswith('{"at":'):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return found


def verify(*, outside: Iterable[dict] = (), keys: Collection[str] = ()) -> tuple[int, int]:
    """(entries of the chain that hold, signed heads they were compared with)

    outside: heads as `found_in` reads them. keys: public keys that are trusted besides those of this database; where
    any are given, every head has to be signed by one of them or by one that they lead to.
    Raises Forged or audit.BrokenChain.
    """
    trusted = _trusted(set(keys))
    heads: dict[int, str] = {}
    for record in [*map(as_record, Anchor.objects.select_related("key")), *outside]:
        _refuse_forged(record, trusted)
        if heads.setdefault(record["number"], record["hash"]) != record["hash"]:
            raise Forged(f"two heads name audit entry {record['number']} with different seals")
    return audit.verify(heads=heads), len(heads)


def _refuse_forged(record: dict, trusted: set[str]) -> None:
    try:
        said = signed(**{name: record[name] for name in ("number", "hash", "at", "key")})
        number, public, signature = int(record["number"]), record["public"], record["signature"]
    except (KeyError, TypeError, ValueError):
        raise Forged("one of the heads is not whole") from None
    if not signing.holds(public, signature, said):
        raise Forged(f"the head of audit entry {number} does not carry a signature that fits")
    if public not in trusted:
        raise Forged(f"the head of audit entry {number} is signed by a key that is not known here: {public}")


def _trusted(given: set[str]) -> set[str]:
    """Public keys of this database whose introduction in the log holds, that the given ones lead to."""
    trusted = set(given)
    for known in SigningKey.objects.all():
        entry = AuditEntry.objects.filter(act__in=[signing.INTRODUCED, signing.LOST], thing=audit.name_of(known)).last()
        facts = json.loads(entry.body)["facts"] if entry else {}
        said = signing.statement(known.pk, known.public, facts.get("before"))
        if not signing.holds(known.public, facts.get("by_itself", ""), said):
            raise Forged(f"the log does not say that the key {known.pk} was introduced like this")
        before = SigningKey.objects.filter(pk=facts["before"]).first()
        follows = before and signing.holds(before.public, facts.get("by_the_one_before", ""), said)
        if before and not follows and entry and entry.act != signing.LOST:
            raise Forged(f"the key {known.pk} is not signed for by the one before it")
        if not given or (before and follows and before.public in trusted):
            trusted.add(known.public)
    return trusted
