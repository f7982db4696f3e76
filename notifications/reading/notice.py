"""The personal notice: the latest approved words about one affected account, whatever was said to them before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.languages import ENGLISH, own_name
from incidents import documents, prose, publishing
from incidents.documents import foreign, sections, words
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
    untranslated: str
    """The language that some of the words above are still in, by its own name; empty where none are."""

    @property
    def acknowledged_on(self) -> words.Said | None:
        return words.on_day(self.acknowledged_at.date().isoformat()) if self.acknowledged_at else None


def personal_notice(opened: Opened | ReaderLink) -> PersonalNotice:
    """Four queries beside the link's own, however many are affected. In the language that is active."""
    affected = opened.affected_account
    version = last_said(affected.incident)
    told = sent.recipients_of(affected)
    guidance = version.content if version else _as_told(told)
    theirs = set(affected.segments.values_list("key", flat=True))
    guidance, untranslated = _in_our_language(_for_them(guidance, version, theirs))
    updates, rows = guidance["updates"], guidance["exposures"]
    ruled_out = affected.certainty == AffectedAccount.Certainty.RULED_OUT
    steps = [] if ruled_out else _steps(affected, guidance["steps"])
    values, tables = facts.split({} if ruled_out else affected.facts, mask=True)
    measures = sections.measures(guidance["measures"])
    page = sent.public_page(version)
    return PersonalNotice(
        concerns=facts.concerns(affected.account, opened.address), certainty=affected.certainty, ruled_out=ruled_out,
        acknowledged_at=affected.acknowledged_at,
        title=guidance["title"], summary=guidance["summary"],
        phase=guidance["phase"], phase_word=words.PHASES.get(guidance["phase"], ""),
        steps=steps, steps_to_tick=any(step["id"] and not step["settled"] for step in steps),
        exposed=[row for row in rows if row["status"] == "confirmed" and not ruled_out],
        possibly=[row for row in rows if row["status"] == "possible" and not ruled_out],
        not_exposed=[row for row in rows if row["status"] == "ruled_out" and not ruled_out],
        known=values, tables=tables,
        segment_guidance=[] if ruled_out else [
            sections.blocks(segment["guidance"]) for segment in guidance["segments"] if segment["guidance"]
        ],
        measures=measures["measures"], promises=measures["promises"],
        updates=[_update(update) for update in updates],
        updated=words.said_at(updates[0]) if updates else None, next_update_by=_promised(guidance),
        contacts=sections.contacts(guidance),
        messages=[sent.as_sent(recipient) for recipient in told], page=page,
        page_behind_this=_behind_this(version), untranslated=untranslated,
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


def _for_them(guidance: dict, version: PageVersion | None, theirs: set[str]) -> dict:
    """Of what was said, what concerns them and is shown here."""
    updates = documents.said(guidance, version.made_at)["updates"][:UPDATES_SHOWN] if version else []
    return {
        **{name: guidance.get(name, "") for name in ("title", "summary", "phase")},
        "language": guidance.get("language") or guidance.get("written_in") or ENGLISH,
        "next_update_by": guidance.get("next_update_by"), "updates": updates,
        "exposures": worst_by_data_class(_concerning(guidance.get("exposures", []), theirs)),
        "steps": _concerning(guidance.get("steps", []), theirs),
        "segments": [segment for segment in guidance.get("segments", []) if segment["key"] in theirs],
        "measures": [MEASURE | row for row in guidance.get("measures", [])], "contacts": guidance.get("contacts", []),
        "translated": guidance.get("translated", {}),
    }  # fmt: skip


MEASURE = {"at": None}  # a notice freezes no moment with a measure


def _in_our_language(guidance: dict) -> tuple[dict, str]:
    """As the page for everyone says it in the language that is active, and the language of what is not translated."""
    written_in, language = guidance["language"], translation.get_language()
    if written_in == language:
        return guidance, ""
    guidance = foreign.in_language(guidance, language)
    original, _anything = foreign.in_the_original(guidance)
    return guidance, own_name(written_in) if original else ""


def _behind_this(version: PageVersion | None) -> bool:
    return version is not None and version.content["visibility"] == Incident.Visibility.TOLD_ONLY


# In words -------------------------------------------------------------------------------------------------------

SETTLED: dict[StepState.State, Promise] = {
    StepState.State.VERIFIED: _("checked by us"), StepState.State.DONE_FOR_YOU: _("done for you"),
}  # fmt: skip


def _steps(affected: AffectedAccount, rows: list[dict]) -> list[dict]:
    """Theirs to do in the order of urgency the writers gave, then what is settled."""
    states = {state.step_id: state for state in affected.step_states.all()}
    steps = [_step(row, states.get(row.get("id", 0))) for row in rows]
    return sorted(steps, key=lambda step: bool(step["settled"]))


def _step(row: dict, state: StepState | None) -> dict:
    settled = str(SETTLED.get(StepState.State(state.state), "")) if state else ""
    return {
        "id": row.get("id"), "title": row["title"], "how": sections.blocks(row["how"]),
        "why": sections.line(row["why"]), "if_not": sections.line(row["if_not"]),
        "url": row["url"], "host": prose.host_of(row["url"]),
        "cut_off": sections.instant(row["cut_off"]), "due": sections.instant(row["due_at"]), "settled": settled,
        "ticked": state is not None and (bool(settled) or state.state == StepState.State.TICKED),
        "at": words.instant(state.at) if state else None,
    }  # fmt: skip


def _update(update: dict) -> dict:
    correction = update["correction"]
    return {
        "phase": update["phase"], "phase_word": words.PHASES[update["phase"]], "at": words.said_at(update),
        "kind": words.UPDATES.get(update["kind"], ""), "body": sections.blocks(update["body"]),
        "correction": correction and sections.correction(update),
    }  # fmt: skip


def _promised(guidance: dict) -> words.Said | None:
    """When the page promises its next update; nothing once the incident is over."""
    return sections.instant(guidance["next_update_by"]) if Incident(phase=guidance["phase"]).is_active else None
