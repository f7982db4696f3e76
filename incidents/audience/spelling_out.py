"""Accounts as a program has them (JSON) become the file that people send (CSV): from there on there is one way.

An account takes as many lines as it has addresses or rows of its table, whichever are more; the first line says
everything else about it, and they fold again when they are read.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

FACT, ROW = "fact:", "row:"
MEANINGS = {
    "account_id": "id", "email": "email", "post": "post", "phone": "phone", "address_role": "role",
    "trusted": "trusted", "name": "name", "language": "locale", "country": "jurisdiction", "segments": "segments",
    "certainty": "certainty",
}  # fmt: skip
FORMAT = {"kind": "csv", "encoding": "utf-8", "delimiter": ",", "header": True}

Value = str | int | float | bool | None


class Undeclared(Exception):
    """An account has a fact that was not declared when the push began: every piece needs the same columns."""

    def __init__(self, place: int, name: str) -> None:
        super().__init__(f"“{name[:60]}” was not declared when this import began.")
        self.place, self.name = place, name


def columns(facts: Mapping[str, str], rows: Mapping[str, str]) -> dict[str, str]:
    """{header: meaning}, for facts and rows as {name: type}; by name, since PostgreSQL keeps no order of keys."""
    of_facts = {f"{FACT}{name}": f"{FACT}{name}:{kind}" for name, kind in sorted(facts.items())}
    of_rows = {f"{ROW}{name}": f"{ROW}{name}:{kind}" for name, kind in sorted(rows.items())}
    return MEANINGS | of_facts | of_rows


def header(said: Mapping[str, str]) -> bytes:
    return _written([said])


def lines(accounts: Iterable[Mapping[str, Any]], said: Mapping[str, str]) -> bytes:
    """Without the header, for accounts as in the API's AccountIn. Raises Undeclared, with the account's place."""
    return _written(_rows(accounts, said))


def _rows(accounts: Iterable[Mapping[str, Any]], said: Mapping[str, str]) -> Iterator[list[str]]:
    order = {name: place for place, name in enumerate(said)}
    for place, account in enumerate(accounts):
        every = zip_longest(_addresses(account), account.get("rows") or [])
        for number, (address, row) in enumerate(every):
            cells = [""] * len(order)
            known = {"account_id": account.get("external_id")} | (address or {}) | _prefixed(ROW, row or {})
            if number == 0:
                known |= _about(account)
            for name, value in known.items():
                if name not in order:
                    raise Undeclared(place, name.partition(":")[2])
                cells[order[name]] = _cell(value)
            yield cells


def types_of(accounts: Iterable[Mapping[str, Any]], part: str) -> dict[str, str]:
    """Name and type of all facts (part: "facts" or "rows") that these accounts have; what is mixed is text."""
    found: dict[str, set[str]] = {}
    for account in accounts:
        said = account.get(part) or []
        for values in [said] if isinstance(said, dict) else said:
            for name, value in values.items():
                if value is not None:
                    found.setdefault(name, set()).add(_type(value))
    return {name: kinds.pop() if len(kinds) == 1 else "text" for name, kinds in sorted(found.items())}


def _about(account: Mapping[str, Any]) -> dict[str, Value]:
    return {
        "name": account.get("name"), "language": account.get("locale"), "country": account.get("jurisdiction"),
        "segments": "|".join(account.get("segments") or []), "certainty": account.get("certainty"),
    } | _prefixed(FACT, account.get("facts") or {})  # fmt: skip


def _addresses(account: Mapping[str, Any]) -> list[dict[str, Value]]:
    """At least one, so that an account without any still has a line."""
    said = [{"kind": "email", "value": account["email"]}] if account.get("email") else []
    return [
        {address.get("kind") or "email": address["value"], "address_role": address.get("role"),
         "trusted": address.get("trusted")}
        for address in [*said, *(account.get("addresses") or [])]
    ] or [{}]  # fmt: skip


def _prefixed(kind: str, values: Mapping[str, Value]) -> dict[str, Value]:
    return {f"{kind}{name}": value for name, value in values.items() if value is not None}


def _cell(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _type(value: Value) -> str:
    if isinstance(value, bool):
        return "yes_no"
    return "number" if isinstance(value, int | float) else "text"


def _written(rows: Iterable[Iterable[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()
