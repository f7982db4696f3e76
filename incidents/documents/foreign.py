"""Texts that stand on a page of another language: marked as theirs, so that they are read aloud and run their way."""

from collections.abc import Callable, Iterator

from django.utils import translation
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.languages import direction, spoken
from incidents.documents.copying import copied


class Foreign(str):
    """A text in a language other than the page's. A template shows it within its own `lang` and `dir`."""

    language: str

    def __new__(cls, text: str, language: str) -> "Foreign":
        made = super().__new__(cls, text)
        made.language = language
        return made

    def __html__(self) -> SafeString:
        return format_html('<span lang="{}" dir="{}">{}</span>', self.language, direction(self.language), str(self))


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


def beside(between: str, parts: list[str]) -> str:
    """Texts one after the other, each in its own language."""
    if len({getattr(part, "language", "") for part in parts}) < 2:
        return same(parts[0], between.join(parts)) if parts else ""
    return format_html_join(between, "{}", ((part,) for part in parts))


# What of the frozen content somebody wrote, in the language of the incident.
TEXTS: dict[str, tuple[str, ...]] = {
    "updates": ("body", "unknown_because"), "events": ("text", "note", "unknown_because"),
    "estimates": ("of_what", "unit", "words", "basis", "unknown_because"), "segments": ("name", "guidance"),
    "exposures": ("data_class", "note"), "steps": ("title", "how", "why", "if_not"),
    "measures": ("text", "unknown_because"), "indicators": ("note",), "faq": ("question", "answer"),
    "contacts": ("role", "label"), "references": ("label",), "related": ("title",),
}  # fmt: skip
OF_THE_INCIDENT = ("title", "summary", "not_contacted_words")
OF_A_CORRECTION = ("what", "was", "now")
NAMES = TEXTS | {"incident": OF_THE_INCIDENT, "correction": OF_A_CORRECTION}
# Where one of these is written, words of our own say it in every language.
OURS = {"role": frozenset({"security", "support", "media", "press", "phone"}), "unit": frozenset({"percent"})}


def is_ours(name: str, text: str) -> bool:
    return text.lower() in OURS.get(name, ())


def in_language(content: dict, language: str) -> dict:
    """The same content as a page in this language says it: translated where it is, and every other text in it marked
    as being in the language it is written in.
    """
    content = copied(content)
    for _, row, names in rows(content):
        translated = (row.get("translated") or {}).get(language, {})
        for name in names:
            if name in translated:
                row[name] = translated[name]
            elif row.get(name) and not is_ours(name, row[name]):
                row[name] = Foreign(row[name], row.get("language") or content["language"])
    return content


def rows(content: dict) -> Iterator[tuple[str, dict, tuple[str, ...]]]:
    """(section, row, names of its texts), of as much as there is of the content."""
    yield "incident", content, OF_THE_INCIDENT
    for section, names in TEXTS.items():
        yield from ((section, row, names) for row in content.get(section) or ())
    for update in content["updates"]:
        if update["correction"]:
            yield "updates", update["correction"], OF_A_CORRECTION


def is_shown(name: str, content: dict) -> bool:
    """Words on those who are not contacted stand on the page for that meaning of silence alone."""
    return name != "not_contacted_words" or content.get("not_notified") == "not_contacted"


def in_the_original(content: dict) -> tuple[dict[str, str], bool]:
    """What of a content in another language is not translated: {section: some | all}, and whether anything is."""
    foreign: set[tuple[str, str]] = set()
    translated: set[tuple[str, str]] = set()
    for section, row, names in rows(content):
        for name in names:
            text = row.get(name)
            if text and not is_ours(name, text) and is_shown(name, content):
                place = "steps" if section == "segments" else section  # where they stand
                (foreign if isinstance(text, Foreign) else translated).add((place, name))
    of_sections = {section for section, _ in foreign}
    there = {section for section, _ in translated}
    return {section: "some" if section in there else "all" for section in of_sections}, bool(translated)
