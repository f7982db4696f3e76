"""A file that comes in pieces from a program: begun with a key, handed in in any order, then read as any other."""

import hashlib
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Now

from accounts import audit
from accounts.models import User
from incidents.audience import spelling_out
from incidents.audience.claiming import ring
from incidents.audience.leftovers import waiting
from incidents.audience.reading import new_batch
from incidents.audience.saving import NotWaiting, discard
from incidents.models import ImportBatch, Incident, UploadPiece

LARGEST_PIECE = 8_000_000  # bytes
LARGEST_PUSH = 2_000_000_000  # bytes
LARGEST_WAITING = 5 * LARGEST_PUSH  # of all imports of an incident that nobody has ended: they fill the database
MOST_PIECES = 10_000
KEPT_OPEN = timedelta(days=7)


class KeyUsed(Exception):
    """The key came with other words before."""


class NotOpen(Exception):
    """The import takes no more pieces."""


class OtherBytes(Exception):
    """This piece is there already, with other bytes."""


class TooLarge(Exception):
    """More than an import may hold."""


class Incomplete(Exception):
    """Pieces are missing; the message says which."""


@transaction.atomic
def start(incident: Incident, *, key: str, push: dict[str, Any], by: User, file_name: str = "", mode: str = "add",
          evidence: str = "") -> tuple[ImportBatch, bool]:  # fmt: skip
    """The import of this key, and whether it is new.

    push: all that came with the key; the same key with anything else raises KeyUsed. Two equal calls at once make one.
    """
    Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    known = ImportBatch.objects.filter(incident=incident, idempotency_key=key).first()
    if known:
        if known.push != push:
            raise KeyUsed(f"This key came with other words before, for import {known.number}. Use a new key.")
        return known, False
    batch = new_batch(
        incident, file_name=file_name, by=by, source=ImportBatch.Source.API, state=ImportBatch.State.RECEIVED,
        mode=mode, evidence=evidence, idempotency_key=key, push=push,
    )  # fmt: skip
    return batch, True


def is_open(batch: ImportBatch) -> bool:
    """Whether it still takes pieces: its hash is made when the last one is there."""
    return batch.state == ImportBatch.State.RECEIVED and bool(batch.idempotency_key) and not batch.sha256


@transaction.atomic
def take(batch: ImportBatch, *, number: int, content: bytes) -> bool:
    """Whether the piece is new; the same once more changes nothing. Raises OtherBytes, NotOpen or TooLarge."""
    batch = ImportBatch.objects.select_for_update(no_key=True, of=["self"]).select_related("incident").get(pk=batch.pk)
    known = UploadPiece.objects.filter(batch=batch, number=number).first()
    if known:
        if bytes(known.content) == content:
            return False
        raise OtherBytes(f"Piece {number} is there already, with other bytes. Discard the import, or use a new number.")
    if not is_open(batch):
        raise NotOpen(f"Import {batch.number} takes no more pieces: it is {batch.get_state_display().lower()}.")
    if batch.size + len(content) > LARGEST_PUSH:
        raise TooLarge("With this piece the import is larger than 2 GB. Begin another for the rest.")
    if _waiting(batch) + len(content) > LARGEST_WAITING:
        raise TooLarge("The imports of this incident that wait hold 10 GB. Import or discard some of them first.")
    UploadPiece.objects.create(batch=batch, number=number, content=content)
    ImportBatch.objects.filter(pk=batch.pk).update(size=F("size") + len(content), worked_at=Now())
    return True


@transaction.atomic
def finish(batch: ImportBatch, *, by: User, at: datetime, token: str | None) -> ImportBatch:
    """No more pieces; a worker reads what is there. Raises NotOpen or Incomplete.

    What the push said of columns and format holds; the rest is guessed. token: its short name, for the log.
    """
    batch = ImportBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if not is_open(batch):
        raise NotOpen(f"Import {batch.number} is {batch.get_state_display().lower()}.")
    _refuse_gaps(batch)
    batch.columns, batch.format = batch.push.get("columns", {}), batch.push.get("format", {})
    if "facts" in batch.push:
        batch.columns = spelling_out.columns(batch.push["facts"], batch.push["rows"])
        batch.format = spelling_out.FORMAT
        UploadPiece.objects.create(batch=batch, number=0, content=spelling_out.header(batch.columns))
    batch.state, batch.worked_at = ImportBatch.State.READING, at
    batch.sha256, batch.size = _of_all_pieces(batch)
    batch.save(update_fields=["state", "columns", "format", "worked_at", "sha256", "size"])
    audit.record(
        act="import.pushed", thing=batch, by=by, at=at, incident=batch.incident_id, sha256=batch.sha256,
        number=batch.number, token=token,
    )  # fmt: skip
    ring()
    return batch


def forget_abandoned() -> None:
    """Bytes of a push that nobody finishes are people's data without a purpose."""
    open_still = ImportBatch.objects.filter(state=ImportBatch.State.RECEIVED, sha256="").exclude(idempotency_key="")
    for batch in open_still.filter(worked_at__lt=Now() - KEPT_OPEN):
        with suppress(NotWaiting):
            discard(batch, by=None, because=f"it got no piece for {KEPT_OPEN.days} days")


def _waiting(batch: ImportBatch) -> int:
    """Bytes."""
    return waiting(batch.incident).aggregate(bytes=Sum("size"))["bytes"] or 0


def _refuse_gaps(batch: ImportBatch) -> None:
    numbers = set(UploadPiece.objects.filter(batch=batch).values_list("number", flat=True))
    if not numbers:
        raise Incomplete("No piece has been handed in. PUT at least piece 1.")
    missing = sorted(set(range(1, max(numbers) + 1)) - numbers)
    if missing:
        named = ", ".join(map(str, missing[:10])) + (" …" if missing[10:] else "")
        raise Incomplete(f"The pieces 1 to {max(numbers)} are not all there. Missing: {named}.")


def _of_all_pieces(batch: ImportBatch) -> tuple[str, int]:
    """SHA-256 and size of the whole file, one piece in memory at a time."""
    sha256, size = hashlib.sha256(), 0
    pieces = UploadPiece.objects.filter(batch=batch).order_by("number").values_list("content", flat=True)
    for content in pieces.iterator(chunk_size=1):
        sha256.update(content)
        size += len(content)
    return sha256.hexdigest(), size
