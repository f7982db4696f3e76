"""From Markdown with `{{ variables }}` to pieces with gaps.

Markdown is rendered once per notice version and kind of reader, with marks of the Unicode private use area where a
value will stand; what differs from message to message is put between the finished pieces. So a value is never read
as Markdown, HTML or a template, and a message costs some tens of microseconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import format_html

from incidents import prose
from incidents.audience.facts import TABLE
from notifications.composing import conditions, languages
from notifications.composing import guidance as theirs
from notifications.composing.errors import CannotCompose
from notifications.composing.pieces import Gap, Lines, Pieces, Values, fill, lines_of, pieces_of
from notifications.composing.variables import LINK_TOKEN, LINK_TOKEN_GAP, PRIVATE, marked_body, marked_subject
from notifications.composing.words import ASKS, BLOCKS
from notifications.models import NoticeVersion

_BODY = "\uf8ff"  # where the message's own HTML goes
# Around what is in another language than the text. Paragraphs of their own, until they are taken out or become tags.
_OTHER, _OTHER_END = "\uf8f0", "\uf8f1"
# Around what only some readers get; in previews alone.
THEIRS, THEIRS_END = "\uf8f2", "\uf8f3"


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


def check_subject(subject: str) -> None:
    """Raises CannotCompose for what is wrong whoever gets it."""
    marked_subject(PRIVATE.sub("", subject), {})


def check_body(body: str, *, segments: Iterable[str]) -> None:
    """Raises CannotCompose for what is wrong whoever gets it. segments: the keys there are."""
    conditions.refuse_unknown_segments(body, segments)
    marked_body(conditions.everything(PRIVATE.sub("", body)), {}, dict.fromkeys(BLOCKS, "-"), "-")


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
        return fill(self.subject, values)

    def in_text(self, values: Values) -> str:
        return "".join([part if isinstance(part, str) else part.filled(values) for part in self.text])

    def in_html(self, values: Values) -> str:
        return fill(self.html, values)


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
    if ASKS in said_in_body or ASKS in said_in_subject:
        raise CannotCompose(
            "what happened", "The text still asks its writer to say what happened: look for “[Say here”."
        )
    frozen = version.guidance
    conditions.refuse_unknown_segments(said_in_body, (segment["key"] for segment in frozen["segments"]))
    chosen = conditions.chosen(
        PRIVATE.sub("", said_in_body), segments=reader.segments, jurisdictions=reader.jurisdictions,
        around=(THEIRS, THEIRS_END) if showing else None,
    )  # fmt: skip
    blocks = _blocks(frozen, reader.segments, language)
    if showing:
        blocks = _shown(blocks, frozen, language)
    marks: dict[Gap, str] = {}
    subject = marked_subject(PRIVATE.sub("", said_in_subject), marks)
    markdown = marked_body(chosen, marks, blocks, frozen["page"])
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
        language=language, subject=pieces_of(subject, gaps), text=lines_of(text, gaps), html=pieces_of(html, gaps),
        gaps=list(marks), needs_link=LINK_TOKEN in markdown,
    )  # fmt: skip


def _blocks(frozen: dict, segments: tuple[str, ...], language: str) -> dict[str, str]:
    """The Markdown of each list; one that is in another language than the text says so to whoever reads it aloud."""
    blocks = {name: PRIVATE.sub("", markdown) for name, markdown in theirs.blocks(frozen, segments).items()}
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
