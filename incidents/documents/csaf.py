"""An incident as CSAF 2.0 (OASIS), profile csaf_security_incident_response: section 4.2 of the standard.

Its revisions are our page versions.
"""

from incidents.documents import words
from incidents.documents.facts import body, facts, in_words, plain
from incidents.documents.page import Edition, path
from incidents.documents.shown import Shown, absolute, to_json

STATUS = {"confirmed": "Was exposed", "possible": "May have been exposed", "ruled_out": "Was not exposed"}


def of_incident(shown: Shown, version: Edition) -> dict[str, bytes]:
    content, at = shown.content, f"{path(shown.slug)}csaf.json"
    document = {
        "category": "csaf_security_incident_response",
        "csaf_version": "2.0",
        "title": content["title"],
        "lang": content["language"],
        "aggregate_severity": {"text": content["impact"]},
        "distribution": {"tlp": {"label": "WHITE", "url": "https://www.first.org/tlp/"}},
        "publisher": _publisher(content["organisation"]),
        "notes": _notes(shown),
        "references": [
            {"category": "self", "summary": "This document", "url": absolute(at)},
            {"category": "external", "summary": "What we say about this incident", "url": shown.url},
            *({"category": "external", "summary": row["label"] or row["url"], "url": row["url"]}
              for row in content["references"]),
        ],
        "tracking": _tracking(shown, version),
    }  # fmt: skip
    return {at: to_json({"document": document}, in_order=True)}


def _publisher(organisation: dict) -> dict:
    publisher = {"category": "vendor", "name": organisation["name"], "namespace": absolute("")}
    if organisation["security_email"]:
        publisher["contact_details"] = organisation["security_email"]
    return publisher


def _tracking(shown: Shown, version: Edition) -> dict:
    revisions = sorted([*version.earlier, (version.number, version.at)])
    return {
        "id": shown.slug,
        "status": "interim" if shown.is_active else "final",
        "version": str(version.number),
        "initial_release_date": revisions[0][1].isoformat(),
        "current_release_date": version.at.isoformat(),
        "revision_history": [
            {"number": str(number), "date": at.isoformat(), "summary": f"Version {number} of the page"}
            for number, at in revisions
        ],
    }


def _notes(shown: Shown) -> list[dict]:
    content, said = shown.content, facts(shown)
    notes = [
        ("summary", "What happened", said["summary"] or content["title"]),
        ("general", "If you have not heard from us", said["not_notified"]["words"]),
        *(("general", f"What to do: {step['title']}", _step(step)) for step in said["steps"]),
        *(("details", title, _classes(said["data_classes"], status)) for status, title in STATUS.items()),
        ("details", "How many are affected", "\n".join(said["scope"])),
        ("details", "Key dates", "\n".join(f"{date['what']}: {date['words']}" for date in said["key_dates"])),
        ("details", "What to look for in your logs", _indicators(content["indicators"])),
        *(("description", _title(update), body(update)) for update in content["updates"]),
        *(("faq", row["question"], plain(row["answer"])) for row in content["faq"]),
    ]
    return [{"category": category, "title": title, "text": text} for category, title, text in notes if text]


def _step(step: dict) -> str:
    whom = f"For {step['segment']}." if step["segment"] else ""
    otherwise = f"If you do not: {step['if_not']}" if step["if_not"] else ""
    return "\n\n".join(part for part in (whom, step["how"], otherwise) if part) or step["title"]


def _classes(rows: list[dict], status: str) -> str:
    return "\n".join(
        f"{row['name']}: {row['note']}" if row["note"] else row["name"] for row in rows if row["status"] == status
    )


def _indicators(rows: list[dict]) -> str:
    return "\n".join(f"{words.INDICATORS[row['kind']]}: {words.defang(row['kind'], row['value'])}" for row in rows)


def _title(update: dict) -> str:
    return f"{words.PHASES[update['phase']]}, {in_words(words.said_at(update))}"
