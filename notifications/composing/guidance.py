"""What the incident says to affected people, frozen with a notice version, and how their part of it reads."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format

from accounts.models import Address, Organisation
from incidents.models import AffectedAccount, Incident, Measure
from notifications.composing import conditions, languages
from notifications.composing.words import FIXED, MOMENTS, Said
from notifications.models import NoticeVersion

Guidance = dict
Facts = dict


def freeze_guidance(incident: Incident) -> Guidance:
    """Exposures, steps, measures, contacts and who we are, as they stand now: JSON-able, and all a message needs."""
    organisation = Organisation.get()
    return {
        "organisation": {
            "name": organisation.name,
            "domain": organisation.domain,
            "security_email": organisation.security_email,
        },
        "page": _page(incident),
        "written_in": incident.language,
        "segments": [
            {"key": segment.key, "name": segment.name, "guidance": segment.guidance}
            for segment in incident.segments.filter(held_back=False)
        ],
        "exposures": [
            {
                "segment": exposure.segment.key if exposure.segment else None,
                "data_class": exposure.data_class,
                "status": exposure.status,
                "note": exposure.note,
            }
            for exposure in incident.exposures.filter(held_back=False).select_related("segment")
        ],
        "steps": [
            {
                "id": step.pk,
                "segment": step.segment.key if step.segment else None,
                "title": step.title,
                "how": step.how,
                "why": step.why,
                "if_not": step.if_not,
                "cut_off": _iso(step.cut_off),
                "due_at": _iso(step.due_at),
                "url": step.url,
            }
            for step in incident.steps.filter(held_back=False).select_related("segment")
        ],
        "measures": [_measure(measure) for measure in incident.measures.filter(held_back=False)],
        "contacts": [
            {"role": contact.role, "value": contact.value, "label": contact.label}
            for contact in incident.contacts.filter(held_back=False)
        ]
        or organisation.contacts,
    }


def _page(incident: Incident) -> str:
    """The public page's address; empty where there is none for everyone to open."""
    if incident.visibility != Incident.Visibility.PUBLIC:
        return ""
    return f"{settings.PUBLIC_BASE_URL}/incidents/{incident.slug}/"


def _measure(measure: Measure) -> dict:
    return {"text": measure.text, "promised": measure.promised, "due_at": _iso(measure.due_at)}


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


# One affected account -------------------------------------------------------------------------------------------


def merge_facts(affected: AffectedAccount, version: NoticeVersion, *, address: Address | None = None) -> Facts:
    """What a message needs to know about one affected account, to be frozen in its Recipient.

    Needs `account` and `segments` at hand. account: its id, or where it has none the masked address. language: the
    one of the version's they are written to in. jurisdictions: those it asks for and they are in; most ask for none.
    """
    account = affected.account
    known = {segment["key"] for segment in version.guidance["segments"]}
    language = languages.best(account.locale, version.languages, version.language)
    theirs = jurisdictions_asked(version, language, account.jurisdiction)
    return {
        "language": language,
        **({"jurisdictions": theirs} if theirs else {}),
        "account": account.external_id or (masked(address.value) if address else ""),
        "name": account.name,
        "segments": sorted(segment.key for segment in affected.segments.all() if segment.key in known),
        "facts": affected.facts,
    }


def jurisdictions_asked(version: NoticeVersion, language: str, jurisdiction: str) -> list[str]:
    """Those the text in this language asks for, of somebody who is in this one."""
    return conditions.within(jurisdiction, conditions.jurisdictions_named(version.text_in(language)[1]))


def masked(address: str) -> str:
    """o…@northwind.example: enough for its owner to know it, too little for anyone else."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…{at}{domain}"


# Their part of the guidance, as Markdown ------------------------------------------------------------------------


def blocks(guidance: Guidance, segments: Iterable[str]) -> dict[str, str]:
    """The Markdown of each block variable for people in these segments; empty where there is nothing to say.

    All in the language the incident is written in, fixed words and dates as well: no sentence is half translated.
    """
    theirs = set(segments)
    said = FIXED[languages.spoken(written_in(guidance))]

    def concerns(row: dict) -> bool:
        return row["segment"] is None or row["segment"] in theirs

    statuses = worst_by_data_class(filter(concerns, guidance["exposures"]))
    return {
        "exposed": _bullets(_exposed(row, said) for row in statuses if row["status"] != "ruled_out"),
        "not_exposed": _bullets(_exposed(row, said) for row in statuses if row["status"] == "ruled_out"),
        "segment_guidance": "\n\n".join(
            row["guidance"] for row in guidance["segments"] if row["key"] in theirs and row["guidance"]
        ),
        "steps": _numbered(_step(row, said) for row in guidance["steps"] if concerns(row)),
        "measures": _bullets(_done(row, said) for row in guidance["measures"]),
        "contacts": _bullets(_contact(row, said) for row in guidance["contacts"]),
    }


def written_in(guidance: Guidance) -> str:
    """The language of the incident's own words."""
    return guidance.get("written_in") or guidance.get("language", "en")


def worst_by_data_class(exposures: Iterable[dict]) -> list[dict]:
    """One row for each data class: what is worst among somebody's segments holds for them."""
    order = ["confirmed", "possible", "ruled_out"]
    worst: dict[str, dict] = {}
    for row in exposures:
        held = worst.get(row["data_class"])
        if held is None or order.index(row["status"]) < order.index(held["status"]):
            worst[row["data_class"]] = row
    return sorted(worst.values(), key=lambda row: order.index(row["status"]))


def _exposed(row: dict, said: Said) -> str:
    words = plain(row["data_class"])
    if row["status"] == "possible":
        words = said["possibly"].format(words)
    return f"{words}: {plain(row['note'])}" if row["note"] else words


def _step(row: dict, said: Said) -> str:
    title = plain(row["title"].rstrip("."))
    cut_off = f" {said['cut_off'].format(_moment(row['cut_off'], said))}" if row["cut_off"] else ""
    parts = [f"**{title}.**{cut_off}"]
    if row["due_at"]:
        parts.append(said["due"].format(_moment(row["due_at"], said)))
    parts += [row["how"], row["why"]]
    if row["if_not"]:
        parts.append(said["if_not"].format(row["if_not"]))
    if row["url"]:
        parts.append(f"<{row['url']}>")
    return "\n\n".join(part for part in parts if part)


def _done(row: dict, said: Said) -> str:
    if not row["promised"]:
        return row["text"]
    if not row["due_at"]:
        return said["promised"].format(row["text"])
    return said["promised_for"].format(row["text"], _moment(row["due_at"], said))


def _contact(row: dict, said: Said) -> str:
    value = row["value"]
    reach = f"<{value}>" if re.fullmatch(r"[^\s<>@]+@[^\s<>@]+|https?://[^\s<>]+", value) else plain(value)
    role = said.get(f"role {row['role'].lower()}") or row["role"].capitalize()
    return f"{plain(row['label'] or role)}: {reach}"


def _moment(iso: str | None, said: Said) -> str:
    moment = datetime.fromisoformat(iso or "")
    with translation.override(said["language"]):
        return f"{date_format(moment, MOMENTS[said['language']])}, {moment:%H:%M} UTC"


def _bullets(items: Iterable[str]) -> str:
    return _list(items, lambda number: "- ")


def _numbered(items: Iterable[str]) -> str:
    return _list(items, lambda number: f"{number}. ")


def _list(items: Iterable[str], marker: Callable[[int], str]) -> str:
    return "\n".join(_item(marker(number), item) for number, item in enumerate(items, 1))


def _item(marker: str, markdown: str) -> str:
    first, *rest = markdown.replace("\r\n", "\n").split("\n")
    return "\n".join([marker + first, *(" " * len(marker) + line if line else "" for line in rest)])


_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~&])|^(\d+)(?=[.)])")


def plain(words: str) -> str:
    """Words that are no Markdown, made to come out as they are."""
    flat = " ".join(words.split())
    return _MARKS.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\", flat)
