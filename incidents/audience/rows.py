"""One row of a file: what it says, or everything that is wrong with it."""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from accounts.addresses import lookup_hash, normalise
from accounts.models import Address
from incidents.audience.columns import FACT, Columns
from incidents.audience.mailboxes import problem_with
from incidents.models import AffectedAccount, Segment

LONGEST_FACT = 1000
LONGEST_VALUE_KEPT = 300

# Control characters, line and paragraph separators, and marks that turn the direction of writing: any of them
# could make a message say something else than the file seems to.
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
JURISDICTION = re.compile(r"[A-Za-z]{2}(-[A-Za-z0-9]{1,3})?")

ROLES = {role.value: role.value for role in Address.Role} | {"admin": Address.Role.ADMINISTRATOR.value}
CERTAINTIES = {certainty.value: certainty.value for certainty in AffectedAccount.Certainty}
TRUST = dict.fromkeys(("yes", "true", "1", "y"), True) | dict.fromkeys(("no", "false", "0", "n"), False)


class Staged(NamedTuple):
    """A row that passed, in the order it is copied into StagedRow. Empty text: not said."""

    line: int
    account_key: str
    external_id: str
    name: str
    locale: str
    jurisdiction: str
    kind: str
    address: str
    normal: str
    lookup: bytes | None
    role: str
    trusted: bool
    certainty: str
    segments: str
    facts: str


class Problem(NamedTuple):
    """In the order it is copied into RejectedRow."""

    line: int
    column: str
    value: str
    problem: str
    remedy: str
    cells: str | None = None


class Reader:
    """Reads the rows of one file into `Staged`, or into the list of its problems."""

    def __init__(self, columns: Columns, segments: Iterable[Segment]) -> None:
        self.headers = columns.headers
        self.position = {meaning: index for index, meaning in enumerate(columns.meanings)}
        self.facts = [
            (index, meaning.removeprefix(FACT))
            for index, meaning in enumerate(columns.meanings)
            if meaning.startswith(FACT)
        ]
        self.segments = {segment.key.casefold(): segment.key for segment in segments}

    def read(self, records: Iterable[tuple[int, list[str]]]) -> tuple[list[Staged], list[Problem]]:
        """What the rows say, one `Staged` for each address of a row, and what is wrong with the others.

        Lines are in one or the other list, never in both. Of several `Staged` with one line the first says everything
        about the account; the others only bring an address.
        """
        staged: list[Staged] = []
        problems: list[Problem] = []
        for line, cells in records:
            read = self._read(line, cells)
            if isinstance(read, Staged):
                staged.append(read)
            else:
                problems.append(read[0]._replace(cells=json.dumps(cells, ensure_ascii=False)))
                problems += read[1:]
        return staged, problems

    def _read(self, line: int, cells: list[str]) -> Staged | list[Problem]:
        if len(cells) != len(self.headers):
            return [Problem(line, "", "", f"The row has {len(cells):,} cells, the header names {len(self.headers)}.",
                            "Add or take away cells; quote a cell that holds the separator.")]  # fmt: skip
        cells = [cell.strip() for cell in cells]
        if INVISIBLE.search("".join(cells)):
            return self._invisible(line, cells)
        self.problems: list[Problem] = []
        self.line = line
        self.cells = cells
        staged = self._staged()
        return self.problems or staged

    def _staged(self) -> Staged:
        external_id = self._external_id()
        address, normal = self._address()
        if not external_id and not normal and not self.problems:
            self._object("email" if "email" in self.position else "id", "Neither an account id nor an address.",
                         "Say which account is meant.")  # fmt: skip
        return Staged(
            line=self.line,
            account_key=external_id or f"@{normal}",
            external_id=external_id,
            name=self._name(),
            locale=self._locale(),
            jurisdiction=self._jurisdiction(),
            kind="email",
            address=address,
            normal=normal,
            lookup=lookup_hash(normal) if normal else None,
            role=self._one_of("role", ROLES, "owner, administrator, security or billing"),
            trusted=self._one_of("trusted", TRUST, "yes or no", empty=True),
            certainty=self._one_of("certainty", CERTAINTIES, "confirmed, possible or ruled out"),
            segments=self._segments(),
            facts=self._facts(),
        )

    def _cell(self, meaning: str) -> str:
        index = self.position.get(meaning)
        return "" if index is None else self.cells[index]

    def _object(self, meaning: str, problem: str, remedy: str) -> None:
        index = self.position[meaning]
        value = self.cells[index][:LONGEST_VALUE_KEPT]
        self.problems.append(Problem(self.line, self.headers[index], value, problem, remedy))

    def _external_id(self) -> str:
        value = self._cell("id")
        if len(value) > 200:
            self._object("id", "The account id is longer than 200 characters.", "Use the id of your own systems.")
        elif value.startswith("@"):
            self._object("id", "An account id cannot begin with @.", "Put addresses into the email column.")
        return value

    def _address(self) -> tuple[str, str]:
        value = self._cell("email")
        if not value:
            return "", ""
        found = problem_with(value)
        if found:
            self._object("email", *found)
            return value, ""
        return value, normalise(value)

    def _name(self) -> str:
        value = self._cell("name")
        if len(value) > 300:
            self._object("name", "The name is longer than 300 characters.", "Shorten it.")
        return value

    def _locale(self) -> str:
        value = self._cell("locale").replace("_", "-")
        if value and not (LOCALE.fullmatch(value) and len(value) <= 16):
            self._object("locale", "This is no language code.", "Write it as in BCP 47: en, de or pt-BR.")
        return value

    def _jurisdiction(self) -> str:
        value = self._cell("jurisdiction").upper()
        if value and not JURISDICTION.fullmatch(value):
            self._object("jurisdiction", "This is no country code.", "Write it as in ISO 3166: DE or US-CA.")
        return value

    def _one_of(self, meaning: str, known: dict, words: str, *, empty=""):
        value = self._cell(meaning)
        if not value:
            return empty
        key = re.sub(r"[\s-]+", "_", value.casefold())
        if key not in known:
            self._object(meaning, f"Not a {meaning} we know." if meaning != "trusted" else "Neither yes nor no.",
                         f"Write {words}, or leave it empty.")  # fmt: skip
            return empty
        return known[key]

    def _segments(self) -> str:
        cell = self._cell("segments")
        if not cell:
            return "[]"
        keys: dict[str, None] = {}
        for word in re.split(r"[|;]", cell):
            key = word.strip().casefold()
            if not key:
                continue
            if key not in self.segments:
                self._object("segments", f"This incident has no segment “{word.strip()[:60]}”.",
                             "Add it under Guidance with this key and upload again, or correct the word.")  # fmt: skip
                continue
            keys[self.segments[key]] = None
        return json.dumps(sorted(keys))

    def _facts(self) -> str:
        facts = {}
        for index, name in self.facts:
            value = self.cells[index]
            if len(value) > LONGEST_FACT:
                self.problems.append(Problem(
                    self.line, self.headers[index], value[:LONGEST_VALUE_KEPT],
                    f"This is {len(value):,} characters long; a fact may have {LONGEST_FACT:,}.", "Shorten it.",
                ))  # fmt: skip
            elif value:
                facts[name] = value
        return json.dumps(facts, ensure_ascii=False)

    def _invisible(self, line: int, cells: list[str]) -> list[Problem]:
        return [
            Problem(line, header, INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", cell)[:LONGEST_VALUE_KEPT],
                    "The cell holds line breaks, control characters or invisible marks.",
                    "Delete the cell and type it again.")
            for header, cell in zip(self.headers, cells, strict=True)
            if INVISIBLE.search(cell)
        ]  # fmt: skip
