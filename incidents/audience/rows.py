"""One row of a file: what it says, or everything that is wrong with it."""

import hashlib
import json
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring  # as json.dumps(…, ensure_ascii=False)
from typing import NamedTuple

from accounts.addresses import lookup_hash
from incidents.audience import cells as may_say
from incidents.audience import doubts, facts, mailboxes
from incidents.audience.columns import Columns
from incidents.audience.facts import LONGEST_FACT, NotThat
from incidents.audience.source import UNREADABLE
from incidents.models import Segment

LONGEST_VALUE_KEPT = 300
LONGEST_ROW_KEPT = 100_000
NO_VALUE = "Excel has no value here to be trusted: an error, a formula never worked out, or a number it has rounded."
TYPE_IT = "Type the value itself into the cell, as text."
NOWHERE = -1  # behind the cells of a row stands an empty one, for the meanings no column has


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
    doubt: str
    mailbox: str
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
    """Reads the rows of one file into `Staged`, and into the list of their problems."""

    def __init__(self, columns: Columns, segments: Iterable[Segment]) -> None:
        self.headers = columns.headers
        where = {meaning: index for index, meaning in enumerate(columns.meanings)}
        self._id, self._email, self._name, self._phone, self._post = (
            where.get(meaning, NOWHERE) for meaning in ("id", "email", "name", "phone", "post")
        )
        self._several_kinds = self._phone != NOWHERE or self._post != NOWHERE
        self._also: list[tuple[int, Callable]] = [
            (where.get(meaning, NOWHERE), judge) for meaning, judge in (
                ("locale", may_say.locale), ("jurisdiction", may_say.jurisdiction), ("role", may_say.role),
                ("trusted", may_say.trusted), ("certainty", may_say.certainty),
                ("segments", may_say.segments(segments)),
            )
        ]  # fmt: skip
        self._says_more = any(index != NOWHERE for index, _ in self._also)
        found = [(index, facts.of_meaning(meaning)) for index, meaning in enumerate(columns.meanings)]
        typed = [(index, f"{json.dumps(fact.name)}: ", fact) for index, fact in found if fact]
        self._facts = [column for column in typed if not column[2].in_table]
        self._table = [column for column in typed if column[2].in_table]
        self._texts_alone = not self._table and all(fact.type == "text" for _, _, fact in self._facts)

    def read(self, records: Iterable[tuple[int, list[str]]]) -> tuple[list[Staged], list[Problem]]:
        """What the rows say, one `Staged` for each address of a row, and what is wrong with the others.

        Lines are in one or the other list, never in both. Of several `Staged` with one line the first says everything
        about the account; the others only bring an address. They stand in the order of their kinds.
        """
        staged: list[Staged] = []
        problems: list[Problem] = []
        for line, cells in records:
            self._wrong: list[Problem] = []
            row = self._row(line, cells)
            if self._wrong:
                problems.append(self._wrong[0]._replace(cells=_kept(cells)))
                problems += self._wrong[1:]
            elif row is not None:
                staged.append(row)
                if self._several_kinds:
                    staged += [_another(row, *address) for address in self.others]
        return staged, problems

    def _row(self, line: int, cells: list[str]) -> Staged | None:
        self.line = line
        if len(cells) != len(self.headers):
            self._wrong.append(Problem(
                line, "", "", f"The row has {len(cells):,} cells, the header names {len(self.headers)}.",
                "Add or take away cells; quote a cell that holds the separator.",
            ))  # fmt: skip
            return None
        cells = [cell.strip() for cell in cells]
        text = "".join(cells)
        if "'" in text or not text.isprintable():
            cells = self._plain(cells)
            if self._wrong:
                return None
        cells.append("")
        self.cells = cells
        if len(text) > may_say.LONGEST_ID or cells[self._id][:1] == "@":
            self._judge(self._id, may_say.external_id)
            self._judge(self._name, may_say.name)
        external_id, kind, address = cells[self._id], "email", cells[self._email]
        name = cells[self._name] if "  " not in text else " ".join(cells[self._name].split())
        normal = address and (mailboxes.plain(address) or self._judge(self._email, mailboxes.normal_of))
        key = external_id or (f"@{normal}" if normal else "")
        if self._several_kinds:
            kind, address, normal, *self.others = self._addresses(address, normal)
            key = key or self._key_of_person(kind, normal)
        if not key and not self._wrong:
            self._nobody()
        doubt, mailbox = (doubts.about(normal), doubts.mailbox(normal)) if kind == "email" else ("", "")
        locale, jurisdiction, role, trusted, certainty, segments = self._more() if self._says_more else NOTHING_MORE
        facts = self._texts() if self._texts_alone and len(text) <= LONGEST_FACT else self._typed_facts()
        return Staged(
            line, key, external_id, name, locale, jurisdiction, kind, address, normal,
            lookup_hash(normal) if normal else None, doubt, mailbox, role, trusted, certainty, segments, facts,
        )  # fmt: skip

    def _judge(self, index: int, judge: Callable, otherwise=""):
        """What the cell says; where it may not say that, the problem is noted."""
        value = self.cells[index]
        if not value:
            return otherwise
        try:
            return judge(value)
        except NotThat as found:
            self._object(index, found.problem, found.remedy)
            return otherwise

    def _object(self, index: int, problem: str, remedy: str) -> None:
        value = self.cells[index][:LONGEST_VALUE_KEPT]
        self._wrong.append(Problem(self.line, self.headers[index], value, problem, remedy))

    def _nobody(self) -> None:
        somewhere = next(index for index in (self._email, self._id, self._phone, self._post) if index != NOWHERE)
        self._object(somewhere, "Neither an account id nor an address.", "Say which account is meant.")

    def _addresses(self, address: str, normal: str) -> list:
        """Kind, address and normal form of the first there is, and each of the others as three of a kind."""
        found = [("email", address, normal)] if normal else []
        for kind, index, judge in (("phone", self._phone, may_say.phone), ("post", self._post, may_say.post)):
            if also := self._judge(index, judge):
                found.append((kind, self.cells[index], also))
        first, *others = found or [("email", "", "")]
        return [*first, *others]

    def _key_of_person(self, kind: str, normal: str) -> str:
        """For somebody without id and email. A number is one person's; in a house live several, told by their names."""
        if kind == "phone":
            return f"@phone:{normal}"
        if kind == "post":
            who = f"{' '.join(self.cells[self._name].casefold().split())}\0{normal}"
            return f"@post:{hashlib.sha256(who.encode('utf-8', 'surrogatepass')).hexdigest()}"
        return ""

    def _more(self) -> list:
        return [
            self._judge(index, judge, otherwise)
            for (index, judge), otherwise in zip(self._also, NOTHING_MORE, strict=True)
        ]

    def _texts(self) -> str:
        cells = self.cells
        return "{" + ", ".join([name + encode_basestring(cells[at]) for at, name, _ in self._facts if cells[at]]) + "}"

    def _typed_facts(self) -> str:
        said = self._as_json(self._facts)
        line = self._as_json(self._table)
        if line:
            said.append(f'"{facts.TABLE}": [{{{", ".join(line)}}}]')
        return "{" + ", ".join(said) + "}"

    def _as_json(self, columns: list[tuple[int, str, facts.Fact]]) -> list[str]:
        said = []
        for index, name, fact in columns:
            if value := self._judge(index, lambda cell, fact=fact: facts.as_json(cell, fact.type)):
                said.append(name + value)
        return said

    def _plain(self, cells: list[str]) -> list[str]:
        """Without the quotes of our own exports, a postal address on one line; nothing else may be invisible."""
        cells = [may_say.as_typed(cell) for cell in cells]
        if self._post != NOWHERE:
            cells[self._post] = may_say.LINE_BREAK.sub(", ", cells[self._post])
        for header, cell in zip(self.headers, cells, strict=True):
            if cell.startswith(UNREADABLE):
                self._wrong.append(Problem(self.line, header, cell[1 : LONGEST_VALUE_KEPT + 1], NO_VALUE, TYPE_IT))
            elif may_say.INVISIBLE.search(cell):
                shown = may_say.INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", cell)[:LONGEST_VALUE_KEPT]
                self._wrong.append(Problem(
                    self.line, header, shown, "The cell holds line breaks, control characters or invisible marks.",
                    "Delete the cell and type it again.",
                ))  # fmt: skip
        return cells


NOTHING_MORE = ("", "", "", True, "", "[]")
"""What a row says of locale, jurisdiction, role, trust, certainty and segments where it says nothing."""


def _another(row: Staged, kind: str, address: str, normal: str) -> Staged:
    """A further address of the account that a row has spoken of."""
    return row._replace(
        kind=kind, address=address, normal=normal, lookup=lookup_hash(normal), doubt="", mailbox="",
        name="", locale="", jurisdiction="", certainty="", segments="[]", facts="{}",
    )  # fmt: skip


def _kept(cells: list[str]) -> str | None:
    """For RejectedRow.cells; None for a row so long that nobody wrote it by hand. PostgreSQL's text has no NUL."""
    if len("".join(cells)) > LONGEST_ROW_KEPT:
        return None
    return json.dumps([cell.replace("\0", "\N{REPLACEMENT CHARACTER}") for cell in cells], ensure_ascii=False)
