"""What the columns of a file mean.

A meaning is a word of WORDS, or `fact:<name>`, `fact:<name>:<type>` (a personal fact, which messages name), or
`row:<name>`, `row:<name>:<type>` (a column of the account's small table: each row of the file adds a line to it).
"""

import re
import unicodedata
from dataclasses import dataclass

from incidents.audience.facts import TABLE, TYPES
from incidents.audience.source import Refused

MOST_COLUMNS = 200
LONGEST_HEADER = 120
FACT, ROW, IGNORE = "fact:", "row:", "ignore"
NAMES_SOMEBODY = ("id", "email", "post", "phone")
FACT_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")

WORDS = {
    "id": "account id",
    "email": "email address",
    "post": "postal address",
    "phone": "telephone number",
    "name": "name",
    "role": "role of the address",
    "locale": "language",
    "jurisdiction": "country",
    "segments": "segments",
    "certainty": "certainty",
    "trusted": "whether the address is trusted",
    IGNORE: "not read",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """headers in file order, no two alike; meanings beside them."""

    headers: list[str]
    meanings: list[str]

    def as_json(self) -> dict[str, str]:
        return dict(zip(self.headers, self.meanings, strict=True))


@dataclass(frozen=True, slots=True)
class Problem:
    """header: of the column it is about; empty: about all of them."""

    header: str
    words: str
    remedy: str


def named(cells: list[str]) -> list[str]:
    """Headers as people would say them: on one line, each with a name, no two alike."""
    headers: list[str] = []
    for position, cell in enumerate(cells, start=1):
        header = plain = _plain(cell) or f"column {position}"
        again = 2
        while header in headers:
            header = f"{plain} ({again})"
            again += 1
        headers.append(header)
    return headers


def numbered(width: int) -> list[str]:
    """Headers of a file that has none."""
    return [f"column {position}" for position in range(1, width + 1)]


def refuse_too_many(width: int, *, line: int) -> None:
    if width > MOST_COLUMNS:
        raise Refused(f"There are {width:,} columns; at most {MOST_COLUMNS} can be read.",
                      "Delete what no message needs.", line=line)  # fmt: skip


def problems(columns: Columns) -> list[Problem]:
    """Everything that keeps these meanings from being read, in the order of the columns."""
    found: list[Problem] = []
    seen: dict[str, str] = {}
    for header, meaning in zip(columns.headers, columns.meanings, strict=True):
        what, name, _ = parts(meaning)
        wrong = _wrong(meaning)
        if wrong:
            found.append(Problem(header, *wrong))
        elif meaning != IGNORE:
            key = f"{what}:{name}"
            if key in seen:
                both = f"“{header[:40]}” (as is “{seen[key][:40]}”)"
                found.append(Problem(header, f"Two columns mean the same: {both} is {words(meaning)}.",
                                     "Choose another meaning for one of them, or leave it out."))  # fmt: skip
            seen.setdefault(key, header)
    if not set(NAMES_SOMEBODY) & set(columns.meanings):
        listed = ", ".join(f"“{header[:40]}”" for header in columns.headers[:20])
        found.append(Problem("", f"No column says who is meant. Found: {listed}.",
                             "Name one column account_id or email, or say which one it is."))  # fmt: skip
    return found


def refuse_problems(columns: Columns) -> None:
    for problem in problems(columns):
        raise Refused(problem.words, problem.remedy)


def parts(meaning: str) -> tuple[str, str, str]:
    """(what, name, type): ("fact", "api_key", "text"), ("row", "calls", "number"), ("email", "", "")."""
    what, _, rest = meaning.partition(":")
    if what not in {"fact", "row"}:
        return meaning, "", ""
    name, _, kind = rest.partition(":")
    return what, name, kind or "text"


def words(meaning: str) -> str:
    """For the page: what a column was taken for."""
    what, name, kind = parts(meaning)
    of_kind = "" if kind in {"", "text"} else f" ({TYPES.get(kind, kind)})"
    if what == "fact":
        return f"personal fact{of_kind}, in messages {{{{ {name} }}}}"
    if what == "row":
        return f"column “{name}”{of_kind} of the table, in messages {{{{ {TABLE} }}}}"
    return WORDS.get(meaning, meaning)


def in_words(columns: dict[str, str]) -> list[tuple[str, str]]:
    """(header, what it was taken for): those we know first, then the facts."""
    order = [*WORDS]

    def rank(column: tuple[str, str]) -> tuple[int, str]:
        header, meaning = column
        return (order.index(meaning) if meaning in order else len(order), header)

    return [(header, words(meaning)) for header, meaning in sorted(columns.items(), key=rank)]


def fact_name(header: str, position: int) -> str:
    """The name by which messages can say it."""
    name = re.sub(r"[^a-z0-9]+", "_", _ascii(header)).lstrip("_0123456789")[:60].strip("_")
    return name if name and name != TABLE else f"column_{position}"


def squeezed(header: str) -> str:
    """Headers that differ only in case, accents, blanks and points are one."""
    return re.sub(r"[^a-z0-9]", "", _ascii(header))


def _ascii(text: str) -> str:
    """In small letters without accents; what has no such letter is left out."""
    return unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()


def _plain(cell: str) -> str:
    letters = "".join(
        " " if unicodedata.category(letter)[0] in "CZ" else letter for letter in cell[: 4 * LONGEST_HEADER]
    )
    return " ".join(letters.split())[:LONGEST_HEADER]


def _wrong(meaning: str) -> tuple[str, str] | None:
    what, name, kind = parts(meaning)
    if what in {"fact", "row"}:
        if not FACT_NAME.fullmatch(name):
            return (f"A message cannot name “{name[:40]}”.",
                    "Begin it with a letter from a to z; then only such letters, digits and underscores.")  # fmt: skip
        if kind not in TYPES:
            return f"There is no type “{kind[:40]}”.", f"Choose among {', '.join(TYPES)}."
        if what == "fact" and name == TABLE:
            return f"“{TABLE}” is the name of the table.", "Choose another name."
        return None
    if meaning not in WORDS:
        return f"“{meaning[:40]}” is nothing that a column can mean.", "Choose one of the meanings offered."
    return None
