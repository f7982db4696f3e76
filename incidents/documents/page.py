"""An incident's public documents, rendered from frozen content alone: no rows, no clock, no request."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext

from accounts.languages import ENGLISH, direction, spoken
from incidents import prose
from incidents.documents import assets, foreign, indicators, places, sections, words
from incidents.documents.freezing import said
from incidents.documents.places import path
from incidents.documents.telling import Telling, not_notified_words
from incidents.models import Incident

PAGE = "incidents/public/incident.html"
VERSIONS = "incidents/public/versions.html"
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


def preview_in(language: str, content: dict, *, telling: Telling, version: Edition) -> bytes:
    """The page in this language as it would be, also where it would not be published yet."""
    with translation.override(language):
        return to_bytes(PAGE, _context(content, telling, version, language))


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
        "next_update_by": sections.instant(content["next_update_by"]), "is_overdue": is_overdue(content, at=at),
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
    original: dict[str, str] = {}
    anything = True
    if content["language"] != language:
        content = foreign.in_language(content, language)
        original, anything = foreign.in_the_original(content)
    corrections = [sections.correction(update) for update in content["updates"] if update["correction"]]
    segments = {segment["key"]: segment["name"] for segment in content["segments"]}
    steps = [sections.step(step, segments) for step in content["steps"]]
    as_of = telling.moment(version.said_at)
    return {
        **headline(content, version.said_at, at=version.at, language=language),
        "places": places.of_page(content, language) if not version.preview else [],
        "untranslated": _language_name(content["language"]) if original else "",
        "in_the_original": original if anything else {},
        "description": _description(content), "written_in": getattr(content["title"], "language", language),
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
        "steps": steps, "segments": [sections.segment(s) for s in content["segments"] if s["guidance"]],
        **sections.exposure(content["exposures"], segments), "estimates": sections.estimates(content["estimates"]),
        "updates": [sections.update(update, corrections) for update in content["updates"]],
        "corrected": {
            place: [found for found in corrections if CORRECTED.get(found["subject"]) == place]
            for place in CORRECTED.values()
        },
        "key_dates": sections.key_dates(content["events"]),
        "events": [sections.event(event) for event in content["events"]],
        **sections.measures(content["measures"]), "indicators": sections.indicators(content["indicators"]),
        "indicators_url": f"/{indicators.path(content['slug'])}",
        "questions": sections.questions(content["faq"]), "contacts": sections.contacts(content),
        "sender": telling.sender or content["organisation"]["sender"], "subjects": telling.subjects,
        "code_form": telling.code_form,
        "told_through": content["told_through"],
        "references": [{"url": row["url"], "label": row["label"] or row["url"], "host": prose.host_of(row["url"])}
                       for row in content["references"]],
        "related": [{"title": row["title"], "url": f"/{path(row['slug'])}"} for row in content.get("related", [])],
        "not_known": sections.not_known(content), "versions_url": f"/{path(content['slug'])}versions/",
        # Where the page opens from the notice alone nobody could fetch them.
        "feeds_at": f"/{path(content['slug'])}" if content["visibility"] == "public" else "",
        "follow_at": f"/follow/{content['slug']}/",
        "ask_at": f"/inquiry/{content['slug']}/{language}/" if _may_ask(content) else "",
        "sign_in_at": "/your-notices/" if _may_ask(content) and _may_sign_in(content) else "",
        "compare_at": _compare_at(content, version, language),
    }  # fmt: skip


def _compare_at(content: dict, version: Edition, language: str) -> str:
    """With the version before. The list of versions is in the incident's own language; this is for the others."""
    if language == spoken(content["language"]) or not version.earlier:
        return ""
    return f"/compare/{content['slug']}/?from={version.earlier[0][0]}&to={version.number}&in={language}"


def _may_ask(content: dict) -> bool:
    """Whether somebody may be affected, and wonder; a page that opens from the notice alone has told its readers."""
    return content["visibility"] == "public" and not content["drill"] and content["phase"] != "withdrawn"


def _may_sign_in(content: dict) -> bool:
    return content["organisation"].get("readers_sign_in", True)


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
