"""Lists of a mailing that can leave the house: its people with what became of them, and letters to print."""

from collections.abc import Iterator
from dataclasses import dataclass

from incidents.models import Incident
from notifications import letters
from notifications.mailings import sums
from notifications.mailings.running import messages
from notifications.models import Export, Mailing


class NoSuchList(Exception):
    """The mailing has no such line, or no letters in this part (any more)."""


@dataclass(frozen=True)
class OfMailing:
    """What is asked for, in the place of a filter of affected accounts. line: of its sums; empty: all of them.

    part: of its letters, from 1; 0: people, no letters.
    """

    mailing: Mailing
    line: str = ""
    part: int = 0

    @property
    def format(self) -> str:
        return Export.Format.ZIP if self.part else Export.Format.CSV

    @property
    def query(self) -> dict[str, str]:
        """As it is kept with the export."""
        which = {"part": str(self.part)} if self.part else {"line": self.line}
        return {"mailing": str(self.mailing.number), **which}

    @property
    def words(self) -> list[str]:
        of = f"mailing {self.mailing.number}, “{self.mailing.version.notice.name}”"
        if self.part:
            return [f"letters of {of}, part {self.part}"]
        return [f"people of {of}", *([sums.LINES[self.line][1]] if self.line else [])]

    def accounts(self) -> Iterator[int]:
        """Ids of those who are in it, ascending: the same people are the same list, whatever became of them since."""
        if self.part:
            start = (self.part - 1) * letters.PART
            printed = letters.to_post(self.mailing).values_list("affected_account", flat=True)
            return iter(sorted(printed[start : start + letters.PART]))
        rows = sums.people(self.mailing, self.line) if self.line else messages(self.mailing)
        ids = rows.order_by("affected_account").values_list("affected_account", flat=True)
        return ids.distinct().iterator(chunk_size=10_000)


def asked_for(incident: Incident, query: dict[str, str]) -> OfMailing:
    """The list that such a query names. Raises NoSuchList."""
    number, part, line = query.get("mailing", ""), query.get("part", "0"), query.get("line", "")
    rows = Mailing.objects.select_related("incident", "version__notice").filter(incident=incident)
    mailing = rows.filter(number=number).first() if number.isdecimal() and len(number) < 9 else None
    if mailing is None or not part.isdecimal() or (line and line not in sums.LINES):
        raise NoSuchList
    if part != "0" and not 1 <= int(part[:9]) <= letters.parts(mailing):
        raise NoSuchList
    return OfMailing(mailing, line, int(part))
