"""Personal facts and names of one account, in words and no more of them than their owner needs to know them by."""

from dataclasses import dataclass

from accounts.models import Account, Address
from incidents.audience.facts import TABLE, in_words, name_in_words
from notifications.composing.guidance import masked

LONGEST_ID = 24  # characters shown of an account's id before its middle is left out
IN_DETAIL = "In detail"


@dataclass(frozen=True)
class Table:
    name: str
    columns: list[str]
    rows: list[list[tuple[str, str]]]
    """For each row its (column, value)s, since a phone shows them one below the other."""


@dataclass(frozen=True)
class Concerns:
    """Which account it is about: enough for its owner to tell two of theirs apart."""

    account: str
    name: str


def concerns(account: Account, address: Address | None) -> Concerns:
    if not account.external_id:
        return Concerns(masked(address.value) if address else "", "")
    identity = account.external_id
    if "@" in identity:
        identity = masked(identity)
    elif len(identity) > LONGEST_ID:
        identity = f"{identity[:8]}…{identity[-4:]}"
    return Concerns(identity, " ".join(f"{word[0]}…" for word in account.name.split()))


def split(facts: dict) -> tuple[list[tuple[str, str]], list[Table]]:
    """Plain values as (name, words), and small tables."""
    values, tables = [], []
    for key, value in facts.items():
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            tables.append(_table(key, value))
        elif value not in (None, "", [], {}):
            values.append((name_in_words(key), said(value)))
    return values, tables


def _table(key: str, rows: list[dict]) -> Table:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    heads = [name_in_words(column) for column in columns]
    return Table(
        IN_DETAIL if key == TABLE else name_in_words(key),
        heads,
        [[(head, said(row.get(column, ""))) for head, column in zip(heads, columns, strict=True)] for row in rows],
    )


def said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name_in_words(str(key))}: {said(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(said(inner) for inner in value)
    return in_words(value)
