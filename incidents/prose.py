"""Markdown as staff write it, turned into HTML for pages and plain text for messages.

The only module that calls mark_safe: whatever a page shows unescaped went through the allow-list here.
"""

import re
import textwrap
import unicodedata
from html.parser import HTMLParser
from urllib.parse import urlsplit

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

COLUMNS = 72

# js-default: CommonMark with raw HTML off, and javascript:, vbscript:, file: and data: links refused.
MARKDOWN = MarkdownIt("js-default", {"linkify": False, "typographer": False})
# No images: whoever hosts one would see every reader. No id, name or class: they could speak for our own elements.
TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "hr", "li", "ol", "p", "pre", "s", "span", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^\s/@]+@)?((?:[\w-]+\.)+[^\W\d_]{2,})", re.IGNORECASE)


def html(markdown: str) -> SafeString:
    """Safe HTML. A link whose words look like a host says beside them which host it really leads to."""
    tokens = MARKDOWN.parse(markdown)
    for token in tokens:
        _lower_heading(token)
        if token.children:
            token.children = _say_real_hosts(token.children)
    made = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
    return mark_safe(  # noqa: S308
        nh3.clean(
            made,
            tags=TAGS,
            attributes={"a": {"href", "title"}, "ol": {"start"}},
            allowed_classes={"span": {"link-host"}},
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener nofollow",
        )
    )


def line(markdown: str) -> SafeString:
    """The same for a single line inside other words: without its paragraph."""
    made = html(markdown).strip()
    if made.startswith("<p>") and made.endswith("</p>") and made.count("<p>") == 1:
        return mark_safe(made[3:-4])  # noqa: S308  (a part of what html() made, cut at its own tags)
    return mark_safe(made)  # noqa: S308


def text(markdown: str, *, columns: int = COLUMNS) -> str:
    """Plain text of so many columns, paragraphs apart by an empty line; a link reads "words (address)"."""
    reader = _PlainText(columns)
    reader.feed(str(MARKDOWN.render(markdown)))
    return reader.done()


def _lower_heading(token: Token) -> None:
    """Page sections are h2; what staff head in their own text stands below."""
    if token.type in {"heading_open", "heading_close"}:
        token.tag = "h3" if token.tag in {"h1", "h2", "h3"} else "h4"


def _say_real_hosts(tokens: list[Token]) -> list[Token]:
    said, href, words = [], "", ""
    for token in tokens:
        said.append(token)
        if token.type == "link_open":
            href, words = str(token.attrGet("href") or ""), ""
        elif token.type == "link_close":
            said.extend(_true_host(href, words))
            href = ""
        elif href:
            words += token.content
    return said


def _true_host(href: str, words: str) -> list[Token]:
    real = host_of(href)
    looks_like = [found.lower().removeprefix("www.") for found in HOST.findall(_as_read(words))]
    if not real or all(real.removeprefix("www.") == name for name in looks_like):
        return []
    note = Token("text", "", 0, content=f"(leads to {real})")
    opening, closing = Token("span_open", "span", 1, attrs={"class": "link-host"}), Token("span_close", "span", -1)
    return [Token("text", "", 0, content=" "), opening, note, closing]


def _as_read(words: str) -> str:
    """As the eye takes it: a look-alike dot is a dot, and what is invisible is not there."""
    plain = unicodedata.normalize("NFKC", words).replace("\u3002", ".")
    return "".join(mark for mark in plain if unicodedata.category(mark) != "Cf")


def host_of(href: str) -> str:
    """The host a link leads to, in ASCII so that look-alike letters show; of a mailto its domain. Empty: none."""
    try:
        parts = urlsplit(href)
        found = parts.path.rpartition("@")[2] if parts.scheme == "mailto" else parts.hostname or ""
    except ValueError:
        return href
    try:
        return found.encode("idna").decode().lower()
    except UnicodeError:
        return found.lower()


class _PlainText(HTMLParser):
    """Lays out the HTML that MARKDOWN made; it never sees anybody else's."""

    BLOCKS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "tr", "hr"})

    def __init__(self, columns: int = COLUMNS) -> None:
        super().__init__(convert_charrefs=True)
        self.columns = columns
        self.blocks: list[str] = []
        self.words = ""
        self.lists: list[int | None] = []  # the next number; None in a list without numbers
        self.bullet = ""
        self.href = ""
        self.link_from = 0
        self.verbatim = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"ul", "ol"}:
            self._end_block()
            self.lists.append(int(given.get("start") or 1) if tag == "ol" else None)
        elif tag == "li":
            self._end_block()
            number = self.lists[-1] if self.lists else None
            self.bullet = "- " if number is None else f"{number}. "
            if number is not None:
                self.lists[-1] = number + 1
        elif tag == "a":
            self.href, self.link_from = given.get("href") or "", len(self.words)
        elif tag == "br":
            self.words += "\n"
        elif tag == "td":
            self.words += " | " if self.words else ""
        elif tag in self.BLOCKS:
            self._end_block()
            self.verbatim = tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self.href:
            address = self.href.removeprefix("mailto:")
            if self.words[self.link_from :].strip() != address:
                self.words += f" ({address})"
            self.href = ""
        elif tag in {"ul", "ol"}:
            self._end_block()
            self.lists.pop()
            self.bullet = "  " if self.lists else ""
        elif tag in self.BLOCKS or tag == "li":
            heading = tag.startswith("h") and tag != "hr" and self.words.strip()
            self._end_block()
            if heading:
                self.blocks[-1] += "\n" + "-" * min(len(heading), COLUMNS)
            self.verbatim = False

    def handle_data(self, data: str) -> None:
        self.words += data if self.verbatim else data.replace("\n", " ")

    def _end_block(self) -> None:
        words, self.words = self.words.strip("\n") if self.verbatim else self.words.strip(), ""
        if not words:
            return
        depth = "  " * max(len(self.lists) - 1, 0)
        first = depth + self.bullet
        rest = depth + " " * len(self.bullet) if self.lists else ""
        self.bullet = "  " if self.lists else ""
        wrapped = [
            part if self.verbatim else _wrap(part, self.columns, first if number == 0 else rest, rest)
            for number, part in enumerate(words.split("\n"))
        ]
        self.blocks.append("\n".join(wrapped))

    def done(self) -> str:
        self._end_block()
        return "\n\n".join(self.blocks)


def _wrap(words: str, columns: int, first: str, rest: str) -> str:
    return textwrap.fill(
        words, columns, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
