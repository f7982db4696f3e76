"""The words of a page between <main> and its foot, a line for each block, to compare two versions of it."""

from html.parser import HTMLParser

BLOCKS = frozenset({
    "p", "h1", "h2", "h3", "h4", "li", "dt", "dd", "pre", "tr", "div", "section", "header", "footer", "blockquote",
})  # fmt: skip
UNSEEN = frozenset({"script", "style", "button", "nav", "footer"})


def lines(page: bytes) -> list[str]:
    reader = _Reader()
    reader.feed(page.decode())
    reader.close()
    reader.end()
    return reader.lines


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
