"""Texts that stand on a page of another language: marked as theirs, so that they are read aloud and run their way."""

from collections.abc import Callable, Iterator
from copy import deepcopy

from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.languages import direction, spoken


class Foreign(str):
    """A text in a language other than the page's. A template shows it within its own `lang` and `dir`."""

    language: str

    def __new__(cls, text: str, language: str) -> "Foreign":
        made = super().__new__(cls, text)
        made.language = language
        return made

    def __html__(self) -> SafeString:
        return format_html('<span lang="{}" dir="{}">{}</span>', self.language, direction(self.language), str(self))

    def __deepcopy__(self, memo: dict) -> "Foreign":
        return self


def same(as_text: str, made: str) -> str:
    """What was made of a text, in its language."""
    return Foreign(made, as_text.language) if isinstance(as_text, Foreign) else made


def block(text: str, made: SafeString) -> SafeString:
    """The blocks that were made of a text, marked as it is."""
    if not isinstance(text, Foreign) or not made:
        return made
    return format_html('<div lang="{}" dir="{}">{}</div>', text.language, direction(text.language), made)


def line(text: str, made: SafeString) -> SafeString:
    if not isinstance(text, Foreign) or not made:
        return made
    return format_html('<span lang="{}" dir="{}">{}</span>', text.language, direction(text.language), made)


def whole(sentence: Callable[[], str], *parts: str | None) -> str:
    """A sentence that one of these is part of: said in that one's language as a whole, never half in each."""
    language = next((part.language for part in parts if isinstance(part, Foreign)), None)
    if language is None:
        return sentence()
    with translation.override(spoken(language)):
        return Foreign(sentence(), language)


# What of the frozen content somebody wrote, in the language of the incident.
TEXTS: dict[str, tuple[str, ...]] = {
    "updates": ("body",), "events": ("text", "note", "unknown_because"),
    "estimates": ("of_what", "unit", "words", "basis", "unknown_because"), "segments": ("name", "guidance"),
    "exposures": ("data_class", "note"), "steps": ("title", "how", "why", "if_not"),
    "measures": ("text", "unknown_because"), "indicators": ("note",), "faq": ("question", "answer"),
    "contacts": ("role", "label"), "references": ("label",),
}  # fmt: skip
OF_THE_INCIDENT = ("title", "summary", "not_contacted_words")
OF_A_CORRECTION = ("what", "was", "now")


def as_foreign(content: dict) -> dict:
    """The same content with every text in it marked as being in the incident's language."""
    content = deepcopy(content)
    for row, name in _texts(content):
        if row[name]:
            row[name] = Foreign(row[name], content["language"])
    return content


def _texts(content: dict) -> Iterator[tuple[dict, str]]:
    yield from ((content, name) for name in OF_THE_INCIDENT if name in content)
    for rows, names in TEXTS.items():
        yield from ((row, name) for row in content.get(rows, ()) for name in names if name in row)
    for update in content["updates"]:
        if update["correction"]:
            yield from ((update["correction"], name) for name in OF_A_CORRECTION)
