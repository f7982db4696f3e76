"""From Markdown with `{{ variables }}` to pieces with gaps.

Markdown is rendered once per notice version and kind of reader, with marks of the Unicode private use area where a
value will stand; what differs from message to message is put between the finished pieces. So a value is never read
as Markdown, HTML or a template, and a message costs some tens of microseconds.
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import format_html

from incidents import prose
from incidents.audience.facts import TABLE
from notifications import links
from notifications.composing import conditions, languages
from notifications.composing import guidance as theirs
from notifications.composing.errors import CannotCompose
from notifications.composing.tables import COLUMNS, Table
from notifications.composing.words import ASKS, BLOCKS
from notifications.models import NoticeVersion

VARIABLE = re.compile(r'\{\{\s*([^\W\d][\w-]*)\s*(?:\|\s*or:\s*"([^"{}\n]*)"\s*)?\}\}')
_LEFT_OVER = re.compile(r"\{\{|\}\}")

# A mark is one private character for its gap, repeated to about the width of a value, and an end.
_FIRST_MARK, _END = 0xE000, "\uefff"
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_BODY = "\uf8ff"  # where the message's own HTML goes
_WIDTHS = {"code": len(links.CODE_FORM)}

# Around what is in another language than the text. Paragraphs of their own, until they are taken out or become tags.
_OTHER, _OTHER_END = "\uf8f0", "\uf8f1"
# Around what only some readers get; in previews alone.
THEIRS, THEIRS_END = "\uf8f2", "\uf8f3"

# The link keeps its width, so that lines break in the right places, and may stand wherever Markdown takes a URL.
LINK_TOKEN = "link-token-of-the-recipient-stands-here-000"  # noqa: S105


class Gap(NamedTuple):
    """Where a value goes. fallback: what to say where there is none; None: it must be there."""

    name: str
    fallback: str | None = None


LINK_TOKEN_GAP = Gap("link")

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
        text = _fill(self.pieces, values)
        if all(len(line) <= COLUMNS for line in text.split("\n")):
            return text
        words = " ".join(line.strip() for line in text[len(self.first_indent) :].split("\n"))
        return wrapped(words, self.first_indent, self.indent)


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


class Reader(NamedTuple):
    """All by which the texts of two people differ, their own values aside."""

    language: str = ""
    """One of the version's; empty, as in messages of former days: its default one."""
    segments: tuple[str, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    """Those that the version asks for."""


def reader_of(merge: Mapping) -> Reader:
    return Reader(
        merge.get("language", ""), tuple(merge.get("segments", ())), tuple(merge.get("jurisdictions", ()))
    )  # fmt: skip


@dataclass(frozen=True)
class Template:
    """One notice version for one kind of reader."""

    language: str
    subject: Pieces
    text: list[str | Lines]
    html: Pieces
    gaps: list[Gap]
    """What must be known of a recipient, the link aside."""
    needs_link: bool

    def in_subject(self, values: Values) -> str:
        return _fill(self.subject, values)

    def in_text(self, values: Values) -> str:
        return "".join([part if isinstance(part, str) else part.filled(values) for part in self.text])

    def in_html(self, values: Values) -> str:
        return _fill(self.html, values)


def _fill(pieces: Pieces, values: Values) -> str:
    return "".join([piece if isinstance(piece, str) else values[piece] for piece in pieces])


def with_samples(text: str, said: dict[str, str]) -> str:
    """The text with words in place of its variables; what `said` does not know is named as a sample."""
    return VARIABLE.sub(lambda found: said.get(found[1]) or f"[{found[1].replace('_', ' ')}]", text)


def variables_in(*texts: str) -> set[str]:
    """The names of all variables these texts use."""
    return {name for text in texts for name, _ in VARIABLE.findall(text)}


def check_subject(subject: str) -> None:
    """Raises CannotCompose for what is wrong whoever gets it."""
    _marked_subject(_PRIVATE.sub("", subject), {})


def check_body(body: str, *, segments: Iterable[str]) -> None:
    """Raises CannotCompose for what is wrong whoever gets it. segments: the keys there are."""
    conditions.refuse_unknown_segments(body, segments)
    _marked_body(conditions.everything(_PRIVATE.sub("", body)), {}, dict.fromkeys(BLOCKS, "-"), "-")


# Making one -----------------------------------------------------------------------------------------------------

_made: dict[tuple[str, Reader, str], Template | CannotCompose] = {}
_KEPT = 256


def template_of(version: NoticeVersion, reader: Reader) -> Template:
    """Kept by the version's hash, so that it holds whichever row brings it. Raises CannotCompose, every time anew."""
    key = (version.sha256, reader, settings.PUBLIC_BASE_URL)
    if key not in _made:
        if len(_made) >= _KEPT:
            _made.clear()
        try:
            _made[key] = make(version, reader)
        except CannotCompose as error:
            _made[key] = error
    made = _made[key]
    if isinstance(made, CannotCompose):
        raise CannotCompose(made.variable, str(made))
    return made


def make(version: NoticeVersion, reader: Reader, *, showing: bool = False) -> Template:
    """showing: with signs around what only some readers get; such a template is for looking at, never for sending."""
    language = reader.language if reader.language in version.texts else version.language
    said_in_subject, said_in_body = version.text_in(language)
    if ASKS in said_in_body:
        raise CannotCompose("what happened", "The text still asks its writer to say what happened. Edit the text.")
    frozen = version.guidance
    conditions.refuse_unknown_segments(said_in_body, (segment["key"] for segment in frozen["segments"]))
    chosen = conditions.chosen(
        _PRIVATE.sub("", said_in_body), segments=reader.segments, jurisdictions=reader.jurisdictions,
        around=(THEIRS, THEIRS_END) if showing else None,
    )  # fmt: skip
    blocks = _blocks(frozen, reader.segments, language)
    if showing:
        blocks = _shown(blocks, frozen, language)
    marks: dict[Gap, str] = {}
    subject = _marked_subject(_PRIVATE.sub("", said_in_subject), marks)
    markdown = _marked_body(chosen, marks, blocks, frozen["page"])
    text, body = prose.text(markdown).strip("\n") + "\n", str(prose.html(markdown))
    text, body = _without_signs(text), _in_other_language(body, theirs.written_in(frozen))
    for gap, mark in marks.items():
        if (mark in markdown) and (mark not in text or mark not in body):
            raise CannotCompose(gap.name, f"{gap.name} cannot stand inside the address of a link.")
        if gap.name == TABLE:  # a table cannot stand in a paragraph
            body = body.replace(f"<p>{mark}</p>", mark)
    page = render_to_string(
        "notifications/messages/message.html",
        {"language": language, "direction": languages.direction(language), "subject": subject, "body": _BODY},
    )
    # prose sets headings below those of a page; in a message nothing stands above them.
    html = page.replace(_BODY, body.replace("h3>", "h2>").replace("h4>", "h3>"))
    gaps = {mark: gap for gap, mark in marks.items()} | {LINK_TOKEN: LINK_TOKEN_GAP}
    return Template(
        language=language, subject=_pieces(subject, gaps), text=_lines(text, gaps), html=_pieces(html, gaps),
        gaps=list(marks), needs_link=LINK_TOKEN in markdown,
    )  # fmt: skip


def _blocks(frozen: dict, segments: tuple[str, ...], language: str) -> dict[str, str]:
    """The Markdown of each list; one that is in another language than the text says so to whoever reads it aloud."""
    blocks = {name: _PRIVATE.sub("", markdown) for name, markdown in theirs.blocks(frozen, segments).items()}
    if languages.spoken(theirs.written_in(frozen)) == languages.spoken(language):
        return blocks
    return {name: markdown and f"{_OTHER}\n\n{markdown}\n\n{_OTHER_END}" for name, markdown in blocks.items()}


def _shown(blocks: dict[str, str], frozen: dict, language: str) -> dict[str, str]:
    """Signs around the lists that say something else to somebody else."""
    every = tuple(segment["key"] for segment in frozen["segments"])
    of_nobody, of_all = _blocks(frozen, (), language), _blocks(frozen, every, language)
    return {
        name: f"{THEIRS}\n\n{words}\n\n{THEIRS_END}" if words and (of_nobody[name] != words or of_all[name] != words)
        else words
        for name, words in blocks.items()
    }  # fmt: skip


def _without_signs(text: str) -> str:
    return text.replace(f"{_OTHER}\n\n", "").replace(f"\n\n{_OTHER_END}", "")


def _in_other_language(body: str, language: str) -> str:
    opening = format_html('<div lang="{}" dir="{}">', language, languages.direction(language))
    return body.replace(f"<p>{_OTHER}</p>", opening).replace(f"<p>{_OTHER_END}</p>", "</div>")


def _marked_subject(subject: str, marks: dict[Gap, str]) -> str:
    def mark(found: re.Match[str]) -> str:
        if found[1] in BLOCKS or found[1] in {"link", "page", TABLE}:
            raise CannotCompose(found[1], f"{found[1]} cannot stand in the subject.")
        return _mark(Gap(found[1], found[2]), marks)

    return _substituted(subject, mark)


def _marked_body(body: str, marks: dict[Gap, str], blocks: dict[str, str], page: str) -> str:
    def mark(found: re.Match[str]) -> str:
        name, fallback = found[1], found[2]
        if name == "link":
            return _address(links.url_of(LINK_TOKEN), found)
        if name == "page" and (page or fallback is None):
            return _address(_there(name, page, "there is no public page"), found)
        if name in BLOCKS:
            _alone_on_its_line(found)
            if blocks[name] or fallback is None:
                return _there(name, blocks[name], "the incident says nothing about it for these people")
            return fallback
        if name == TABLE:
            _alone_on_its_line(found)
            return f"\n\n{_mark(Gap(name, fallback), marks)}\n\n"
        return _mark(Gap(name, fallback), marks)

    return _substituted(body, mark)


def _substituted(text: str, mark: Callable[[re.Match[str]], str]) -> str:
    """Every variable replaced, and nothing that looks like one left over."""
    stray = _LEFT_OVER.search(VARIABLE.sub("", text))
    if stray:
        around = VARIABLE.sub("", text)[stray.start() : stray.start() + 40].split("\n")[0]
        raise CannotCompose(
            around, f'“{around}” is no variable: write {{{{ name }}}}, or {{{{ name | or: "there" }}}}.'
        )
    return VARIABLE.sub(mark, text)


def _mark(gap: Gap, marks: dict[Gap, str]) -> str:
    if gap not in marks:
        width = _WIDTHS.get(gap.name, 10)
        marks[gap] = chr(_FIRST_MARK + len(marks)) * (width - 1) + _END
    return marks[gap]


def _address(url: str, found: re.Match[str]) -> str:
    """A URL that can be followed; as it is where it already stands as the target of a link."""
    return url if found.string[: found.start()].endswith(("](", "<")) else f"<{url}>"


def _there(name: str, value: str, otherwise: str) -> str:
    if not value:
        raise CannotCompose(name, f"{name} is empty: {otherwise}.")
    return value


def _alone_on_its_line(found: re.Match[str]) -> None:
    text = found.string
    before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    after = text[found.end() :].split("\n", 1)[0]
    if before.strip() or after.strip():
        raise CannotCompose(found[1], f"{found[1]} is a list: it must stand alone on its line.")


def _pieces(rendered: str, gaps: dict[str, Gap]) -> Pieces:
    pieces = re.split("(" + "|".join(map(re.escape, gaps)) + ")", rendered)
    return [gaps.get(piece, piece) for piece in pieces if piece]


# Paragraphs of the text part ------------------------------------------------------------------------------------

_ITEM = re.compile(r"( *)([-*•] |\d+[.)] )? *")
_RULE = re.compile(r"\s*([-=~*_#])\1{2,}\s*$")


def _lines(text: str, gaps: dict[str, Gap]) -> list[str | Lines]:
    """The text in pieces: what holds a gap paragraph by paragraph, everything between as it is."""
    parts: list[str | Lines] = []
    for paragraph in _paragraphs(text.split("\n")[:-1]):
        pieces = _pieces("\n".join(paragraph), gaps)
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
