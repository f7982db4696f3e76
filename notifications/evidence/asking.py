"""Evidence that somebody asked for in the room: a worker writes it, the database keeps it for a while."""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import IO

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit, signing
from accounts.models import User
from incidents.models import Incident
from notifications.evidence.writing import write
from notifications.models import EvidenceBundle, EvidencePiece

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
"""A worker that is silent for so long is taken for dead, and the bundle is begun anew."""
SAYS_EVERY = 1.0  # seconds
PIECE = 1 << 20  # bytes


class UnderWay(Exception):
    """One of this incident is being made; the message says so."""


@transaction.atomic
def ask(incident: Incident, *, by: User, at: datetime) -> EvidenceBundle:
    """Have a bundle made. Raises UnderWay."""
    Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    if EvidenceBundle.objects.filter(incident=incident, finished_at=None).exists():
        raise UnderWay("Evidence of this incident is being put together already. It stands here when it is done.")
    people = incident.affected_accounts.count() + incident.recipients.count()
    bundle = EvidenceBundle.objects.create(incident=incident, asked_by=by, asked_at=at, rows_in_all=people)
    audit.record(act="evidence.asked", thing=bundle, by=by, at=at, incident=incident.pk)
    return bundle


def work() -> int:
    """Make every bundle that waits, one after the other; how many. Must not be called inside a transaction."""
    made = 0
    while (bundle := _claim()) is not None:
        _make(bundle)
        made += 1
    return made


def forget(*, at: datetime) -> int:
    """Take away the bytes of those that were kept long enough; how many."""
    over = EvidenceBundle.objects.filter(expires_at__lte=at, gone_at=None)
    ids = list(over.values_list("pk", flat=True))
    EvidencePiece.objects.filter(bundle__in=ids).delete()
    return EvidenceBundle.objects.filter(pk__in=ids).update(gone_at=at)


@transaction.atomic
def record_download(bundle: EvidenceBundle, *, by: User, at: datetime) -> None:
    """In the log before the first byte leaves the house."""
    audit.record(act="evidence.downloaded", thing=bundle, by=by, at=at, incident=bundle.incident_id,
                 manifest=bundle.manifest)  # fmt: skip


def pieces(bundle: EvidenceBundle) -> Iterator[bytes]:
    for number in range(bundle.pieces.count()):
        yield bytes(bundle.pieces.get(number=number).data)


def _claim() -> EvidenceBundle | None:
    """The oldest that nobody works on, now ours."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    for bundle in EvidenceBundle.objects.filter(free, finished_at=None).order_by("pk"):
        if EvidenceBundle.objects.filter(free, pk=bundle.pk, finished_at=None).update(lease_until=now + LEASE, rows=0):
            return bundle
    return None


def _make(bundle: EvidenceBundle) -> None:
    at = timezone.now()
    try:
        with TemporaryFile() as file:
            with _Teller(bundle) as teller:
                manifest = write(bundle.incident, file, by=bundle.asked_by, at=at, watch=teller)
            _keep(bundle, file, manifest=manifest.sha256)
    except signing.NoKey as problem:
        _fail(bundle, str(problem))
    except Exception as problem:  # whatever it was: somebody waits for an answer, and the log has the rest
        logger.exception("A bundle of evidence could not be made")
        _fail(bundle, f"It could not be made ({type(problem).__name__}). The server's log says more.")


@transaction.atomic
def _keep(bundle: EvidenceBundle, file: IO[bytes], *, manifest: str) -> None:
    bundle.pieces.all().delete()
    size = file.tell()
    file.seek(0)
    for number, data in enumerate(iter(lambda: file.read(PIECE), b"")):
        EvidencePiece.objects.create(bundle=bundle, number=number, data=data)
    now = timezone.now()
    EvidenceBundle.objects.filter(pk=bundle.pk).update(
        finished_at=now, expires_at=now + settings.EVIDENCE_KEPT_FOR, manifest=manifest, size=size, lease_until=None
    )


def _fail(bundle: EvidenceBundle, because: str) -> None:
    EvidenceBundle.objects.filter(pk=bundle.pk).update(
        finished_at=timezone.now(), failed_because=because[:300], lease_until=None
    )


class _Teller:
    """Says how far it is, through a connection of its own: the other one reads a moment that stands still."""

    def __init__(self, bundle: EvidenceBundle) -> None:
        self.bundle, self.connection, self.last = bundle, connection.copy(), 0.0

    def __enter__(self) -> "_Teller":
        return self

    def __exit__(self, *raised: object) -> None:
        self.connection.close()

    def __call__(self, rows: int) -> None:
        if time.monotonic() - self.last < SAYS_EVERY:
            return
        self.last = time.monotonic()
        with self.connection.cursor() as cursor:
            cursor.execute(
                "UPDATE notifications_evidencebundle SET rows = %s, lease_until = %s WHERE id = %s",
                [rows, timezone.now() + LEASE, self.bundle.pk],
            )
