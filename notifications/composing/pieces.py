"""A text in pieces with gaps, and values put between them: lines that get too long are set anew."""

import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from notifications.composing.tables import COLUMNS, Table


class Gap(NamedTuple):
    """Where a value goes. fallback: what to say where there is none; None: it must be there."""

    name: str
    fallback: str | None = None


Values = Mapping[Gap, str]
Pieces = list[str | Gap]


@dataclass(frozen=True)
class Lines:
    """Lines that belong to one paragraph or list item. Where a value makes one too long they are set anew."""

    pieces: Pieces
    first_indent: str
    indent: str

    def filled(self, values: Values) -> str:
        first = self.pieces[0]
        if isinstance(first, Gap) and isinstance(values[first], Table):
            return values[first]
        text = fill(self.pieces, values)
        if all(len(line) <= COLUMNS for line in text.split("\n")):
            return text
        words = " ".join(line.strip() for line in text[len(self.first_indent) :].split("\n"))
        return wrapped(words, self.first_indent, self.indent)


def fill(pieces: Pieces, values: Values) -> str:
    return "".join([piece if isinstance(piece, str) else values[piece] for piece in pieces])


def wrapped(words: str, first_indent: str, indent: str) -> str:
    """As textwrap.fill does, which looks at every word: this looks for the space before each line's end."""
    if not words or words != words.strip(" ") or "  " in words or not words.isprintable():  # some other space
        return textwrap.fill(
            words, COLUMNS, initial_indent=first_indent, subsequent_indent=indent, break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
    lines, start, before = [], 0, first_indent
    while len(words) - start > (room := COLUMNS - len(before)):
        end = words.rfind(" ", start, start + room + 1)
        if end < 0 and (end := words.find(" ", start)) < 0:  # a word longer than a line
            break
        lines.append(before + words[start:end])
        start, before = end + 1, indent
    return "\n".join([*lines, before + words[start:]])


def pieces_of(rendered: str, gaps: dict[str, Gap]) -> Pieces:
    pieces = re.split("(" + "|".join(map(re.escape, gaps)) + ")", rendered)
    return [gaps.get(piece, piece) for piece in pieces if piece]


# Paragraphs of the text part ------------------------------------------------------------------------------------

_ITEM = re.compile(r"( *)([-*•] |\d+[.)] )? *")
_RULE = re.compile(r"\s*([-=~*_#])\1{2,}\s*$")


def lines_of(text: str, gaps: dict[str, Gap]) -> list[str | Lines]:
    """The text in pieces: what holds a gap paragraph by paragraph, everything between as it is."""
    parts: list[str | Lines] = []
    for paragraph in _paragraphs(text.split("\n")[:-1]):
        pieces = pieces_of("\n".join(paragraph), gaps)
        if any(isinstance(piece, Gap) for piece in pieces):
            first = _indent(paragraph[0])
            parts += [Lines(pieces, paragraph[0][:first], " " * first), "\n"]
        else:
            parts.append("\n".join(paragraph) + "\n")
    return _joined(parts)


def _paragraphs(lines: Iterable[str]) -> Iterable[list[str]]:
    """Runs of lines that were one before they were broken at column 72."""
    paragraph: list[str] = []
    for line in lines:
        if paragraph and not _goes_on(paragraph[0], line):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def _goes_on(first: str, line: str) -> bool:
    if not first.strip() or not line.strip() or _RULE.match(line) or (found := _ITEM.match(line)) and found[2]:
        return False
    return len(line) - len(line.lstrip(" ")) == _indent(first)


def _indent(line: str) -> int:
    found = _ITEM.match(line)
    return found.end() if found else 0


def _joined(parts: list[str | Lines]) -> list[str | Lines]:
    """Neighbouring plain parts as one."""
    joined: list[str | Lines] = []
    for part in parts:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined
