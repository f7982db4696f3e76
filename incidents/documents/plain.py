"""The words of a page between <main> and its foot, a line for each block, to compare two versions of it."""

import difflib
from collections.abc import Iterator
from html.parser import HTMLParser

BLOCKS = frozenset({
    "p", "h1", "h2", "h3", "h4", "li", "dt", "dd", "pre", "tr", "div", "section", "header", "footer", "blockquote",
})  # fmt: skip
AROUND = 1  # unchanged lines shown beside a change
UNSEEN = frozenset({"script", "style", "button", "nav", "footer"})


def lines(page: bytes) -> list[str]:
    reader = _Reader()
    reader.feed(page.decode())
    reader.close()
    reader.end()
    return reader.lines


def difference(before: list[str], after: list[str]) -> Iterator[tuple[str, str]]:
    """(removed | added | same | gap, line): what changed, each time with the unchanged line around it."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(AROUND)):
        if number:
            yield "gap", "…"
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (("same", line) for line in before[i1:i2])
            else:
                yield from (("removed", line) for line in before[i1:i2])
                yield from (("added", line) for line in after[j1:j2])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.words: list[str] = []
        self.unseen = 1  # until <main>

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.unseen += (tag in UNSEEN) - (tag == "main")
        if tag in BLOCKS:
            self.end()

    def handle_endtag(self, tag: str) -> None:
        self.unseen -= (tag in UNSEEN) - (tag == "main")
        if tag in BLOCKS:
            self.end()

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.words.append(data)

    def end(self) -> None:
        line = " ".join("".join(self.words).split())
        self.words = []
        if line:
            self.lines.append(line)
