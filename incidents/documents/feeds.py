"""Feeds: Atom (RFC 4287), RSS 2.0, JSON Feed 1.1. An entry is an update; a correction is one, too.

What a later correction replaces keeps its entry and its words, says so beside them and counts as updated then.
"""

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urljoin

from django.utils import translation

from accounts.languages import ENGLISH, spoken
from incidents import prose
from incidents.documents import words
from incidents.documents.page import path, to_bytes
from incidents.documents.shown import Shown, absolute, to_json

OF_THE_SITE = 50  # entries; an incident's own feed has all of its
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
HREF = re.compile(r'href="([^"]*)"')


@dataclass(frozen=True, order=True)
class Said:
    """One update of one incident, before anything is rendered of it."""

    at: datetime
    slug: str
    number: int


def of_incident(shown: Shown) -> dict[str, bytes]:
    """Path → bytes of the three feeds of one incident."""
    content = shown.content
    folder = path(shown.slug)
    entries = [_entry_of(shown, update) for update in content["updates"]]
    return _feeds(folder, entries, organisation=content["organisation"], language=content["language"],
                  title=f"{content['title']} · {content['organisation']['name']}", home=shown.url,
                  since=shown.said_at)  # fmt: skip


def of_site(newest: Iterable[Shown], *, organisation: dict, since: datetime) -> dict[str, bytes]:
    """The feeds of all incidents, and the two names under which Statuspage's readers look for them.

    newest: at least those incidents that the newest entries belong to. since: stands where there is no entry.
    """
    every = {
        Said(datetime.fromisoformat(update["at"]), shown.slug, update["number"]): (shown, update)
        for shown in newest
        for update in shown.content["updates"]
    }
    entries = [_entry_of(*every[key]) for key in sorted(every, reverse=True)[:OF_THE_SITE]]
    made = _feeds("", entries, organisation=organisation, language=ENGLISH, since=since,
                  title=f"Security incidents · {organisation['name']}", home=absolute(""))  # fmt: skip
    return {**made, "history.atom": made["feed.atom"], "history.rss": made["feed.rss"]}


def _entry_of(shown: Shown, update: dict) -> dict:
    """In the language it says it is in."""
    with translation.override(spoken(shown.content["language"])):
        return _entry(shown, update)


def _entry(shown: Shown, update: dict) -> dict:
    at = datetime.fromisoformat(update["at"])
    corrected = [
        other for other in shown.content["updates"]
        if other["correction"] and other["correction"]["corrects"] == update["number"]
    ]  # fmt: skip
    url = f"{shown.url}#update-{update['number']}"
    return {
        "id": _urn(f"{shown.slug}/{update['number']}"), "url": url, "language": shown.content["language"],
        "title": f"{shown.content['title']}: {words.UPDATES.get(update['kind']) or words.PHASES[update['phase']]}",
        "phase": update["phase"], "phase_word": words.PHASES[update["phase"]], "at": at,
        "mail_date": format_datetime(at.astimezone(UTC), usegmt=True),
        "updated": max([at, *(datetime.fromisoformat(other["at"]) for other in corrected)]),
        "html": _html(update, corrected, shown),
    }  # fmt: skip


def _html(update: dict, corrected: list[dict], shown: Shown) -> str:
    """What the page says there, for readers far from it: every link is whole."""
    correction = update["correction"]
    made = to_bytes("incidents/public/feed_entry.html", {
        "language": shown.content["language"], "url": shown.url, "body": prose.html(update["body"]),
        "correction": correction and correction | {
            "was": prose.html(correction["was"]), "now": prose.html(correction["now"])
        },
        "corrected": [{"number": other["number"], "what": other["correction"]["what"], "at": words.said_at(other)}
                      for other in corrected],
    }).decode()  # fmt: skip
    return HREF.sub(lambda found: f'href="{urljoin(shown.url, found[1])}"', made).strip()


def _feeds(folder: str, entries: list[dict], *, organisation: dict, language: str, title: str, home: str,
           since: datetime) -> dict[str, bytes]:  # fmt: skip
    updated = max((entry["updated"] for entry in entries), default=since).astimezone(UTC)
    context = _writable({
        "id": _urn(folder or absolute("")), "title": title, "home": home, "organisation": organisation["name"],
        "language": language, "icon": absolute("icon.svg"), "entries": [_writable(entry) for entry in entries],
        "updated": updated, "mail_date": format_datetime(updated, usegmt=True),
    })  # fmt: skip
    return {
        f"{folder}feed.{form}": to_bytes(
            f"incidents/public/feed.{form}", {**context, "self": absolute(f"{folder}feed.{form}")}
        )
        for form in ("atom", "rss")
    } | {f"{folder}feed.json": _json(context, absolute(f"{folder}feed.json"))}


def _writable(values: dict) -> dict:
    """Without the control characters that XML 1.0 has no way to write."""
    return {name: NOT_IN_XML.sub("", value) if isinstance(value, str) else value for name, value in values.items()}


def _json(feed: dict, self: str) -> bytes:
    return to_json({
        "version": "https://jsonfeed.org/version/1.1", "title": feed["title"], "home_page_url": feed["home"],
        "feed_url": self, "icon": feed["icon"], "language": feed["language"],
        "authors": [{"name": feed["organisation"], "url": absolute("")}],
        "items": [
            {"id": entry["id"], "url": entry["url"], "title": entry["title"], "content_html": entry["html"],
             "date_published": entry["at"].isoformat(), "date_modified": entry["updated"].isoformat(),
             "tags": [entry["phase_word"]], "language": entry["language"]}
            for entry in feed["entries"]
        ],
    })  # fmt: skip


def _urn(of: str) -> str:
    """The same for good, wherever the site stands."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"candor:{of}").urn
