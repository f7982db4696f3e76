"""Taking words out of everything that was published: a secret or a name that should never have stood there.

The one exception to "what was published stays": the words go from rows and from the content of every version, the
documents of those versions go as a whole, their hashes stay, and a page says in their place that they were removed.
"""

import html
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Replace

from accounts import approvals, audit
from accounts.models import Approval, User
from incidents import documents
from incidents.documents import Telling, removed
from incidents.models import (
    Contact,
    Correction,
    Exposure,
    FAQEntry,
    Incident,
    Indicator,
    Measure,
    PageDocument,
    PageVersion,
    Redaction,
    Reference,
    Rewording,
    ScopeEstimate,
    Segment,
    Step,
    TimelineEvent,
    Translation,
    Update,
)
from incidents.publishing.outbox import finish_soon
from incidents.publishing.versions import last_said, latest, make_version, now

ACT = Approval.Act.PUBLISH
IN_THEIR_PLACE = "[removed]"
SHORTEST = 4  # characters: fewer would hit words by chance
ROWS: tuple[type[models.Model], ...] = (
    Update, TimelineEvent, ScopeEstimate, Segment, Exposure, Step, Measure, Indicator, FAQEntry, Contact, Reference,
)  # fmt: skip


class NothingToRemove(Exception):
    """The words do not stand in anything that was published, or are too short; the message says which."""


def open_redaction(incident: Incident) -> Redaction | None:
    return incident.redactions.filter(ended_at=None).select_related("asked_by").first()


def versions_with(incident: Incident, words: str) -> list[int]:
    """Numbers of the page versions that say these words."""
    rows = incident.page_versions.order_by("number").values_list("number", "content").iterator(chunk_size=20)
    return [number for number, content in rows if _says(content, words)]


@transaction.atomic
def ask(incident: Incident, *, words: str, because: str, by: User, at: datetime | None = None) -> Redaction:
    """Ask another person for a yes to take these words out. An earlier request ends. Raises NothingToRemove."""
    at, words = at or now(), words.strip()
    if len(words) < SHORTEST:
        raise NothingToRemove(f"Write at least {SHORTEST} characters: fewer would hit other words by chance.")
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    numbers = versions_with(incident, words)
    if not numbers:
        raise NothingToRemove("No version of the page says exactly this. Copy the words as they were typed.")
    incident.redactions.filter(ended_at=None).update(ended_at=at, words="")
    made = Redaction.objects.create(incident=incident, words=words, because=because, asked_by=by, asked_at=at)
    approvals.ask(
        act=ACT, thing=made, hashes={"redaction": _hash(made)}, by=by, at=at, incident=incident.pk,
        summary=f"Take words out of {len(numbers)} version{'' if len(numbers) == 1 else 's'} of “{incident.title}”",
        page=f"/staff/{incident.slug}/redact/",
    )  # fmt: skip
    return made


@transaction.atomic
def carry_out(redaction: Redaction, *, by: User, at: datetime | None = None) -> PageVersion:
    """Take them out, as approved; the version that stands there from now on. Files change after the commit.

    Raises NotApproved (accounts.approvals) or NothingToRemove, and has then changed nothing.
    """
    at = at or now()
    incident = Incident.objects.select_for_update(no_key=True).get(pk=redaction.incident_id)
    redaction = Redaction.objects.select_for_update().get(pk=redaction.pk)
    approved = last_said(incident)
    if redaction.ended_at or approved is None:
        raise NothingToRemove("This was done or withdrawn already.")
    approval = approvals.use(act=ACT, thing=redaction, hashes={"redaction": _hash(redaction)}, at=at)
    words, telling = redaction.words, Telling.of(latest(incident).telling)  # type: ignore[union-attr]
    content = _without(documents.said(approved.content, approved.made_at), words)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL candor.redacting = 'on'")
        _from_rows(incident, words)
        gone = _from_versions(incident, words, at)
        cursor.execute("SET LOCAL candor.redacting = 'off'")
    approvals.void(act=ACT, thing=incident, because="Words were taken out of the incident", by=by, at=at)
    version = make_version(
        incident, content=content, telling=telling, cause=PageVersion.Cause.REDACTED, at=at, said_at=approved.made_at,
        by=by, approval=approval, beside=removed.in_place_of(content, gone, at),
    )  # fmt: skip
    Redaction.objects.filter(pk=redaction.pk).update(words="", ended_at=at, version=version)
    for one in gone:
        audit.record(act="page.redacted", thing=one, by=by, at=at, incident=incident.pk, number=one.number,
                     because=redaction.because, approval=approval.pk)  # fmt: skip
    audit.record(act="page.published_without", thing=version, by=by, at=at, incident=incident.pk,
                 number=version.number, content=version.content_hash, documents=version.hash,
                 approval=approval.pk)  # fmt: skip
    transaction.on_commit(finish_soon)
    return version


def _hash(redaction: Redaction) -> str:
    return documents.content_hash(
        {"incident": redaction.incident_id, "words": redaction.words, "because": redaction.because}
    )


def _says(content: Any, words: str) -> bool:
    match content:
        case str():
            return words in content
        case dict():
            return any(_says(value, words) for value in content.values())
        case list():
            return any(_says(value, words) for value in content)
    return False


def _without(content: Any, words: str) -> Any:
    match content:
        case str():
            return content.replace(words, IN_THEIR_PLACE)
        case dict():
            return {key: _without(value, words) for key, value in content.items()}
        case list():
            return [_without(value, words) for value in content]
    return content


def _from_rows(incident: Incident, words: str) -> None:
    _replace(Incident.objects.filter(pk=incident.pk), words)
    for model in ROWS:
        _replace(model._default_manager.filter(incident=incident), words)
    for model in (Correction, Rewording):
        _replace(model._default_manager.filter(update__incident=incident), words)
    _replace(Translation.objects.filter(incident=incident), words, only=("of", "words"))


def _replace(rows: models.QuerySet, words: str, *, only: Iterable[str] = ()) -> None:
    """In every text people typed; keys, choices and the address stay. only: names of the texts, where some are keys."""
    for field in rows.model._meta.fields:
        if (
            (not only or field.name in only)
            and isinstance(field, models.CharField | models.TextField)
            and not (field.choices or isinstance(field, models.SlugField))
        ):
            found = rows.filter(**{f"{field.name}__contains": words})
            found.update(**{field.name: Replace(F(field.name), Value(words), Value(IN_THEIR_PLACE))})


def _from_versions(incident: Incident, words: str, at: datetime) -> list[PageVersion]:
    """The versions that said it, their content without the words, their documents gone."""
    gone = []
    for version in incident.page_versions.order_by("number").iterator(chunk_size=20):
        if _says(version.content, words):
            version.content, version.redacted_at = _without(version.content, words), at
            version.save(update_fields=["content", "redacted_at"])
            gone.append(version)
    PageDocument.objects.filter(version__in=gone, body__isnull=False).update(body=None)
    _from_documents_of_the_site(words)
    return gone


def _from_documents_of_the_site(words: str) -> None:
    """Index, feeds and API of every site version that spoke of it."""
    for form in _as_written(words):
        PageDocument.objects.filter(version__incident=None, body__isnull=False).extra(  # noqa: S610  (a parameter)
            where=["position(%s::bytea in body) > 0"], params=[form]
        ).update(body=None)


def _as_written(words: str) -> Iterable[bytes]:
    """The words as documents of different kinds write them."""
    forms = {words, html.escape(words), html.escape(words, quote=False), json.dumps(words, ensure_ascii=False)[1:-1]}
    return [form.encode() for form in sorted(forms)]
