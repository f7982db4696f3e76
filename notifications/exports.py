"""Taking a list of people out of the house: asked for with a reason, allowed by a second person, downloaded once."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import approvals, audit
from accounts.models import Approval, User
from incidents.audience import exporting, outgoing
from incidents.models import AffectedAccount, Incident
from notifications import letters, listing, telling
from notifications.mailings import sums
from notifications.mailings.taking_out import OfMailing
from notifications.models import Export

Asked = listing.Filter | OfMailing

ACT = Approval.Act.EXPORT
LASTS = timedelta(hours=1)  # a yes
PIECE = 1 << 16  # bytes
MOST_IN_A_WORKBOOK = 100_000  # people: it is made as a whole before its first byte goes out, while a browser waits


class NotNow(Exception):
    """This list cannot leave the house; the message says why and what to do."""


@transaction.atomic
def ask(incident: Incident, asked: Asked, *, format: str, because: str, by: User, page: str,
        at: datetime | None = None) -> Export:  # fmt: skip
    """Note what is wanted, and ask for a yes where it is about more than one person. Raises NotNow.

    page: path of the export's page, with {pk}.
    """
    at = at or timezone.now()
    people, ids = _whom(incident, asked)
    if not people:
        raise NotNow("Nobody fits this filter any more: there is nothing to export.")
    if format == Export.Format.XLSX and people > MOST_IN_A_WORKBOOK:
        raise NotNow(f"A workbook holds {MOST_IN_A_WORKBOOK:,} people at most. Ask for CSV: Excel opens it, too.")
    export = Export.objects.create(
        incident=incident, filters=asked.query, format=format, because=because, people=people, sha256_of_ids=ids,
        asked_by=by, asked_at=at,
    )  # fmt: skip
    if people > 1:
        what = "; ".join(asked.words) or "all affected accounts"
        approvals.ask(
            act=ACT, thing=export, hashes=_hashes(export), by=by, incident=incident.pk, at=at,
            page=page.format(pk=export.pk),
            summary=f"Export {people:,} people as {format.upper()} ({what[:120]}), because: {because}"[:500],
        )  # fmt: skip
    return export


def how_many(incident: Incident, asked: Asked) -> int:
    """People who would leave the house."""
    return sum(1 for _ in asked.accounts()) if isinstance(asked, OfMailing) else _rows(incident, asked).count()


def obstacle(export: Export, *, by: User, at: datetime) -> str:
    """Why it cannot be downloaded, in words; empty where it can, as far as is known without counting again."""
    if export.begun_at:
        return "It was downloaded already. Ask again to take it out another time."
    if export.asked_by_id != by.pk:
        return f"Only {export.asked_by.get_full_name()}, who asked for it, can download it."
    allowed_at: datetime | None = export.asked_at
    if export.people > 1:
        approval = approvals.living(ACT, export)
        if approval is None:
            return "The request no longer holds. Ask again."
        allowed_at = approval.given_at
    if allowed_at is None:
        return "It waits for a second person's yes."
    if at - allowed_at > LASTS:
        return "A yes holds for an hour, and this one is older. Ask again."
    return ""


def begin(export: Export, asked: Asked, *, by: User, at: datetime | None = None) -> None:
    """Spend the yes: from here on this list counts as outside. Raises NotNow or approvals.NotApproved."""
    at = at or timezone.now()
    with transaction.atomic():
        export = Export.objects.select_for_update(of=["self"]).select_related("asked_by").get(pk=export.pk)
        if reason := obstacle(export, by=by, at=at):
            raise NotNow(reason)
        if (export.people, export.sha256_of_ids) != _whom(export.incident, asked):
            raise NotNow("The list has changed since this was asked: other people fit the filter now. Ask again.")
        if export.people > 1:
            export.approval = approvals.use(act=ACT, thing=export, hashes=_hashes(export), at=at)
        export.begun_at = at
        export.save(update_fields=["begun_at", "approval"])
        audit.record(act="export.begun", thing=export, by=by, at=at, incident=export.incident_id,
                     people=export.people, filter=export.filters, format=export.format, because=export.because,
                     ids=export.sha256_of_ids)  # fmt: skip


def as_csv(export: Export, asked: Asked) -> Iterator[bytes]:
    """The file, piece by piece, after `begin`. However it ends, the log says so."""
    with _noted(export) as noted, transaction.atomic():
        header, lines = _sheet(export.incident, asked)
        rows = noted.counting(lines)
        yield noted.bytes(outgoing.MARK.encode())
        waiting = ""
        for line in exporting.lines(header, rows):
            waiting += line
            if len(waiting) > PIECE:
                yield noted.bytes(waiting.encode("utf-8", "replace"))
                waiting = ""
        yield noted.bytes(waiting.encode("utf-8", "replace"))


def as_letters(export: Export, asked: OfMailing, *, at: datetime) -> IO[bytes]:
    """The zip of letters to print, after `begin`, on disk and rewound; whoever closes it removes it."""
    file = TemporaryFile()  # noqa: SIM115  (the response closes it)
    try:
        with _noted(export) as noted:
            noted.lines = letters.write(asked.mailing, file, part=asked.part, by=export.asked_by, at=at)
            file.seek(0)
            while piece := file.read(PIECE):
                noted.bytes(piece)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def as_workbook(export: Export, asked: listing.Filter) -> IO[bytes]:
    """The file, after `begin`, on disk and rewound; whoever closes it removes it. Raises outgoing.TooManyLines."""
    file = TemporaryFile()  # noqa: SIM115  (the response closes it)
    try:
        with _noted(export) as noted, transaction.atomic():
            facts, lines = _table(export.incident, asked)
            outgoing.workbook(outgoing.header(facts), noted.counting(lines), file)
            file.seek(0)
            while piece := file.read(PIECE):
                noted.bytes(piece)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


class _Noted:
    """Counts and hashes what goes out."""

    def __init__(self) -> None:
        self.lines = 0
        self.hash = hashlib.sha256()

    def counting(self, rows: Iterator[list]) -> Iterator[list]:
        for row in rows:
            self.lines += 1
            yield row

    def bytes(self, piece: bytes) -> bytes:
        self.hash.update(piece)
        return piece


@contextmanager
def _noted(export: Export) -> Iterator[_Noted]:
    noted = _Noted()
    try:
        yield noted
    except BaseException:  # GeneratorExit, too: the reader hung up
        _end(export, act="export.broken_off", lines=noted.lines)
        raise
    Export.objects.filter(pk=export.pk).update(
        ended_at=timezone.now(), lines=noted.lines, sha256=noted.hash.hexdigest()
    )
    _end(export, act="export.ended", lines=noted.lines, sha256=noted.hash.hexdigest())


@transaction.atomic
def _end(export: Export, *, act: str, **facts: Any) -> None:
    audit.record(act=act, thing=export, by=export.asked_by, incident=export.incident_id, **facts)


def _sheet(incident: Incident, asked: Asked) -> tuple[list[str], Iterator[list]]:
    if isinstance(asked, OfMailing):
        return sums.HEADER, sums.rows(asked.mailing, asked.line)
    facts, lines = _table(incident, asked)
    return outgoing.header(facts), lines


def _table(incident: Incident, asked: listing.Filter) -> tuple[outgoing.Facts, Iterator[list]]:
    rows = listing.matching(incident, asked)
    facts = outgoing.facts_of(rows)
    people = ((outgoing.Person(*row), outcome) for row, outcome in listing.each(incident, asked, outgoing.people(rows)))
    return facts, outgoing.table(people, facts)


def _rows(incident: Incident, asked: listing.Filter) -> QuerySet[AffectedAccount]:
    rows = listing.matching(incident, asked)
    return rows.filter(telling.having(incident, asked.outcome)) if asked.outcome else rows


@transaction.atomic
def _whom(incident: Incident, asked: Asked) -> tuple[int, str]:
    """(how many, SHA-256 of which)."""
    count, ids = 0, hashlib.sha256()
    for pk in _accounts(incident, asked):
        count += 1
        ids.update(b"%d\n" % pk)
    return count, ids.hexdigest()


def _accounts(incident: Incident, asked: Asked) -> Iterator[int]:
    if isinstance(asked, OfMailing):
        return asked.accounts()
    return _rows(incident, asked).order_by("pk").values_list("pk", flat=True).iterator(chunk_size=10_000)


def _hashes(export: Export) -> dict[str, str]:
    filter = audit.canonical({"filters": export.filters, "format": export.format})
    return {
        "filter": hashlib.sha256(filter.encode()).hexdigest(), "people": export.sha256_of_ids,
        "number": str(export.people),
    }  # fmt: skip
