"""Translating the texts of an incident: drafts, a row for each text and language. Nothing becomes public here."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import Organisation, User
from incidents import documents, drafting
from incidents.documents.translated import Text, Translations
from incidents.models import Incident, Translation


class NotALanguage(Exception):
    """It is not switched on, or it is the language the incident is written in."""


class EditedMeanwhile(Exception):
    """Somebody saved some of these texts, or their originals, after the form was opened. Nothing was saved.

    theirs: these texts by their key, as they stand now.
    """

    def __init__(self, theirs: dict[str, Text]) -> None:
        super().__init__("Somebody else saved some of these texts after you had opened them.")
        self.theirs = theirs


@dataclass(frozen=True)
class Change:
    """started_from: the text's `stamp` when the form was opened."""

    key: str
    words: str
    started_from: str


def translations(incident: Incident) -> Translations:
    """Every text that the page would show now, with what stands for it in each language; drafts included."""
    filled = documents.translations_of(incident, Organisation.get())
    documents.freeze(incident, translations=filled)
    return filled


def stamp(text: Text, language: str) -> str:
    """Another one for another translation, and for another original."""
    newest = text.newest.get(language)
    row = f"{newest.pk}.{newest.edits}" if newest else "0"
    return f"{row}.{hashlib.sha256(text.original.encode()).hexdigest()[:12]}"


@transaction.atomic
def save(incident: Incident, *, language: str, changes: Iterable[Change], by: User,
         at: datetime | None = None) -> int:  # fmt: skip
    """All of these or, raising NotALanguage or EditedMeanwhile, none; the number saved.

    Empty words take a translation away. The same words for another original say that they still fit.
    """
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    now = translations(incident)
    if language not in now.languages:
        raise NotALanguage(language)
    texts, changes = {text.key: text for text in now.texts}, list(changes)
    gone = [change.key for change in changes if change.key not in texts]
    theirs = {
        change.key: texts[change.key] for change in changes
        if change.key in texts and stamp(texts[change.key], language) != change.started_from
    }  # fmt: skip
    if theirs or gone:
        raise EditedMeanwhile(theirs)
    for change in changes:
        _write(incident, texts[change.key], language, change.words.strip(), by=by, at=at)
    if changes:
        drafting.touched(incident, by=by, at=at)
        audit.record(act="translation.saved", thing=incident, by=by, at=at, incident=incident.pk, language=language,
                     texts=sorted(change.key for change in changes))  # fmt: skip
    return len(changes)


def _write(incident: Incident, text: Text, language: str, words: str, *, by: User, at: datetime | None) -> None:
    newest = text.newest.get(language)
    draft = newest if newest and newest.published_at is None else Translation(
        incident=incident, language=language, thing=text.thing, field=text.field
    )  # fmt: skip
    draft.of, draft.words, draft.written_by = text.original, words, by
    if at is not None:
        draft.written_at = at
    draft.edits += 1
    draft.save()
