"""What the headers of a file were taken for."""

import csv
import re
import unicodedata
from dataclasses import dataclass

from incidents.audience.source import Refused

MOST_COLUMNS = 200
DELIMITERS = ",;\t"
FACT = "fact:"

KNOWN = {
    "id": ("id", "account id", "account", "account number", "customer id", "customer", "customer number",
           "external id", "user id"),
    "email": ("email", "e mail", "mail", "address", "email address", "e mail address", "contact email"),
    "name": ("name", "account name", "customer name", "company", "company name", "full name", "organisation",
             "organization"),
    "role": ("role", "address role", "contact role"),
    "locale": ("locale", "language", "lang"),
    "jurisdiction": ("jurisdiction", "country", "country code"),
    "segments": ("segment", "segments", "segment s", "group", "groups"),
    "certainty": ("certainty", "certain"),
    "trusted": ("trusted", "address trusted"),
}  # fmt: skip
MEANING = {re.sub(r"[^a-z0-9]", "", spelling): meaning for meaning, words in KNOWN.items() for spelling in words}

WORDS = {
    "id": "account id",
    "email": "email address",
    "name": "name",
    "role": "role of the address",
    "locale": "language",
    "jurisdiction": "country",
    "segments": "segments",
    "certainty": "certainty",
    "trusted": "whether the address is trusted",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """headers in file order; meanings beside them: a key of KNOWN, or `fact:` and the name a message uses."""

    delimiter: str
    headers: list[str]
    meanings: list[str]

    def as_json(self) -> dict[str, str]:
        return dict(zip(self.headers, self.meanings, strict=True))


def recognise(first_line: str) -> Columns:
    """Raises Refused where the first line does not name columns that can be told apart and say who is meant."""
    delimiter, headers = _split(first_line)
    if not any(headers):
        raise Refused("The first line is empty.", "It must name the columns, such as account_id and email.", line=1)
    if len(headers) > MOST_COLUMNS:
        raise Refused(f"There are {len(headers):,} columns; at most {MOST_COLUMNS} can be read.",
                      "Delete what no message needs.", line=1)  # fmt: skip
    if any("@" in header for header in headers):
        raise Refused("The first line holds an address: the columns have no names.",
                      "Put a line above it that names them, such as account_id,email,name.", line=1)  # fmt: skip
    meanings = [_meaning(header, position) for position, header in enumerate(headers, start=1)]
    _refuse_twins(headers, meanings)
    if not {"id", "email"} & set(meanings):
        found = ", ".join(f"“{header[:40]}”" for header in headers[:20])
        raise Refused(f"No column says who is meant. Found: {found}.",
                      "Name one column account_id or email.", line=1)  # fmt: skip
    return Columns(delimiter, headers, meanings)


def words(meaning: str) -> str:
    """For the page: what a column was taken for."""
    if meaning.startswith(FACT):
        return f"personal fact, in messages {{{{ {meaning.removeprefix(FACT)} }}}}"
    return WORDS[meaning]


def in_words(columns: dict[str, str]) -> list[tuple[str, str]]:
    """(header, what it was taken for): those we know first, then the facts."""
    order = [*KNOWN]

    def rank(column: tuple[str, str]) -> tuple[int, str]:
        header, meaning = column
        return (order.index(meaning) if meaning in order else len(order), header)

    return [(header, words(meaning)) for header, meaning in sorted(columns.items(), key=rank)]


def _split(line: str) -> tuple[str, list[str]]:
    """By the delimiter that yields the most columns we know, then the most columns."""
    readings = []
    for delimiter in DELIMITERS:
        try:
            cells = next(csv.reader([line], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        headers = [" ".join(cell.split()) for cell in cells]
        known = sum(_squeezed(header) in MEANING for header in headers[:MOST_COLUMNS])
        readings.append((known, len(headers), delimiter, headers))
    if not any(reading[0] for reading in readings) and len(readings) < len(DELIMITERS):
        raise Refused("The quotation marks in the header do not fit.", "Write the column names without them.", line=1)
    _, _, delimiter, headers = max(readings, key=lambda reading: reading[:2])
    return delimiter, headers


def _squeezed(header: str) -> str:
    return re.sub(r"[\s_\-().]", "", header).casefold()


def _meaning(header: str, position: int) -> str:
    if not header:
        raise Refused(f"Column {position} has no name.", "Name it, or delete the column.", line=1)
    if len(header) > 120 or any(unicodedata.category(letter) in {"Cc", "Cf"} for letter in header):
        raise Refused(f"The name of column {position} is too long or holds control characters.",
                      "Give it a short plain name.", line=1)  # fmt: skip
    known = MEANING.get(_squeezed(header))
    if known:
        return known
    plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode().lower()
    fact = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not fact or fact[0].isdigit():
        raise Refused(f"A message cannot name column {position}, “{header[:40]}”.",
                      "Begin its name with a letter from a to z.", line=1)  # fmt: skip
    return FACT + fact


def _refuse_twins(headers: list[str], meanings: list[str]) -> None:
    seen: dict[str, str] = {}
    for header, meaning in zip(headers, meanings, strict=True):
        if meaning in seen:
            both = "" if seen[meaning] == header else f" (as is “{seen[meaning][:40]}”)"
            raise Refused(f"Two columns mean the same: “{header[:40]}”{both} is {words(meaning)}.",
                          "Rename or delete one of them.", line=1)  # fmt: skip
        seen[meaning] = header
