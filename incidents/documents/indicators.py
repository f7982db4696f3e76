"""Indicators of compromise as a file for the tools that search logs: each value as it is, not defanged."""

from incidents.audience import exporting
from incidents.documents import words

HEADER = ("kind", "value", "note")


def path(slug: str) -> str:
    return f"incidents/{slug}/indicators.csv"


def as_csv(rows: list[dict]) -> bytes:
    """In the order of the page; `kind` in its words."""
    cells = ((words.INDICATORS[row["kind"]], row["value"], row["note"]) for row in rows)
    return "".join(exporting.lines(HEADER, cells)).encode()
