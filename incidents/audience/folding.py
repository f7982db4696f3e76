"""Several rows about one account become one: the first carries what all of them say, contradictions are rejected.

Rows stream through in the order of accounts and lines, and what changes is written in parts, so that memory stays as
it is whether half a million accounts have two rows or one account has a million.
"""

import json
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from django.db import connection, transaction

from incidents.audience.columns import FACT
from incidents.audience.facts import LONGEST_TABLE, TABLE, as_text
from incidents.audience.rows import LONGEST_VALUE_KEPT, Problem
from incidents.models import ImportBatch

PART = 2000  # rows fetched and written at a time
SAID_ONCE = ("name", "locale", "jurisdiction", "certainty")
SAYS_NOTHING = ("", "", "", "", "[]", "{}")

# The rows have just been copied, so PostgreSQL knows nothing about them and expects one. A table with statistics of
# its own keeps the joins below from reading all rows once for every row: at a million that took longer than anybody
# waits.
REPEATED = (
    "SET LOCAL work_mem = '256MB'",
    "DROP TABLE IF EXISTS repeated, folded, left_out",
    """
    CREATE TEMPORARY TABLE repeated ON COMMIT DROP AS
    SELECT account_key FROM incidents_stagedrow WHERE batch_id = %(batch)s
     GROUP BY account_key HAVING min(line) <> max(line)
    """,
    "CREATE TEMPORARY TABLE left_out (line integer) ON COMMIT DROP",
    """
    CREATE TEMPORARY TABLE folded (id bigint, name text, locale text, jurisdiction text, certainty text,
                                   segments jsonb, facts jsonb) ON COMMIT DROP
    """,
    "ANALYZE repeated",
)
ROWS = """
SELECT account_key, id, line, external_id, kind, address, role, trusted,
       name, locale, jurisdiction, certainty, segments::text, facts::text
  FROM incidents_stagedrow JOIN repeated USING (account_key)
 WHERE batch_id = %s
 ORDER BY account_key COLLATE "C", line, kind
"""
WRITTEN = (
    "ANALYZE folded, left_out",
    """
    UPDATE incidents_stagedrow AS staged
       SET name = folded.name, locale = folded.locale, jurisdiction = folded.jurisdiction,
           certainty = folded.certainty, segments = folded.segments, facts = folded.facts
      FROM folded
     WHERE staged.id = folded.id AND staged.batch_id = %(batch)s
    """,
    """
    DELETE FROM incidents_stagedrow AS staged USING left_out
     WHERE staged.batch_id = %(batch)s AND staged.line = left_out.line
    """,
)


class Row(NamedTuple):
    account_key: str
    id: int
    line: int
    external_id: str
    kind: str
    address: str
    role: str
    trusted: bool
    name: str
    locale: str
    jurisdiction: str
    certainty: str
    segments: str
    facts: str


FIRST_SAID = Row._fields.index(SAID_ONCE[0])
as_json = json.JSONEncoder(ensure_ascii=False).encode


@transaction.atomic
def fold(batch: ImportBatch) -> None:
    """After it the first row of each account is complete; its other rows only add addresses."""
    with connection.cursor() as cursor:
        for statement in REPEATED:
            cursor.execute(statement, {"batch": batch.pk})
        cursor.execute("SELECT EXISTS (SELECT FROM repeated)")
        if not cursor.fetchone()[0]:
            return
        with connection.chunked_cursor() as rows:
            rows.execute(ROWS, [batch.pk])
            _join(batch, rows)
        for statement in WRITTEN:
            cursor.execute(statement, {"batch": batch.pk})


def _join(batch: ImportBatch, cursor) -> None:
    columns = [(header, _without_type(batch.columns[header])) for header in batch.headers or batch.columns]
    heads: list[tuple] = []
    problems: list[Problem] = []
    for _, group in groupby(_rows(cursor), key=attrgetter("account_key")):
        rows = iter(group)
        account = _Account(next(rows), columns)
        for row in rows:
            problems += account.take(row)
            if len(problems) >= PART:
                _reject(batch, problems)
        if account.grew:
            heads.append(account.as_row())
        if len(heads) >= PART:
            _complete(heads)
    _reject(batch, problems)
    _complete(heads)


def _rows(cursor) -> Iterator[Row]:
    while part := cursor.fetchmany(PART):
        yield from map(Row._make, part)


class _Account:
    """What the rows of one account have said so far, and in which line each thing was said first."""

    def __init__(self, head: Row, columns: list[tuple[str, str]]) -> None:
        self.head = head
        self.columns = columns
        self.grew = self.was_read = False

    def _read_head(self) -> None:
        """Not before a row says something else: most only bring an address."""
        self.said, self.table = _what_it_says(self.head)
        self.line = dict.fromkeys(self.said, self.head.line)
        self.segments = set(_segments(self.head))
        self.was_read = True

    def take(self, row: Row) -> list[Problem]:
        """Join one row to the account; the contradictions if it is at odds with what was said before."""
        if row[FIRST_SAID:] in (SAYS_NOTHING, self.head[FIRST_SAID:]):
            return []
        if not self.was_read:
            self._read_head()
        theirs, table = _what_it_says(row)
        odd = [meaning for meaning, value in theirs.items() if self.said.get(meaning, value) != value]
        lines = [line for line in table if line not in self.table]
        if odd:
            return self._contradictions(row, theirs, odd)
        if len(self.table) + len(lines) > LONGEST_TABLE:
            return [self._one_line_too_many(row)]
        for meaning in theirs.keys() - self.said.keys():
            self.said[meaning], self.line[meaning], self.grew = theirs[meaning], row.line, True
        segments = self.segments.union(_segments(row))
        self.grew = self.grew or bool(lines) or segments != self.segments
        self.segments = segments
        self.table |= dict.fromkeys(lines)
        return []

    def as_row(self) -> tuple:
        """As `folded` has it."""
        facts = {name.removeprefix(FACT): value for name, value in self.said.items() if name.startswith(FACT)}
        if self.table:
            facts[TABLE] = [json.loads(line) for line in self.table]
        fields = (self.said.get(field, "") for field in SAID_ONCE)
        return self.head.id, *fields, as_json(sorted(self.segments)), as_json(facts)

    def _contradictions(self, row: Row, theirs: dict, odd: list[str]) -> list[Problem]:
        problems = [
            Problem(
                row.line, self._header(meaning), as_text(theirs[meaning])[:LONGEST_VALUE_KEPT],
                f"Line {self.line[meaning]:,} is about the same account and says something else.", _remedy(meaning),
            ) for meaning in odd
        ]  # fmt: skip
        return [problems[0]._replace(cells=_cells(row, self.columns)), *problems[1:]]

    def _one_line_too_many(self, row: Row) -> Problem:
        return Problem(
            row.line, "", "", f"The account has {LONGEST_TABLE} lines in its table already; no more are kept.",
            "Import fewer lines for it, or sum several up in one.", _cells(row, self.columns),
        )  # fmt: skip

    def _header(self, meaning: str) -> str:
        return next((header for header, known in self.columns if known == meaning), "")


def _segments(row: Row) -> list[str]:
    return json.loads(row.segments) if row.segments != "[]" else []


def _what_it_says(row: Row) -> tuple[dict[str, object], dict[str, None]]:
    """(what an account can have only one of, by meaning; the lines of its table as JSON, in order)."""
    said: dict[str, object] = {field: value for field, value in zip(SAID_ONCE, row[FIRST_SAID:], strict=False) if value}
    if row.facts == "{}":
        return said, {}
    facts = json.loads(row.facts)
    table = facts.pop(TABLE, []) if isinstance(facts.get(TABLE), list) else []
    said |= {FACT + name: value for name, value in facts.items()}
    return said, {json.dumps(line, sort_keys=True, ensure_ascii=False): None for line in table}


def _remedy(meaning: str) -> str:
    if meaning.startswith(FACT):
        return "Make both rows say the same. If an account can have several of these, take the column for a list."
    return "Make both rows say the same, or give them different account ids."


def _without_type(meaning: str) -> str:
    """fact:seen:date → fact:seen"""
    kind, _, rest = meaning.partition(":")
    return f"{kind}:{rest.partition(':')[0]}" if rest else kind


def _cells(row: Row, columns: list[tuple[str, str]]) -> str:
    """The row for the file that can be mended, from what was understood of it: its own cells were not kept.

    A column that was not read is empty in it, a date or a segment in its own form, and so it is read again the same.
    """
    facts = json.loads(row.facts)
    line = facts.get(TABLE) if isinstance(facts.get(TABLE), list) else None
    known = {
        "id": row.external_id, row.kind: row.address, "name": row.name, "locale": row.locale,
        "jurisdiction": row.jurisdiction, "role": row.role, "certainty": row.certainty,
        "segments": "|".join(json.loads(row.segments)), "trusted": "" if row.trusted else "no",
    } | {f"{FACT}{name}": as_text(value) for name, value in facts.items()}  # fmt: skip
    known |= {f"row:{name}": as_text(value) for name, value in (line[0] if line else {}).items()}
    return json.dumps([known.get(meaning, "") for _, meaning in columns], ensure_ascii=False)


def _reject(batch: ImportBatch, problems: list[Problem]) -> None:
    names = ", ".join(f'"{name}"' for name in ("batch_id", *Problem._fields))
    _copy(f"incidents_rejectedrow ({names})", [(batch.pk, *problem) for problem in problems])
    _copy("left_out", [(line,) for line in {problem.line for problem in problems}])
    problems.clear()


def _complete(heads: list[tuple]) -> None:
    _copy("folded", heads)
    heads.clear()


def _copy(table: str, rows: list[tuple]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
