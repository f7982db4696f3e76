"""The facts of a breach as plain data: what Statuspage has no word for, and what CSAF's notes are made of."""

from datetime import datetime
from functools import lru_cache

from incidents import prose
from incidents.documents import words
from incidents.documents.shown import Shown
from incidents.documents.telling import not_notified_words

ONE_LINE = 1_000_000  # columns: whoever shows it breaks the lines


def facts(shown: Shown) -> dict:
    """Dates are as precise as they are known ("2018-01-03"); null where nobody knows them."""
    content = shown.content
    names = {segment["key"]: segment["name"] for segment in content["segments"]}
    return {
        "phase": content["phase"],
        "summary": plain(content["summary"]),
        "data_classes": [
            {"name": row["data_class"], "status": row["status"], "note": row["note"],
             "segment": names.get(row["segment"] or "")}
            for row in content["exposures"]
        ],
        "scope": scope(content["estimates"]),
        "not_notified": _not_notified(shown),
        "steps": [_step(row, names) for row in content["steps"]],
        "key_dates": _key_dates(content["events"]),
        "next_update_by": content["next_update_by"] if shown.is_active else None,
    }  # fmt: skip


@lru_cache(maxsize=8192)
def plain(markdown: str) -> str:
    """Markdown as text, a paragraph to a line. Kept: every publication writes the same fifty incidents anew."""
    return prose.text(markdown, columns=ONE_LINE)


def body(update: dict) -> str:
    """What an update says, with what it corrects."""
    correction = update["correction"]
    if not correction:
        return plain(update["body"])
    was, now = plain(correction["was"]), plain(correction["now"])
    return f"{plain(update['body'])}\n\nWe said: {was}\n\nCorrect is: {now}"


def scope(estimates: list[dict]) -> list[str]:
    """What stands now: an estimate that a newer one revises is history."""
    revised = {row["revises"] for row in estimates}
    return [words.estimate(row) for row in estimates if row["number"] not in revised]


def in_words(said: words.Said) -> str:
    return f"{said.words} {said.beside}".strip()


def _not_notified(shown: Shown) -> dict:
    as_of: datetime = shown.telling.moment(shown.said_at)
    meaning = shown.content["not_notified"]
    sentence = not_notified_words(
        meaning=meaning, state=shown.telling.state, as_of=as_of, words=shown.content["not_contacted_words"]
    )
    return {"meaning": meaning, "telling": shown.telling.state, "as_of": as_of.isoformat(), "words": sentence}


def _step(row: dict, names: dict[str, str]) -> dict:
    return {
        "title": row["title"], "how": plain(row["how"]), "why": plain(row["why"]), "if_not": plain(row["if_not"]),
        "segment": names.get(row["segment"] or ""), "for_affected_only": row["for_affected_only"],
        "cut_off": row["cut_off"], "due_at": row["due_at"], "url": row["url"],
    }  # fmt: skip


def _key_dates(events: list[dict]) -> list[dict]:
    marked = {event["marks"]: event for event in events if event["marks"]}
    found = [(mark, words.moment(marked[mark])) for mark in words.MARKS if mark in marked]
    return [
        {"key": mark, "what": words.MARKS[mark], "date": at.machine or None, "words": in_words(at)}
        for mark, at in found
    ]
