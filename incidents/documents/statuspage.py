"""Atlassian Statuspage's public API, version 2, so that what reads their pages reads ours.

Its shape and its words: https://metastatuspage.com/api. What it has no word for stands under one key more, `security`.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from incidents.documents import facts, words
from incidents.documents.shown import Shown, absolute, to_json

LATEST = 50  # incidents
FOLDER = "api/v2/"
STATUS = {"withdrawn": "resolved"}  # the one phase that Statuspage does not know
IMPACTS = ("none", "minor", "major", "critical")  # the lightest first


def of_site(shown: Iterable[Shown], *, organisation: dict, since: datetime) -> dict[str, bytes]:
    """Path → bytes. shown: the latest incidents and every unresolved one. since: stands where there is none."""
    newest_first = sorted(shown, key=lambda one: (one.first_at, one.slug), reverse=True)
    incidents = [(one.is_active, _incident(one)) for one in newest_first]
    unresolved = [incident for is_active, incident in incidents if is_active]
    page = {"page": _page(organisation, max((one.updated_at for one in newest_first), default=since))}
    status = {"status": _status(unresolved)}
    nothing: dict[str, list] = {"scheduled_maintenances": []}
    made: dict[str, dict] = {
        "summary": {**page, "components": [], "incidents": unresolved, **nothing, **status},
        "status": {**page, **status},
        "components": {**page, "components": []},
        "incidents": {**page, "incidents": [incident for _, incident in incidents[:LATEST]]},
        "incidents/unresolved": {**page, "incidents": unresolved},
        "scheduled-maintenances": {**page, **nothing},
        "scheduled-maintenances/upcoming": {**page, **nothing},
        "scheduled-maintenances/active": {**page, **nothing},
    }
    return {f"{FOLDER}{name}.json": to_json(body) for name, body in made.items()}


def opaque(*parts: object) -> str:
    """An id that stays the same and tells nothing, not even how many there are."""
    return hashlib.sha256("\0".join(["candor", *map(str, parts)]).encode()).hexdigest()[:12]


def _page(organisation: dict, updated_at: datetime) -> dict:
    return {
        "id": opaque("page", absolute("")), "name": organisation["name"], "url": absolute("").rstrip("/"),
        "time_zone": "Etc/UTC", "updated_at": updated_at.isoformat(),
    }  # fmt: skip


def _status(unresolved: list[dict]) -> dict:
    indicator = max((incident["impact"] for incident in unresolved), key=IMPACTS.index, default="none")
    match len(unresolved):
        case 0:
            said = "All Systems Operational"  # theirs, to the letter: clients compare it
        case 1:
            said = "One security incident is active"
        case many:
            said = f"{many} security incidents are active"
    return {"indicator": indicator, "description": said}


def _incident(shown: Shown) -> dict:
    content, first = shown.content, shown.first_at.isoformat()
    key = opaque("incident", shown.slug)
    return {
        "id": key, "name": content["title"], "status": _status_word(content["phase"]),
        "created_at": first, "updated_at": shown.updated_at.isoformat(),
        "monitoring_at": _since(content["updates"], {"monitoring"}),
        "resolved_at": None if shown.is_active else _closed_at(content["updates"]),
        "impact": content["impact"], "shortlink": shown.url,
        # When we began to speak. When the attack began is often known to the month at best: see security.key_dates.
        "started_at": first,
        "page_id": opaque("page", absolute("")), "components": [],
        "incident_updates": [_update(shown.slug, key, update) for update in content["updates"]],
        "security": facts.facts(shown),
    }  # fmt: skip


def _update(slug: str, incident: str, update: dict) -> dict:
    at = _at(update)
    return {
        "id": opaque("update", slug, update["number"]), "status": _status_word(update["phase"]),
        "body": facts.body(update), "incident_id": incident, "created_at": at, "updated_at": at, "display_at": at,
        "deliver_notifications": True, "custom_tweet": None, "tweet_id": None, "affected_components": None,
    }  # fmt: skip


def _status_word(phase: str) -> str:
    return STATUS.get(phase, phase)


def _at(update: dict) -> str:
    return datetime.fromisoformat(update["at"]).isoformat()


def _since(updates: list[dict], phases: set[str]) -> str | None:
    """When it first was in one of these phases."""
    return next((_at(update) for update in reversed(updates) if update["phase"] in phases), None)


def _closed_at(updates: list[dict]) -> str | None:
    """The first of the closing words that stand now; what came before a reopening does not count."""
    closing = None
    for update in updates:
        if update["phase"] not in words.CLOSED:
            break
        closing = _at(update)
    return closing
