"""Several rows about one account become one: the first carries what all of them say, contradictions are rejected."""

from collections.abc import Iterator
from itertools import groupby

from django.db import connection
from django.db.models.expressions import RawSQL

from incidents.audience.columns import FACT
from incidents.audience.rows import LONGEST_VALUE_KEPT
from incidents.models import ImportBatch, RejectedRow, StagedRow

WORTH_A_STATEMENT = 2000  # rows changed at a time
SAID_ONCE = ("name", "locale", "jurisdiction", "certainty")

# The rows have just been copied, so PostgreSQL knows nothing about them and expects one. A table with a key of its own
# keeps the join below from reading all rows once for every row: at a million that took longer than anybody waits.
REPEATED = (
    "DROP TABLE IF EXISTS repeated",
    "CREATE TEMPORARY TABLE repeated (account_key text PRIMARY KEY) ON COMMIT DROP",
    """
    INSERT INTO repeated
    SELECT account_key FROM incidents_stagedrow WHERE batch_id = %(batch)s GROUP BY account_key HAVING count(*) > 1
    """,
    "ANALYZE repeated",
)


def fold(batch: ImportBatch) -> None:
    """After it the first row of each account is complete; its other rows only add addresses."""
    heads: list[StagedRow] = []
    rejected: list[RejectedRow] = []
    header = {meaning: name for name, meaning in batch.columns.items()}
    for rows in _accounts_with_several_rows(batch):
        head = next(rows)
        folding = _Account(head, header)
        for row in rows:
            rejected += folding.take(row)
            if len(rejected) >= WORTH_A_STATEMENT:
                _reject(batch, rejected)
        if folding.grew:
            heads.append(head)
        if len(heads) >= WORTH_A_STATEMENT:
            _complete(heads)
    _reject(batch, rejected)
    _complete(heads)


def _accounts_with_several_rows(batch: ImportBatch) -> Iterator[Iterator[StagedRow]]:
    with connection.cursor() as cursor:
        for statement in REPEATED:
            cursor.execute(statement, {"batch": batch.pk})
    repeated = RawSQL("SELECT account_key FROM repeated", [])
    rows = StagedRow.objects.filter(batch=batch, account_key__in=repeated).order_by("account_key", "line")
    for _, group in groupby(rows.iterator(chunk_size=WORTH_A_STATEMENT), key=lambda row: row.account_key):
        yield group


class _Account:
    """What the rows of one account have said so far, and in which line each thing was said first."""

    def __init__(self, head: StagedRow, header: dict[str, str]) -> None:
        self.head = head
        self.header = header
        self.line = dict.fromkeys(self._said(head), head.line)
        self.grew = False

    def take(self, row: StagedRow) -> list[RejectedRow]:
        """Join one row to the account; the contradictions if it is at odds with what was said before."""
        ours, theirs = self._said(self.head), self._said(row)
        odd = [meaning for meaning, value in theirs.items() if meaning in ours and ours[meaning] != value]
        if odd:
            return [
                RejectedRow(
                    batch_id=row.batch_id, line=row.line, column=self.header.get(meaning, ""),
                    value=theirs[meaning][:LONGEST_VALUE_KEPT],
                    problem=f"Line {self.line[meaning]} is about the same account and says something else.",
                    remedy="Make both rows say the same, or give them different account ids.",
                )
                for meaning in odd
            ]  # fmt: skip
        news = theirs.keys() - ours.keys()
        segments = sorted({*self.head.segments, *row.segments})
        self.line |= dict.fromkeys(news, row.line)
        self.grew = self.grew or bool(news) or segments != self.head.segments
        self.head.segments = segments
        self.head.facts = row.facts | self.head.facts
        for field in SAID_ONCE:
            setattr(self.head, field, getattr(self.head, field) or getattr(row, field))
        return []

    def _said(self, row: StagedRow) -> dict[str, str]:
        said = {field: getattr(row, field) for field in SAID_ONCE if getattr(row, field)}
        return said | {FACT + name: value for name, value in row.facts.items()}


def _reject(batch: ImportBatch, rejected: list[RejectedRow]) -> None:
    RejectedRow.objects.bulk_create(rejected)
    StagedRow.objects.filter(batch=batch, line__in={row.line for row in rejected}).delete()
    rejected.clear()


def _complete(heads: list[StagedRow]) -> None:
    StagedRow.objects.bulk_update(heads, [*SAID_ONCE, "segments", "facts"], batch_size=500)
    heads.clear()
