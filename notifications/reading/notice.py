"""The personal notice: the latest approved words about one affected account, whatever was said to them before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from incidents import documents, prose, publishing
from incidents.documents import words
from incidents.models import AffectedAccount, Incident, PageVersion, StepState
from incidents.publishing.versions import last_said
from notifications.composing.guidance import worst_by_data_class
from notifications.models import ReaderLink, Recipient
from notifications.reading import facts, sent
from notifications.reading.passes import Opened

UPDATES_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class PersonalNotice:
    """All that the page shows. Lists are empty where there is nothing to say, and all but messages when ruled out."""

    concerns: facts.Concerns
    certainty: str
    ruled_out: bool
    acknowledged_at: datetime | None
    title: str
    summary: str
    phase: str
    phase_word: str
    steps: list[dict]
    steps_to_tick: bool
    exposed: list[dict]
    possibly: list[dict]
    not_exposed: list[dict]
    known: list[tuple[str, str]]
    tables: list[facts.Table]
    segment_guidance: list[str]
    measures: list[dict]
    promises: list[dict]
    updates: list[dict]
    updated: words.Said | None
    next_update_by: words.Said | None
    contacts: list[dict]
    messages: list[sent.SentMessage]
    page: str
    """Address of the page for everyone; empty where there is none."""
    page_behind_this: bool
    """The page is open only to those who were told."""


def personal_notice(opened: Opened | ReaderLink) -> PersonalNotice:
    """Four queries beside the link's own, however many are affected."""
    affected = opened.affected_account
    version = last_said(affected.incident)
    told = sent.recipients_of(affected)
    guidance = version.content if version else _as_told(told)
    theirs = set(affected.segments.values_list("key", flat=True))
    updates = documents.said(guidance, version.made_at)["updates"] if version else []
    rows = worst_by_data_class(_concerning(guidance.get("exposures", []), theirs))
    ruled_out = affected.certainty == AffectedAccount.Certainty.RULED_OUT
    steps = [] if ruled_out else _steps(affected, _concerning(guidance.get("steps", []), theirs))
    values, tables = facts.split({} if ruled_out else affected.facts, mask=True)
    done, promised = _measures(guidance.get("measures", []))
    page = sent.public_page(version)
    return PersonalNotice(
        concerns=facts.concerns(affected.account, opened.address), certainty=affected.certainty, ruled_out=ruled_out,
        acknowledged_at=affected.acknowledged_at,
        title=guidance.get("title", ""), summary=guidance.get("summary", ""),
        phase=guidance.get("phase", ""), phase_word=words.PHASES.get(guidance.get("phase", ""), ""),
        steps=steps, steps_to_tick=any(step["id"] and not step["settled"] for step in steps),
        exposed=[row for row in rows if row["status"] == "confirmed" and not ruled_out],
        possibly=[row for row in rows if row["status"] == "possible" and not ruled_out],
        not_exposed=[row for row in rows if row["status"] == "ruled_out" and not ruled_out],
        known=values, tables=tables,
        segment_guidance=[] if ruled_out else [
            prose.html(segment["guidance"]) for segment in guidance.get("segments", [])
            if segment["key"] in theirs and segment["guidance"]
        ],
        measures=done, promises=promised,
        updates=[_update(update) for update in updates[:UPDATES_SHOWN]],
        updated=words.said_at(updates[0]) if updates else None, next_update_by=_promised(guidance),
        contacts=[_contact(row) for row in guidance.get("contacts", [])],
        messages=[sent.as_sent(recipient) for recipient in told], page=page,
        page_behind_this=_behind_this(version),
    )  # fmt: skip


def full_page(incident: Incident) -> bytes | str | None:
    """The page of an incident that is open only to those who were told: its bytes; its address once it is public.

    None where nothing is published, or the bytes were redacted.
    """
    version = publishing.latest(incident)
    if version is None:
        return None
    if page := sent.public_page(version):
        return page
    document = version.documents.filter(path=f"{documents.path(version.content['slug'])}index.html").first()
    return bytes(document.body) if document and document.body is not None else None


# Which words hold -----------------------------------------------------------------------------------------------


def _as_told(told: list[Recipient]) -> dict:
    """Nothing is published yet: the guidance approved with the last message to them; empty where there was none."""
    return told[0].mailing.version.guidance if told else {}


def _concerning(rows: Iterable[dict], theirs: set[str]) -> list[dict]:
    return [row for row in rows if row["segment"] is None or row["segment"] in theirs]


def _behind_this(version: PageVersion | None) -> bool:
    return version is not None and version.content["visibility"] == Incident.Visibility.TOLD_ONLY


# In words -------------------------------------------------------------------------------------------------------

SETTLED = {StepState.State.VERIFIED: "checked by us", StepState.State.DONE_FOR_YOU: "done for you"}


def _steps(affected: AffectedAccount, rows: list[dict]) -> list[dict]:
    """Theirs to do in the order of urgency the writers gave, then what is settled."""
    states = {state.step_id: state for state in affected.step_states.all()}
    steps = [_step(row, states.get(row.get("id", 0))) for row in rows]
    return sorted(steps, key=lambda step: bool(step["settled"]))


def _step(row: dict, state: StepState | None) -> dict:
    settled = SETTLED.get(StepState.State(state.state), "") if state else ""
    return {
        "id": row.get("id"), "title": row["title"], "how": prose.html(row["how"]), "why": prose.line(row["why"]),
        "if_not": prose.line(row["if_not"]), "url": row["url"], "host": prose.host_of(row["url"]),
        "cut_off": _instant(row["cut_off"]), "due": _instant(row["due_at"]), "settled": settled,
        "ticked": state is not None and (bool(settled) or state.state == StepState.State.TICKED),
        "at": words.instant(state.at) if state else None,
    }  # fmt: skip


def _measures(rows: Iterable[dict]) -> tuple[list[dict], list[dict]]:
    """What we did, and what we promised and have not done yet."""
    done: list[dict] = []
    promised: list[dict] = []
    for row in rows:
        at = words.moment(row) if row.get("at") else None
        kind = promised if row["promised"] else done
        kind.append({"text": prose.line(row["text"]), "at": at, "due": _instant(row["due_at"])})
    return done, promised


def _update(update: dict) -> dict:
    correction = update["correction"]
    return {
        "phase": update["phase"], "phase_word": words.PHASES[update["phase"]], "at": words.said_at(update),
        "kind": {"correction": "Correction", "final": "Final update"}.get(update["kind"], ""),
        "body": prose.html(update["body"]),
        "correction": correction and {
            "what": correction["what"], "was": prose.html(correction["was"]), "now": prose.html(correction["now"]),
        },
    }  # fmt: skip


def _promised(guidance: dict) -> words.Said | None:
    """When the page promises its next update; nothing once the incident is over."""
    return _instant(guidance.get("next_update_by")) if Incident(phase=guidance.get("phase", "")).is_active else None


def _contact(row: dict) -> dict:
    value = row["value"]
    href = value if value.startswith("https://") else f"mailto:{value}" if "@" in value and " " not in value else ""
    return {"role": row["role"].capitalize(), "value": value, "label": row["label"], "href": href}


def _instant(text: str | None) -> words.Said | None:
    at = words.parse(text)
    return words.instant(at) if at else None
