"""An account's small table as it stands in a message: aligned in plain text, a table in HTML."""

import textwrap
from collections.abc import Callable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from incidents.audience.facts import name_in_words

COLUMNS = 72
GAP = "  "


class Table(str):
    """The table in plain text; where HTML is written, the table as HTML."""

    __slots__ = ("html",)
    html: SafeString

    def __html__(self) -> str:
        return self.html


def laid_out(rows: list[dict], said: Callable[[object], str]) -> Table:
    """said: one value in words, on one line."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    heads = [said(name_in_words(column)) for column in columns]
    lines = [[said(row.get(column)) for column in columns] for row in rows]
    table = Table(_aligned(heads, lines) or _listed(heads, lines))
    table.html = format_html(
        '<table border="1" cellspacing="0" cellpadding="6"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
        format_html_join("", '<th scope="col" align="left">{}</th>', ((head,) for head in heads)),
        format_html_join(
            "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in line)),) for line in lines)
        ),
    )
    return table


def paragraph(words: str) -> Table:
    """What is said in place of a table."""
    table = Table(textwrap.fill(words, COLUMNS, break_long_words=False, break_on_hyphens=False))
    table.html = format_html("<p>{}</p>", words)
    return table


def _aligned(heads: list[str], lines: list[list[str]]) -> str:
    """Column under column; empty where that is wider than a message."""
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    if sum(widths) + len(GAP) * (len(widths) - 1) > COLUMNS:
        return ""
    rule = ["-" * width for width in widths]
    return "\n".join(
        GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [heads, rule, *lines]
    )


def _listed(heads: list[str], lines: list[list[str]]) -> str:
    """One line of the table below the other, each value behind its name."""
    return "\n".join(_item(heads, line) for line in lines)


def _item(heads: list[str], line: list[str]) -> str:
    said = [f"{head}: {cell}" for head, cell in zip(heads, line, strict=True) if cell]
    return "\n".join(
        textwrap.fill(
            words, COLUMNS, initial_indent="  " if number else "- ", subsequent_indent="    ",
            break_long_words=False, break_on_hyphens=False,
        )
        for number, words in enumerate(said)
    )  # fmt: skip
