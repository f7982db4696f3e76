"""The sections of an incident's page: frozen facts as its template wants them, in the language that is active."""

import re
from collections.abc import Iterable

from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import gettext

from incidents import prose
from incidents.documents import foreign, words

MARKS_IN_ORDER = tuple(words.MARKS)


def instant(text: str | None) -> words.Said | None:
    at = words.parse(text)
    return words.instant(at) if at else None


def blocks(text: str) -> SafeString:
    return foreign.block(text, prose.html(text))


def line(text: str) -> SafeString:
    return foreign.line(text, prose.line(text))


def step(step: dict, segments: dict[str, str]) -> dict:
    return step | {
        "how": blocks(step["how"]), "why": line(step["why"]), "if_not": line(step["if_not"]),
        "cut_off": instant(step["cut_off"]), "due": instant(step["due_at"]),
        "for_whom": _for_whom(segments.get(step["segment"] or "", "")), "host": prose.host_of(step["url"]),
    }  # fmt: skip


def _for_whom(name: str) -> str:
    return foreign.whole(lambda: gettext("For %(whom)s.") % {"whom": name}, name) if name else ""


def segment(segment: dict) -> dict:
    return {"name": segment["name"], "guidance": blocks(segment["guidance"])}


def exposure(rows: Iterable[dict], segments: dict[str, str]) -> dict:
    lists: dict[str, list[dict]] = {"confirmed": [], "possible": [], "ruled_out": []}
    for row in rows:
        notes = [note for note in (segments.get(row["segment"] or "", ""), row["note"]) if note]
        lists[row["status"]].append({"data_class": row["data_class"], "note": foreign.beside(": ", notes)})
    return {"exposed": lists["confirmed"], "possibly": lists["possible"], "not_exposed": lists["ruled_out"]}


def estimates(rows: list[dict]) -> list[dict]:
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


def correction(update: dict) -> dict:
    correction = update["correction"]
    return correction | {
        "was": blocks(correction["was"]), "now": blocks(correction["now"]), "number": update["number"],
        "at": words.said_at(update),
    }  # fmt: skip


def update(update: dict, corrections: list[dict]) -> dict:
    own = next((found for found in corrections if found["number"] == update["number"]), None)
    return {
        "number": update["number"], "phase": update["phase"], "phase_word": words.PHASES[update["phase"]],
        "kind": words.UPDATES.get(update["kind"], ""),
        "at": words.said_at(update), "body": blocks(update["body"]), "correction": own,
        "corrected_by": [found for found in corrections if found["corrects"] == update["number"]],
    }  # fmt: skip


def event(event: dict) -> dict:
    return {"at": words.moment(event), "text": line(event["text"]), "note": event["note"]}


def key_dates(events: Iterable[dict]) -> list[dict]:
    marked = {event["marks"]: event for event in events if event["marks"]}
    return [{"what": words.MARKS[mark], "at": words.moment(marked[mark])} for mark in MARKS_IN_ORDER if mark in marked]


def measures(rows: Iterable[dict]) -> dict:
    done: list[dict] = []
    promised: list[dict] = []
    for row in rows:
        said = {"text": line(row["text"]), "at": words.moment(row) if row["at"] else None,
                "due": instant(row["due_at"])}  # fmt: skip
        (promised if row["promised"] else done).append(said)
    return {"measures": done, "promises": promised}


def indicators(rows: Iterable[dict]) -> list[dict]:
    return [
        {"id": f"indicator-{number}", "kind": words.INDICATORS[row["kind"]], "note": row["note"],
         "value": words.defang(row["kind"], row["value"])}
        for number, row in enumerate(rows, start=1)
    ]  # fmt: skip


def questions(rows: Iterable[dict]) -> list[dict]:
    taken: dict[str, int] = {}
    questions = []
    for row in rows:
        anchor = f"question-{slugify(row['question'])[:60].strip('-') or 'asked'}"
        taken[anchor] = taken.get(anchor, 0) + 1
        anchor += f"-{taken[anchor]}" if taken[anchor] > 1 else ""
        questions.append({"anchor": anchor, "question": row["question"], "answer": blocks(row["answer"])})
    return questions


def contacts(content: dict) -> list[dict]:
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


def not_known(content: dict) -> list[str]:
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
