"""Variables: from `{{ name }}` in the words of a notice to marks that Markdown leaves as they are."""

import re
from collections.abc import Callable

from incidents.audience.facts import TABLE
from notifications import links
from notifications.composing.errors import CannotCompose
from notifications.composing.pieces import Gap
from notifications.composing.words import BLOCKS

VARIABLE = re.compile(r'\{\{\s*([^\W\d][\w-]*)\s*(?:\|\s*or:\s*"([^"{}\n]*)"\s*)?\}\}')
_LEFT_OVER = re.compile(r"\{\{|\}\}")

# A mark is one private character for its gap, repeated to about the width of a value, and an end.
_FIRST_MARK, _END = 0xE000, "\uefff"
PRIVATE = re.compile("[\ue000-\uf8ff]")
_WIDTHS = {"code": len(links.CODE_FORM)}

# The link keeps its width, so that lines break in the right places, and may stand wherever Markdown takes a URL.
LINK_TOKEN = "link-token-of-the-recipient-stands-here-000"  # noqa: S105
LINK_TOKEN_GAP = Gap("link")


def with_samples(text: str, said: dict[str, str]) -> str:
    """The text with words in place of its variables; what `said` does not know is named as a sample."""
    return VARIABLE.sub(lambda found: said.get(found[1]) or f"[{found[1].replace('_', ' ')}]", text)


def variables_in(*texts: str) -> set[str]:
    """The names of all variables these texts use."""
    return {name for text in texts for name, _ in VARIABLE.findall(text)}


def marked_subject(subject: str, marks: dict[Gap, str]) -> str:
    def mark(found: re.Match[str]) -> str:
        if found[1] in BLOCKS or found[1] in {"link", "page", TABLE}:
            raise CannotCompose(found[1], f"{found[1]} cannot stand in the subject.")
        return _mark(Gap(found[1], found[2]), marks)

    return _substituted(subject, mark)


def marked_body(body: str, marks: dict[Gap, str], blocks: dict[str, str], page: str) -> str:
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
