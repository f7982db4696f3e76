"""What an approval is bound to: everything the page will say, as plain data, read from the rows once."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

from django.conf import settings
from django.db import models

from accounts import audit
from accounts.languages import ENGLISH
from accounts.models import Organisation
from incidents import timeline
from incidents.documents.copying import copied
from incidents.documents.translated import Translations
from incidents.models import Incident, Moment, PageVersion, ScopeEstimate, Update

FORMAT = 1
ORGANISATION = (
    "name", "legal_name", "mark", "domain", "sender", "security_email", "support_email", "press_email", "phone",
    "postal_address",
)  # fmt: skip
OF_THE_INCIDENT = (
    "slug", "title", "summary", "language", "visibility", "drill", "impact", "not_notified", "not_contacted_words",
    "next_update_by", "originally_posted_on", "told_through",
)  # fmt: skip
MOMENT = ("at", "precision", "zone", "utc_offset", "unknown_because")


def freeze(incident: Incident, *, drafts: bool = True, translations: Translations | None = None) -> dict:
    """Everything not held back. A draft update has no moment yet: `at` is null until it is said (see `said`).

    translations: for who wants to know afterwards which texts there are and what stands for each.
    """
    organisation = Organisation.get()
    told = translations or translations_of(incident, organisation, drafts=drafts)
    of_itself = told.of("incident", incident)
    updates = _updates(incident, told, drafts=drafts)
    frozen = {
        "format": FORMAT,
        **_plain(incident, OF_THE_INCIDENT), **of_itself,
        "phase": updates[0]["phase"] if updates else incident.phase,
        "organisation": freeze_organisation(organisation),
        "updates": updates,
        "events": _frozen(
            told, "events", timeline.in_order(_shown(incident.events)), "kind", "marks", "text", "until", "uncertain",
            "note", *MOMENT,
        ),
        "estimates": _estimates(incident, told),
        "segments": _frozen(told, "segments", _shown(incident.segments), "key", "name", "guidance"),
        "exposures": _of_segments(told, "exposures", incident.exposures, "data_class", "status", "note"),
        "steps": _of_segments(
            told, "steps", incident.steps, "id", "title", "how", "why", "if_not", "cut_off", "due_at", "url",
            "for_affected_only",
        ),
        "measures": _frozen(told, "measures", _shown(incident.measures), "text", "promised", "due_at", *MOMENT),
        "indicators": _frozen(told, "indicators", _shown(incident.indicators), "kind", "value", "note"),
        "faq": _frozen(told, "faq", _shown(incident.faq).exclude(answer=""), "question", "answer"),
        "contacts": _frozen(told, "contacts", _shown(incident.contacts), "role", "value", "label")
        or organisation.contacts,
        "references": _frozen(told, "references", _shown(incident.references), "url", "label"),
        "related": _related(incident),
    }  # fmt: skip
    if organisation.only_complete_languages and told.languages:
        frozen["languages"] = told.complete()
    return frozen


def translations_of(incident: Incident, organisation: Organisation, *, drafts: bool = True) -> Translations:
    """For `freeze` to fill."""
    return Translations.of_incident(incident, organisation.languages, drafts=drafts)


def freeze_organisation(organisation: Organisation) -> dict:
    """Languages only where there are others than English, and the readers' sign-in only where it is off: approvals
    from before there were any still hold.
    """
    frozen = _plain(organisation, ORGANISATION)
    frozen |= {"languages": organisation.languages} if organisation.languages != [ENGLISH] else {}
    return frozen | ({} if settings.READERS_SIGN_IN else {"readers_sign_in": False})


def content_hash(content: dict) -> str:
    """SHA-256 of the canonical JSON. Formatting of the database's jsonb does not enter it."""
    return hashlib.sha256(b"candor.content.v1\n" + audit.canonical(content).encode()).hexdigest()


def said(content: dict, at: datetime) -> dict:
    """The content after its drafts were said at this moment: what `freeze` answers once it is published."""
    content = copied(content)
    for update in content["updates"]:
        if not update.pop("is_published"):
            update.update(_of_moment(at) if update["at"] is None else {})
        update["is_published"] = True
    content["updates"].sort(key=_newest_first)
    return content


def _of_moment(at: datetime) -> dict:
    return {
        "at": _value(at.replace(microsecond=0)),
        "precision": "second",
        "zone": "UTC",
        "utc_offset": 0,
        "unknown_because": "",
    }


def _updates(incident: Incident, told: Translations, *, drafts: bool) -> list[dict]:
    shown = incident.updates.filter(models.Q(held_back=False) | models.Q(published_at__isnull=False))
    if not drafts:
        shown = shown.published()
    # Their numbers are their anchors: in the order in which they were published, so that no later one moves them.
    rows = sorted(
        shown.select_related("correction").prefetch_related("rewordings"),
        key=lambda update: (update.published_at or timeline.NEVER, update.pk),
    )
    numbers: dict[int | None, int] = {update.pk: number for number, update in enumerate(rows, start=1)}
    frozen = [_update(update, numbers, told) for update in rows]
    return sorted(frozen, key=_newest_first)


def _newest_first(update: dict) -> tuple:
    """Drafts before all; of two said at one moment the one published later."""
    at = update["at"]
    moment = -datetime.fromisoformat(at).timestamp() if at else 0.0
    return (at is not None, moment, -update["position"], -update["number"])


def _update(update: Update, numbers: dict[int | None, int], told: Translations) -> dict:
    frozen = _plain(update, ("kind", "phase", "said_elsewhere", "position", *MOMENT)) | {"body": update.shall_stand()}
    frozen |= {"number": numbers[update.pk], "is_published": update.published_at is not None, "correction": None}
    frozen |= told.of("updates", update, body=frozen["body"])
    correction = getattr(update, "correction", None)
    if correction is not None:
        frozen["correction"] = _plain(correction, ("subject", "what", "was", "now")) | told.of("correction", correction)
        frozen["correction"]["corrects"] = numbers.get(correction.corrects_id)
    return frozen


def _estimates(incident: Incident, told: Translations) -> list[dict]:
    rows: list[ScopeEstimate] = list(_shown(incident.estimates))
    numbers: dict[int | None, int] = {estimate.pk: number for number, estimate in enumerate(rows, start=1)}
    names = ("of_what", "bound", "value", "unit", "certainty", "words", "basis", *MOMENT)
    return [
        _plain(estimate, names)
        | {"number": numbers[estimate.pk], "revises": numbers.get(estimate.revises_id)}
        | told.of("estimates", estimate)
        for estimate in rows
    ]


def _related(incident: Incident) -> list[dict]:
    """Those that are public, by the title their page shows: never by one that is still a draft."""
    public = Incident.objects.published().filter(slug__in=incident.related)
    said = PageVersion.objects.filter(incident__in=public, cause__in=PageVersion.BY_A_PERSON)
    last = said.order_by("incident_id", "-number").distinct("incident_id").values_list("content", flat=True)
    shown = [content for content in last if content["visibility"] == "public"]
    return [
        {"slug": content["slug"], "title": content["title"]} | _of_another(content, incident.language)
        for content in sorted(shown, key=lambda content: content["slug"])
    ]


def _of_another(content: dict, language: str) -> dict:
    """What of its title differs from one in this language."""
    titles = {
        each: {"title": words["title"]} for each, words in content.get("translated", {}).items() if "title" in words
    }
    other = {"language": content["language"]} if content["language"] != language else {}
    return other | ({"translated": titles} if titles else {})


def _of_segments(told: Translations, section: str, rows: models.Manager, *names: str) -> list[dict]:
    """Rows for everyone affected or for one segment; what belongs to a segment held back is held back with it."""
    shown = _shown(rows).select_related("segment")
    return [
        _plain(row, names) | {"segment": row.segment.key if row.segment else None} | told.of(section, row)
        for row in shown
        if row.segment is None or not row.segment.held_back
    ]


def _shown(rows: models.Manager) -> models.QuerySet:
    return rows.filter(held_back=False)


def _frozen(told: Translations, section: str, rows: Iterable[models.Model], *names: str) -> list[dict]:
    return [_plain(row, names) | told.of(section, row) for row in rows]


def _plain(row: models.Model | Moment, names: Iterable[str]) -> dict:
    return {name: _value(getattr(row, name)) for name in names}


def _value(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, list):
        return list(value)
    return str(value) if isinstance(value, models.TextChoices) else value
