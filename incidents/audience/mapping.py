"""What the columns of one file mean: as somebody said, as last time, or as guessed."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from accounts.models import User
from incidents.audience.columns import IGNORE, Columns, problems, refuse_problems, squeezed
from incidents.audience.formats import Table
from incidents.audience.guessing import MEANING, guess
from incidents.audience.source import Refused
from incidents.models import ColumnMapping


def columns_of(table: Table, said: Mapping[str, str] | None = None) -> Columns:
    """For reading. A header that `said` does not name is read as last time, or as guessed without being bold.

    Raises Refused where the meanings contradict each other, or nobody is meant.
    """
    said = said or {}
    unknown = [header for header in said if header not in table.headers]
    if unknown:
        there = ", ".join(f"“{header[:40]}”" for header in table.headers[:20])
        raise Refused(f"There is no column “{unknown[0][:60]}”.", f"There are: {there}.")
    before = remembered(table.headers)
    guessed = guess(table.headers, [cells for _, cells in table.looked_at], boldly=False)
    meanings = (before.meanings if before else guessed.as_json()) | dict(said)
    columns = Columns(table.headers, [meanings[header] for header in table.headers])
    refuse_problems(columns)
    return columns


def remembered(headers: list[str]) -> ColumnMapping | None:
    """What somebody took these very headers for."""
    found = ColumnMapping.objects.select_related("by").filter(shape=_shape(headers)).first()
    if found is None:
        return None
    by_spelling = {_normal(header): meaning for header, meaning in found.meanings.items()}
    meanings = {header: IGNORE if _is_ours(header) else by_spelling.get(_normal(header), "") for header in headers}
    if problems(Columns(headers, list(meanings.values()))):
        return None  # the words have changed since
    found.meanings = meanings
    return found


def remember(columns: Columns, *, by: User | None, at: datetime) -> None:
    """For the next file with the same headers, in the same order."""
    ColumnMapping.objects.update_or_create(
        shape=_shape(columns.headers), defaults={"meanings": columns.as_json(), "by": by, "at": at}
    )


def _shape(headers: list[str]) -> str:
    theirs = [_normal(header) for header in headers if not _is_ours(header)]
    return hashlib.sha256(json.dumps(theirs).encode()).hexdigest()


def _is_ours(header: str) -> bool:
    """A column that we added to a list we gave out, such as the rows to be mended: the list is still the same."""
    return MEANING.get(squeezed(header)) == IGNORE


def _normal(header: str) -> str:
    return " ".join(header.split()).casefold()
