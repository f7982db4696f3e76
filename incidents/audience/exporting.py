"""CSV that a spreadsheet opens as text, whatever somebody wrote into a cell."""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain

# ASVS 1.2.10, and what OWASP's page on CSV injection adds: some Excel takes the wide forms for the same signs.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")


def safe(cell: object) -> str:
    """A cell that a spreadsheet would run as a formula gets a single quote before it (ASVS 1.2.10).

    So does one that looks as if it had got its quote already: reading takes off exactly one (audience.cells).
    """
    text = str(cell)
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def lines(header: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Line by line, as RFC 4180 has it, so that a response can stream it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in chain([header], rows):
        writer.writerow([safe(cell) for cell in row])
        yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
