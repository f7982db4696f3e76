"""Minor edits: a slip of the pen in something published is mended, and nobody is told of it.

What it may touch is bounded here: wording, never a fact. Whether it still says the same, a second person judges.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from incidents import drafting
from incidents.models import Rewording, Update

# Texts in which a slip can be mended; everything else in frozen content is a fact, a state or an address.
TEXTS = {
    "title", "summary", "not_contacted_words", "body", "text", "note", "question", "answer", "how", "why", "if_not",
    "guidance", "label", "basis", "words",
}  # fmt: skip
TRANSLATED = "translated"
AT_MOST = 5  # words changed in one text
SECTIONS = {
    "updates": "the updates", "events": "the key dates", "estimates": "the estimates", "segments": "the segments",
    "exposures": "what was exposed", "steps": "the steps", "measures": "the measures", "indicators": "the indicators",
    "faq": "the questions", "contacts": "the contacts", "references": "the references", "title": "the title",
    "related": "the related incidents", "summary": "the summary", "organisation": "the organisation's details",
    "visibility": "who may see the page", "not_notified": "what “not written to” means",
    "next_update_by": "the promise of the next update", "impact": "the impact", "phase": "the phase",
}  # fmt: skip
NUMBERS = re.compile(r"\d+(?:[.,:]\d+)*")
LINKS = re.compile(r"(?:https?|mailto):[^\s)>\]]+")
WORD = re.compile(r"\w+(?:['’]\w+)*")
NEGATIONS = frozenset({
    "not", "no", "none", "never", "nobody", "nothing", "neither", "nor", "cannot", "without",
    "nicht", "kein", "keine", "keinen", "nie", "niemand", "nichts", "ohne",
    "pas", "aucun", "aucune", "jamais", "sans", "personne", "nunca", "sin", "nadie", "nada", "ningún", "ninguna",
    "لا", "لم", "لن", "ليس", "ليست", "غير", "بدون",
})  # fmt: skip


class NotMinor(Exception):
    """More changed than wording; `reasons` says what, in words."""

    def __init__(self, reasons: list[str]) -> None:
        said = " ".join(reasons)
        super().__init__(f"This is more than a minor edit. {said} Publish it as a change, or write a correction.")
        self.reasons = reasons


def refuse_more(before: dict, after: dict) -> None:
    """Raises NotMinor where frozen content differs in more than wording."""
    if reasons := list(dict.fromkeys(_more(before, after))):
        raise NotMinor(reasons)


def _more(before: dict, after: dict) -> Iterator[str]:
    yield from (f"In the translations {reason}." for reason in _of_translations(
        before.get(TRANSLATED, {}), after.get(TRANSLATED, {})
    ))  # fmt: skip
    for key in sorted(_own(before) | _own(after)):
        section = SECTIONS.get(key, key.replace("_", " "))
        for reason in _differs(key, before.get(key), after.get(key)):
            yield f"In {section} {reason}."


def _differs(key: str, before: Any, after: Any) -> Iterator[str]:
    match before, after:
        case str(), str() if key in TEXTS:
            yield from changes_more_than_wording(before, after)
        case dict(), dict() if _own(before) == _own(after):
            for name in _own(before):
                yield from _differs(name, before[name], after[name])
            yield from _of_translations(before.get(TRANSLATED, {}), after.get(TRANSLATED, {}))
        case list(), list() if len(before) == len(after):
            for one, other in zip(before, after, strict=True):
                yield from _differs(key, one, other)
        case _ if before != after:
            yield "something else than wording changed"


def _own(row: dict) -> set[str]:
    return row.keys() - {TRANSLATED}


def _of_translations(before: dict, after: dict) -> Iterator[str]:
    """A translation may fall away, since the words it was made from are not the same any more; none may come."""
    for language, texts in after.items():
        for name, words in texts.items():
            if name not in before.get(language, {}):
                yield "a translation came"
            else:
                yield from _differs(name, before[language][name], words)


def changes_more_than_wording(before: str, after: str) -> list[str]:
    """Why this is no mere slip, each a part of a sentence; empty where it may be one."""
    if before == after:
        return []
    found = [
        (NUMBERS.findall(before) != NUMBERS.findall(after), "a number, date or clock changed"),
        (LINKS.findall(before) != LINKS.findall(after), "an address changed"),
        (_negations(before) != _negations(after), "a “not” came or went"),
        (_changed_words(before, after) > AT_MOST, f"more than {AT_MOST} words of a text changed"),
        (not after.strip(), "a text went"),
    ]
    return [why for is_so, why in found if is_so]


def _negations(text: str) -> Counter:
    words = (word.replace("’", "'") for word in WORD.findall(text.lower()))
    return Counter("n't" if word.endswith("n't") else word for word in words if word in NEGATIONS or "n't" in word)


def _changed_words(before: str, after: str) -> int:
    old, new = WORD.findall(before), WORD.findall(after)
    changes = SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    return sum(max(a2 - a1, b2 - b1) for tag, a1, a2, b1, b2 in changes if tag != "equal")


@transaction.atomic
def reword(update: Update, *, body: str, started_from: int, by: User, at: datetime | None = None) -> None:
    """The words of a published update as they shall stand from the next publication on; its own row stays.

    The words that stand there take a draft back. Raises NotMinor, or EditedMeanwhile (drafting).
    started_from: `edits` of the draft the form was opened with; 0 where there was none.
    """
    update = Update.objects.select_for_update(no_key=True).select_related("incident").get(pk=update.pk)
    draft = update.rewordings.filter(published_at=None).first()
    if (draft.edits if draft else 0) != started_from:
        raise drafting.EditedMeanwhile(draft)
    stands = update.stands()
    if reasons := changes_more_than_wording(stands, body):
        raise NotMinor([f"In the update {reason}." for reason in reasons])
    if body != stands:
        values = {"body": body, "written_by": by, "edits": started_from + 1}
        Rewording.objects.update_or_create(update=update, published_at=None, defaults=values)
    elif draft is None:
        return
    else:
        draft.delete()
    drafting.touched(update.incident, by=by, at=at)
    audit.record(act="update.reworded" if body != stands else "update.rewording_dropped", thing=update, by=by, at=at,
                 incident=update.incident_id)  # fmt: skip
