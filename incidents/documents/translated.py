"""Which texts of an incident are translated into what, read from the rows once, for `freeze` and for the room."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from accounts import audit
from accounts.languages import base
from incidents.documents import foreign
from incidents.models import Incident, Translation

OF_ITSELF = "incident"  # the section of its title and summary: each of these is a text alone


@dataclass(frozen=True)
class Text:
    """One text of the page. newest: what stands for it in each language, current or not."""

    section: str
    thing: str
    field: str
    original: str
    newest: dict[str, Translation]

    @property
    def key(self) -> str:
        return f"{self.thing}.{self.field}"

    def state(self, language: str) -> str:
        """translated, stale (the original reads differently since), or missing."""
        newest = self.newest.get(language)
        if newest is None or not newest.words:
            return "missing"
        return "translated" if newest.of == self.original else "stale"


@dataclass
class Translations:
    """Filled while a content is frozen: `of` is asked for every row that stands there, in the order of the content."""

    languages: list[str]
    newest: dict[tuple[str, str], dict[str, Translation]] = field(default_factory=dict)
    texts: list[Text] = field(default_factory=list)
    counting: set[int] = field(default_factory=set)  # keys of the rows that count: shown, or taking one away

    @classmethod
    def of_incident(cls, incident: Incident, switched_on: Iterable[str], *, drafts: bool = True) -> "Translations":
        """In the languages that are switched on, without its own. drafts: those, too, that are not published yet."""
        languages = [language for language in switched_on if language != base(incident.language)]
        made = cls(languages)
        if languages:
            rows = incident.translations.filter(language__in=languages)
            for row in (rows if drafts else rows.exclude(published_at=None)).order_by("pk"):
                made.newest.setdefault((row.thing, row.field), {})[row.language] = row
        return made

    def of(self, section: str, row: models.Model, **as_it_reads: str) -> dict[str, Any]:
        """{"translated": {language: {field: words}}}, or nothing. Of a row all is translated or nothing is: a question
        in one language and its answer in another help nobody.

        as_it_reads: a text that reads differently from what its row holds.
        """
        read = {name: as_it_reads.get(name, getattr(row, name)) for name in foreign.NAMES[section]}
        texts = [
            Text(section, thing_of(row), name, original, self.newest.get((thing_of(row), name), {}))
            for name, original in read.items()
            if _needs_translation(row, name, original)
        ]
        self.texts += texts
        found = {language: dict(_current(texts, language, alone=section == OF_ITSELF)) for language in self.languages}
        for text in texts:
            shown = (row for language, row in text.newest.items() if text.field in found[language] or not row.words)
            self.counting.update(row.pk for row in shown)
        found = {language: current for language, current in found.items() if current}
        return {"translated": found} if found else {}

    def open(self, language: str) -> list[Text]:
        """What readers of this language see in the original."""
        return [text for text in self.texts if text.state(language) != "translated"]

    def complete(self) -> list[str]:
        """The languages in which every text stands."""
        return [language for language in self.languages if not self.open(language)]


def thing_of(row: models.Model) -> str:
    """update:12"""
    return audit.name_of(row).partition(".")[2]


def _needs_translation(row: models.Model, name: str, original: str) -> bool:
    if isinstance(row, Incident) and not foreign.is_shown(name, {"not_notified": row.not_notified}):
        return False
    return bool(original.strip()) and not foreign.is_ours(name, original)


def _current(texts: list[Text], language: str, *, alone: bool) -> Iterator[tuple[str, str]]:
    current = [text for text in texts if text.state(language) == "translated"]
    if alone or len(current) == len(texts):
        yield from ((text.field, text.newest[language].words) for text in current)


def original(content: dict) -> dict:
    """The content without its translations: what it says in the language it is written in."""
    return _without(content, {"translated", "languages", "only_complete_languages"})


def _without(value: Any, names: set[str]) -> Any:
    match value:
        case dict():
            return {key: _without(each, names) for key, each in value.items() if key not in names}
        case list():
            return [_without(each, names) for each in value]
    return value
