"""Letters, calls and meetings from a file: read, looked at, then put on record, all of them or none."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import IO, Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from accounts import audit
from accounts.models import User
from incidents.models import AffectedAccount, Incident
from notifications import links, recording, telling
from notifications.models import Recipient, RecordUpload

MOST_LINES, MOST_BYTES = 5000, 2_000_000
LONGEST = {"person": 120, "proof": 1000}
COLUMNS = {
    "account": {"account", "id", "account id", "external id", "external_id", "customer", "customer id"},
    "code": {"code", "reference", "reference code", "reference_code"},
    "channel": {"channel", "how", "what"},
    "at": {"at", "when", "date", "posted", "posted at"},
    "person": {"person", "by", "who"},
    "proof": {"proof", "what shows it", "tracking", "tracking number"},
}
CHANNELS = {
    Recipient.Channel.POST: {"post", "letter", "mail", "letter by post"},
    Recipient.Channel.PHONE: {"phone", "call", "telephone"},
    Recipient.Channel.IN_PERSON: {"in person", "in_person", "meeting", "personal"},
}


class Refused(Exception):
    """The file cannot be read at all: the message says why, and what to do."""


@dataclass(frozen=True)
class Row:
    line: int
    affected: int
    account: str
    channel: str
    at: str
    person: str
    proof: str


@dataclass(frozen=True)
class Problem:
    line: int
    column: str
    words: str


def read(incident: Incident, file: IO[bytes], *, file_name: str, by: User) -> RecordUpload:
    """Keep the rows and their problems until somebody says yes. Nothing counts yet. Raises Refused."""
    lines = list(_lines(file.read(MOST_BYTES + 1)))
    known = _known(incident, lines)
    rows, problems, seen = [], [], set()
    for number, cells in lines:
        row = _row(number, cells, known, by=by)
        if isinstance(row, Problem):
            problems.append(row)
        elif (same := (row.affected, row.channel, row.at, row.proof)) in seen:
            problems.append(Problem(number, "account", "The same record stands in an earlier line."))
        else:
            seen.add(same)
            rows.append(row)
    RecordUpload.objects.filter(incident=incident, by=by, over_at=None).update(over_at=timezone.now(), rows=[])
    return RecordUpload.objects.create(
        incident=incident, file_name=file_name[:255], by=by, rows=[asdict(row) for row in rows],
        problems=[asdict(problem) for problem in problems],
    )  # fmt: skip


def record(upload: RecordUpload, *, by: User, at: datetime | None = None) -> int:
    """Put its rows on record; how many. Raises recording.CannotRecord, and then none of them is."""
    count = _record(upload, by=by, at=at or timezone.now())
    telling.push(upload.incident)
    return count


@transaction.atomic
def _record(upload: RecordUpload, *, by: User, at: datetime) -> int:
    upload = RecordUpload.objects.select_for_update(of=("self",)).select_related("incident").get(pk=upload.pk)
    if upload.over_at:
        raise recording.CannotRecord("These rows are on record already, or were put away.")
    rows = AffectedAccount.objects.filter(incident=upload.incident).select_related("account", "incident")
    affected = rows.in_bulk([row["affected"] for row in upload.rows])
    for row in upload.rows:
        recording.put(
            affected[row["affected"]], channel=row["channel"], at=datetime.fromisoformat(row["at"]),
            person=row["person"], proof=row["proof"], by=by,
        )  # fmt: skip
    count = len(upload.rows)
    RecordUpload.objects.filter(pk=upload.pk).update(rows=[], over_at=at, recorded=count)
    audit.record(act="records.read", thing=upload, by=by, at=at, incident=upload.incident_id, count=count)
    return count


def put_away(upload: RecordUpload, *, at: datetime) -> None:
    RecordUpload.objects.filter(pk=upload.pk, over_at=None).update(rows=[], over_at=at)


# Reading --------------------------------------------------------------------------------------------------------


def _lines(data: bytes) -> Iterable[tuple[int, dict[str, str]]]:
    """(line, cell by column) of every line that says something."""
    if len(data) > MOST_BYTES:
        raise Refused(f"The file is larger than {MOST_BYTES // 1_000_000} MB. Split it.")
    text = _text(data)
    first = text.partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = _header(next(reader, []))
        count = 0
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            count += 1
            if count > MOST_LINES:
                raise Refused(f"The file has more than {MOST_LINES:,} lines. Split it.")
            yield reader.line_num, {name: _cell(cells, place) for name, place in header.items()}
    except csv.Error as error:
        raise Refused(f"Line {reader.line_num} cannot be read ({error}). A quotation mark may be open.") from error


def _text(data: bytes) -> str:
    if b"\0" in data:
        raise Refused("This is no text file. Save it as CSV (UTF-8).")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _header(cells: list[str]) -> dict[str, int]:
    taken: dict[str, int] = {}
    for place, cell in enumerate(cells):
        for name, words in COLUMNS.items():
            if cell.strip().casefold() in words:
                taken.setdefault(name, place)
    missing = {"channel", "at", "proof"} - taken.keys()
    if missing or not taken.keys() & {"account", "code"}:
        raise Refused(
            "The first line has to name the columns: account or code, channel, at, person, proof. "
            f"Found: {', '.join(sorted(taken)) or 'none of them'}."
        )
    return taken


def _cell(cells: list[str], place: int) -> str:
    """As typed; a quote that an export put before a formula is taken off again."""
    cell = cells[place].strip() if place < len(cells) else ""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in tuple("=+-@") else cell


def _known(incident: Incident, lines: list[tuple[int, dict[str, str]]]) -> dict[str, dict[str, Any]]:
    """Affected accounts by id and by reference code, of all lines in two queries."""
    ids = {cells["account"] for _, cells in lines if cells.get("account")}
    codes = {links.normalise_code(cells["code"]) or "" for _, cells in lines if cells.get("code")} - {""}
    accounts = AffectedAccount.objects.filter(incident=incident, account__external_id__in=ids)
    recipients = Recipient.objects.filter(incident=incident, code__in=codes)
    return {
        "account": {row.account.external_id or "": row for row in accounts.select_related("account")},
        "code": {
            row.code: row.affected_account
            for row in recipients.select_related("affected_account__account")
        },
    }  # fmt: skip


def _row(line: int, cells: dict[str, str], known: dict[str, dict[str, Any]], *, by: User) -> Row | Problem:
    by_id = known["account"].get(cells.get("account", ""))
    by_code = known["code"].get(links.normalise_code(cells.get("code", "")) or "")
    if cells.get("account") and by_id is None:
        return Problem(line, "account", "No affected account of this incident has this id.")
    if cells.get("code") and by_code is None:
        return Problem(line, "code", "No message of this incident has this reference code: check the spelling.")
    affected = by_id or by_code
    if affected is None:
        return Problem(line, "account", "Neither an account id nor a reference code stands here.")
    if by_id and by_code and by_id.pk != by_code.pk:
        return Problem(line, "code", "The reference code belongs to another account than the id.")
    if affected.certainty == AffectedAccount.Certainty.RULED_OUT:
        return Problem(line, "account", "This account was ruled out: no notice is owed to it.")
    return _said(line, cells, affected, by=by)


def _said(line: int, cells: dict[str, str], affected: AffectedAccount, *, by: User) -> Row | Problem:
    channel = next((one for one, words in CHANNELS.items() if cells["channel"].casefold() in words), "")
    at = _moment(cells["at"])
    person, proof = cells.get("person") or by.get_full_name(), cells["proof"]
    for column, is_wrong, words in (
        ("channel", not channel, "Say letter, call or meeting."),
        ("at", at is None, "Write the day, or day and time, as 2018-01-05 14:05 (UTC)."),
        ("at", at is not None and at > timezone.now(), "This moment has not come yet."),
        ("proof", not proof, "Say what shows it: without proof it cannot count."),
        ("proof", "@" in proof, "An address stands in it. Leave it out: this text goes into the evidence."),
        ("proof", len(proof) > LONGEST["proof"], f"It is longer than {LONGEST['proof']} characters."),
        ("person", "@" in person or len(person) > LONGEST["person"], "Give the name of whoever of us did it."),
    ):
        if is_wrong:
            return Problem(line, column, words)
    assert at is not None
    return Row(line, affected.pk, str(affected.account), str(channel), at.isoformat(), person, proof)


def _moment(text: str) -> datetime | None:
    """UTC where no zone is said; a day alone is its noon."""
    try:
        at = parse_datetime(text)
        day = None if at else parse_date(text)
    except ValueError:
        return None
    if day:
        return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)
