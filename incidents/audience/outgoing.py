"""The list of affected accounts as a file that leaves the house, and that an import reads again to the same set.

A line holds one address of an account and one line of its table; the first line of an account says everything else.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import IO, Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Case, IntegerField, OuterRef, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, JSONObject
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from accounts.models import Address
from incidents.audience.exporting import safe
from incidents.models import AffectedAccount

MOST_LINES_OF_A_SHEET = 1_048_576  # Excel's
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"  # tells Excel that this is UTF-8; reading such a file again leaves it out

HEADER = [
    "account_id", "email", "phone", "postal address", "role", "trusted", "name", "language", "country", "segments",
    "certainty",
]  # fmt: skip
CELLS = {"email": 1, "phone": 2, "post": 3}  # where an address stands, by its kind
OUTCOME = "telling"  # the last column; an import leaves it out


# Workbook ------------------------------------------------------------------------------------------------------


class TooManyLines(Exception):
    """More than a sheet of Excel can hold."""


def workbook(header: Iterable[str], rows: Iterable[Iterable[object]], file: IO[bytes]) -> int:
    """One sheet, every cell text; the number of its lines. Raises TooManyLines."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Affected accounts")
    number = 0
    for number, row in enumerate(chain([header], rows), start=1):
        if number > MOST_LINES_OF_A_SHEET:
            raise TooManyLines
        sheet.append([_text(sheet, cell) for cell in row])
    book.save(file)
    return number


def _text(sheet: Any, cell: object) -> Any:
    """Said to be text: openpyxl would take what begins with = for a formula."""
    text = safe(cell)
    if not text:
        return None
    made = WriteOnlyCell(sheet, text)
    made.data_type = "s"
    return made


# Accounts -------------------------------------------------------------------------------------------------------


class Person(NamedTuple):
    """One affected account, as `people` reads it. facts: JSON."""

    pk: int
    external_id: str | None
    name: str
    locale: str
    locale_from: str
    jurisdiction: str
    jurisdiction_from: str
    certainty: str
    facts: str
    addresses: list[dict[str, Any]]
    segments: list[str]


def people(rows: QuerySet[AffectedAccount]) -> QuerySet[Any, Any]:
    """As tuples, to be made into a Person each."""
    segments = AffectedAccount.segments.through.objects.filter(affectedaccount=OuterRef("pk")).order_by("segment__key")
    ranks = [When(role=role, then=Value(rank)) for rank, role in enumerate(Address.Role.values)]
    addresses = (
        Address.objects.filter(account=OuterRef("account"))
        .annotate(rank=Case(*ranks, default=Value(len(ranks)), output_field=IntegerField()))
        .order_by("rank", "pk")
        .values(of=JSONObject(kind="kind", value="value", role="role", trusted="trusted", withdrawn="withdrawn_at"))
    )
    return rows.values_list(
        "pk", "account__external_id", "account__name", "account__locale", "account__locale_from",
        "account__jurisdiction", "account__jurisdiction_from", "certainty", Cast("facts", TextField()),
        ArraySubquery(addresses), ArraySubquery(segments.values("segment__key")),
    )  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """Columns of the personal facts: {name: header} of what is said once, and of the table's lines."""

    once: dict[str, str]
    table: dict[str, str]

    @property
    def headers(self) -> list[str]:
        return [*self.once.values(), *self.table.values()]


FACTS = """
SELECT kind, name, array_agg(DISTINCT type) FROM (
  SELECT 'fact' AS kind, said.key AS name, jsonb_typeof(said.value) AS type
    FROM held, jsonb_each(held.facts) AS said WHERE said.key <> 'rows'
  UNION ALL
  SELECT 'row', said.key, jsonb_typeof(said.value)
    FROM held, jsonb_array_elements(CASE jsonb_typeof(held.facts -> 'rows') WHEN 'array' THEN held.facts -> 'rows'
      ELSE '[]' END) AS line, jsonb_each(CASE jsonb_typeof(line) WHEN 'object' THEN line ELSE '{}' END) AS said
) AS each GROUP BY kind, name ORDER BY kind, name
"""
TYPES = {
    frozenset({"number"}): ":number",
    frozenset({"boolean"}): ":yes_no",
}  # a date is text that is read as it stands


def facts_of(rows: QuerySet[AffectedAccount]) -> Facts:
    """Headers are meanings, such as fact:calls:number, so that an import knows them without being told."""
    sql, params = rows.order_by().values("facts").query.sql_with_params()
    columns: dict[str, dict[str, str]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(f"WITH held AS ({sql}) {FACTS}", params)  # noqa: S608  (a query of Django's)
        for kind, name, types in cursor.fetchall():
            columns[kind][name] = f"{kind}:{name}{TYPES.get(frozenset(types) - {'null'}, '')}"
    return Facts(columns["fact"], columns["row"])


def header(facts: Facts) -> list[str]:
    return [*HEADER, *facts.headers, OUTCOME]


def table(people: Iterable[tuple[Person, str]], facts: Facts) -> Iterator[list[object]]:
    """Lines of cells for each (person, state of telling)."""
    for person, outcome in people:
        addresses = _places(person)
        said = json.loads(person.facts, parse_int=str, parse_float=str)  # digits as they are held
        rows = [row for row in said.get("rows") or [] if isinstance(row, dict)] if facts.table else []
        about: list[object] = [
            person.name, "" if person.locale_from else person.locale,
            "" if person.jurisdiction_from else person.jurisdiction, "|".join(person.segments), person.certainty,
        ]  # fmt: skip
        once = [_said(said.get(name)) for name in facts.once]
        for place, row in zip_longest(addresses or [_again(person, [])], rows):
            cells = place or _again(person, addresses)
            yield [*cells, *about, *once, *(_said((row or {}).get(name)) for name in facts.table), outcome]
            about, once = [_name_again(person), "", "", "", ""], [""] * len(once)


def _places(person: Person) -> list[list[object]]:
    """The first six cells of a line for each address. A withdrawn one stays where it is all that names its owner.

    Whoever has no id is known by their email address, else by telephone, else by post: it stands in all their lines.
    """
    standing = [one for one in person.addresses if not one["withdrawn"]]
    if not person.external_id:
        standing = sorted(standing or person.addresses, key=lambda one: list(CELLS).index(one["kind"]))
    places = []
    for one in standing:
        cells: list[object] = [person.external_id or "", "", "", "", one["role"], "yes" if one["trusted"] else "no"]
        if not person.external_id:
            cells[CELLS[standing[0]["kind"]]] = standing[0]["value"]
        cells[CELLS[one["kind"]]] = one["value"]
        places.append(cells)
    return places


def _again(person: Person, addresses: list[list[object]]) -> list[object]:
    """Who a further line is about."""
    return addresses[0] if addresses and not person.external_id else [person.external_id or "", "", "", "", "", ""]


def _name_again(person: Person) -> str:
    """Whoever is known by post alone is told from others in the house by the name."""
    return "" if person.external_id else person.name


def _said(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
    return value
