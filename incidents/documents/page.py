"""An incident's public documents, rendered from frozen content alone: no rows, no clock, no request."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import gettext

from accounts.languages import ENGLISH, direction, spoken
from incidents import prose
from incidents.documents import assets, foreign, indicators, places, words
from incidents.documents.freezing import said
from incidents.documents.places import path
from incidents.documents.telling import Telling, not_notified_words
from incidents.models import Incident

PAGE = "incidents/public/incident.html"
VERSIONS = "incidents/public/versions.html"
MARKS_IN_ORDER = tuple(words.MARKS)
CORRECTED = {
    "answer": "questions", "step": "steps", "exposure": "exposure", "estimate": "scope", "event": "events",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Edition:
    """Which version of the page this is.

    at: when it is made. said_at: when its drafts were said (the publication a system version repeats).
    earlier: (number, made at) of the versions before it, newest first.
    """

    number: int
    at: datetime
    said_at: datetime
    earlier: tuple[tuple[int, datetime], ...] = ()
    preview: bool = False


def render(content: dict, *, telling: Telling, version: Edition) -> dict[str, bytes]:
    """Path → bytes: the page, the same under its own number for good, and the list of its versions.

    In the other languages that are switched on the page alone: its versions stand in the incident's own.
    """
    slug, language = content["slug"], spoken(content["language"])
    with translation.override(language):
        documents = _pages(content, telling, version, language)
    for other in places.of_incident(content)[1:] if not version.preview else ():
        with translation.override(other):
            context = _context(content, telling, version, other)
        documents[f"{places.page_path(content, other)}index.html"] = to_bytes(PAGE, context)
    if content["indicators"] and not version.preview:
        with translation.override(ENGLISH):
            documents[indicators.path(slug)] = indicators.as_csv(content["indicators"])
    return documents


def _pages(content: dict, telling: Telling, version: Edition, language: str) -> dict[str, bytes]:
    slug, context = content["slug"], _context(content, telling, version, language)
    documents = {f"{path(slug)}index.html": to_bytes(PAGE, context)}
    if not version.preview:
        alone = {**context, "places": []}
        documents[f"{path(slug, version.number)}index.html"] = to_bytes(PAGE, {**alone, "is_version": True})
        documents[f"{path(slug)}versions/index.html"] = to_bytes(VERSIONS, {**alone, **_versions(content, version)})
    return documents


def _context(content: dict, telling: Telling, version: Edition, language: str) -> dict:
    look = assets.inside() if version.preview else assets.published()
    return {**frame(content["organisation"], look, language), **_page(content, telling, version, language)}


def to_bytes(template: str, context: dict) -> bytes:
    """In the context's language, English without one; whatever that and the time zone of whoever pressed the button."""
    with translation.override(spoken(context.get("language", ENGLISH))), timezone.override(UTC):
        made = render_to_string(template, context)
    return (made.strip() + "\n").encode()


def frame(organisation: dict, look: assets.Look, language: str = ENGLISH) -> dict:
    """What every public page has. language: of its fixed words."""
    return {
        "organisation": organisation, "language": language, "direction": direction(language), "look": look,
        "base_url": settings.PUBLIC_BASE_URL, "home": f"/{places.site_path(organisation, language)}",
    }  # fmt: skip


def headline(content: dict, said_at: datetime, *, at: datetime, language: str = ENGLISH) -> dict:
    """What index, history and sitemap say about an incident at this moment, in the language that is active."""
    updates = content["updates"]
    newest = words.said_at(updates[0]) if updates else words.instant(said_at)
    first = first_day(content, said_at)
    return {
        "title": content["title"], "summary": content["summary"], "phase": content["phase"],
        "phase_word": words.PHASES[content["phase"]], "url": f"/{places.page_path(content, language)}",
        "updated": newest,
        "next_update_by": _instant(content["next_update_by"]), "is_overdue": is_overdue(content, at=at),
        "year": int(first[:4]),
        "first": words.in_its_year(first), "first_day": first,
    }  # fmt: skip


def first_day(content: dict, said_at: datetime) -> str:
    """On which we first spoke of it: 2018-01-05."""
    updates = content["updates"]
    first = content["originally_posted_on"] or (updates[-1]["at"] if updates else None) or said_at.isoformat()
    return first[:10]


def is_overdue(content: dict, *, at: datetime) -> bool:
    """An update was promised, the moment has come, and nothing was said. A closed incident owes none."""
    promised = words.parse(content["next_update_by"])
    return promised is not None and promised <= at and content["phase"] not in words.CLOSED


def _page(content: dict, telling: Telling, version: Edition, language: str) -> dict:
    """In words of the language that is active; texts in another one are marked as being in it."""
    content = said(content, version.said_at)
    if content["language"] != language:
        content = foreign.as_foreign(content)
    corrections = [_correction(update) for update in content["updates"] if update["correction"]]
    segments = {segment["key"]: segment["name"] for segment in content["segments"]}
    steps = [_step(step, segments) for step in content["steps"]]
    as_of = telling.moment(version.said_at)
    return {
        **headline(content, version.said_at, at=version.at, language=language),
        "places": places.of_page(content, language) if not version.preview else [],
        "untranslated": _language_name(content["language"]) if content["language"] != language else "",
        "description": _description(content), "written_in": content["language"],
        "canonical": f"{settings.PUBLIC_BASE_URL}/{places.page_path(content, language)}",
        "drill": content["drill"], "preview": version.preview, "version": version,
        "made": words.instant(version.at),
        "is_active": content["phase"] not in words.CLOSED,
        "originally_posted_on": words.on_day(content["originally_posted_on"])
        if content["originally_posted_on"] else None,
        "telling": telling, "meaning": content["not_notified"],
        "not_notified": not_notified_words(
            meaning=content["not_notified"], state=telling.state, as_of=as_of, words=content["not_contacted_words"]
        ),
        "steps_for_affected": [step for step in steps if step["for_affected_only"]],
        "steps_for_everyone": [step for step in steps if not step["for_affected_only"]],
        "steps": steps, "segments": [_segment(s) for s in content["segments"] if s["guidance"]],
        **_exposure(content["exposures"], segments), "estimates": _estimates(content["estimates"]),
        "updates": [_update(update, corrections) for update in content["updates"]],
        "corrected": {
            place: [found for found in corrections if CORRECTED.get(found["subject"]) == place]
            for place in CORRECTED.values()
        },
        "key_dates": _key_dates(content["events"]), "events": [_event(event) for event in content["events"]],
        **_measures(content["measures"]), "indicators": _indicators(content["indicators"]),
        "indicators_url": f"/{indicators.path(content['slug'])}",
        "questions": _questions(content["faq"]), "contacts": _contacts(content),
        "sender": telling.sender or content["organisation"]["sender"], "subjects": telling.subjects,
        "code_form": telling.code_form,
        "told_through": content["told_through"],
        "references": [{"url": row["url"], "label": row["label"] or row["url"], "host": prose.host_of(row["url"])}
                       for row in content["references"]],
        "related": [{"title": row["title"], "url": f"/{path(row['slug'])}"} for row in content.get("related", [])],
        "not_known": _not_known(content), "versions_url": f"/{path(content['slug'])}versions/",
        # Where the page opens from the notice alone nobody could fetch them.
        "feeds_at": f"/{path(content['slug'])}" if content["visibility"] == "public" else "",
        "follow_at": f"/follow/{content['slug']}/",
    }  # fmt: skip


def _versions(content: dict, version: Edition) -> dict:
    """Newest first. Where the page opens from the notice alone, nobody could fetch a comparison."""
    slug = content["slug"]
    every = [(version.number, version.at), *version.earlier]
    numbers = [number for number, _ in every]
    return {
        "slug": slug, "numbers": numbers, "compares": content["visibility"] == "public" and len(every) > 1,
        "every_version": [
            {"number": number, "made": words.instant(at), "url": f"/{path(slug, number)}", "before": before}
            for (number, at), before in zip(every, [*numbers[1:], None], strict=True)
        ],
    }  # fmt: skip


def _language_name(language: str) -> str:
    try:
        return str(translation.get_language_info(language)["name_translated"]).lower()
    except KeyError:
        return language


def _description(content: dict) -> str:
    if content["phase"] == Incident.Phase.WITHDRAWN:
        return gettext("We have withdrawn what we said here.")
    return _first_words(content["summary"] or content["title"])


def _first_words(text: str, length: int = 155) -> str:
    plain = " ".join(prose.text(text).split())
    return plain if len(plain) <= length else plain[:length].rsplit(" ", 1)[0] + " …"


def _instant(text: str | None) -> words.Said | None:
    at = words.parse(text)
    return words.instant(at) if at else None


def _blocks(text: str) -> SafeString:
    return foreign.block(text, prose.html(text))


def _line(text: str) -> SafeString:
    return foreign.line(text, prose.line(text))


def _step(step: dict, segments: dict[str, str]) -> dict:
    return step | {
        "how": _blocks(step["how"]), "why": _line(step["why"]), "if_not": _line(step["if_not"]),
        "cut_off": _instant(step["cut_off"]), "due": _instant(step["due_at"]),
        "for_whom": segments.get(step["segment"] or "", ""), "host": prose.host_of(step["url"]),
    }  # fmt: skip


def _segment(segment: dict) -> dict:
    return {"name": segment["name"], "guidance": _blocks(segment["guidance"])}


def _exposure(rows: Iterable[dict], segments: dict[str, str]) -> dict:
    lists: dict[str, list[dict]] = {"confirmed": [], "possible": [], "ruled_out": []}
    for row in rows:
        notes = [note for note in (segments.get(row["segment"] or "", ""), row["note"]) if note]
        note = foreign.same(notes[0], ": ".join(notes)) if notes else ""
        lists[row["status"]].append({"data_class": row["data_class"], "note": note})
    return {"exposed": lists["confirmed"], "possibly": lists["possible"], "not_exposed": lists["ruled_out"]}


def _estimates(rows: list[dict]) -> list[dict]:
    """The newest of each chain, with what it revises."""
    by_number = {row["number"]: row for row in rows}
    revised = {row["revises"] for row in rows}
    return [
        {"words": words.estimate(row), "basis": row["basis"], "revises": _chain(row, by_number)}
        for row in rows
        if row["number"] not in revised
    ]


def _chain(row: dict, by_number: dict[int, dict]) -> list[str]:
    found, seen = [], {row["number"]}
    while (row := by_number.get(row["revises"], {})) and row["number"] not in seen:
        seen.add(row["number"])
        found.append(words.estimate(row))
    return found


def _correction(update: dict) -> dict:
    correction = update["correction"]
    return correction | {
        "was": _blocks(correction["was"]), "now": _blocks(correction["now"]), "number": update["number"],
        "at": words.said_at(update),
    }  # fmt: skip


def _update(update: dict, corrections: list[dict]) -> dict:
    own = next((found for found in corrections if found["number"] == update["number"]), None)
    return {
        "number": update["number"], "phase": update["phase"], "phase_word": words.PHASES[update["phase"]],
        "kind": words.UPDATES.get(update["kind"], ""),
        "at": words.said_at(update), "body": _blocks(update["body"]), "correction": own,
        "corrected_by": [found for found in corrections if found["corrects"] == update["number"]],
    }  # fmt: skip


def _event(event: dict) -> dict:
    return {"at": words.moment(event), "text": _line(event["text"]), "note": event["note"]}


def _key_dates(events: Iterable[dict]) -> list[dict]:
    marked = {event["marks"]: event for event in events if event["marks"]}
    return [{"what": words.MARKS[mark], "at": words.moment(marked[mark])} for mark in MARKS_IN_ORDER if mark in marked]


def _measures(rows: Iterable[dict]) -> dict:
    done: list[dict] = []
    promised: list[dict] = []
    for row in rows:
        said = {"text": _line(row["text"]), "at": words.moment(row) if row["at"] else None,
                "due": _instant(row["due_at"])}  # fmt: skip
        (promised if row["promised"] else done).append(said)
    return {"measures": done, "promises": promised}


def _indicators(rows: Iterable[dict]) -> list[dict]:
    return [
        {"id": f"indicator-{number}", "kind": words.INDICATORS[row["kind"]], "note": row["note"],
         "value": words.defang(row["kind"], row["value"])}
        for number, row in enumerate(rows, start=1)
    ]  # fmt: skip


def _questions(rows: Iterable[dict]) -> list[dict]:
    taken: dict[str, int] = {}
    questions = []
    for row in rows:
        anchor = f"question-{slugify(row['question'])[:60].strip('-') or 'asked'}"
        taken[anchor] = taken.get(anchor, 0) + 1
        anchor += f"-{taken[anchor]}" if taken[anchor] > 1 else ""
        questions.append({"anchor": anchor, "question": row["question"], "answer": _blocks(row["answer"])})
    return questions


def _contacts(content: dict) -> list[dict]:
    return [
        {"role": _role(row["role"]), "label": row["label"], "value": row["value"],
         "href": _href(row["value"])}
        for row in content["contacts"]
    ]  # fmt: skip


def _role(role: str) -> str:
    return words.ROLES.get(role.lower()) or foreign.same(role, role[:1].upper() + role[1:])


def _href(value: str) -> str:
    """Where a contact leads to; empty for words that lead nowhere."""
    if value.startswith(("https://", "http://")):
        return value
    if re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        return f"mailto:{value}"
    digits = re.sub(r"[\s()./-]", "", value)
    return f"tel:{digits}" if re.fullmatch(r"\+?\d{5,}", digits) else ""


def _not_known(content: dict) -> list[str]:
    """What a reader looks for and does not find yet, while we are still finding out."""
    if content["phase"] not in {"investigating", "identified"}:
        return []
    known = {event["marks"] for event in content["events"]}
    questions = [
        (gettext("What was exposed"), not content["exposures"]),
        (gettext("How many are affected"), not content["estimates"]),
        (gettext("When it began"), "attack_start" not in known),
    ]
    return [question for question, open_still in questions if open_still]
