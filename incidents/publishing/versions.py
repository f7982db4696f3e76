"""PageVersions: immutable rows with their documents, the outbox of the site folder."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from accounts import audit
from accounts.models import Approval, Organisation, User
from incidents import documents
from incidents.documents import Edition, Shown, Telling
from incidents.documents.places import narrowed, switched_on
from incidents.documents.site import expires
from incidents.models import Incident, PageDocument, PageVersion
from incidents.site_folder import content_type

NEWEST = 50  # incidents whose updates the feeds and the API speak of
OF_A_LINE = (
    "slug", "title", "summary", "phase", "next_update_by", "originally_posted_on", "language", "visibility",
    "translated", "languages",
)  # fmt: skip
WHEN = ("at", "precision", "zone", "utc_offset", "unknown_because", "position", "number", "is_published")
SITE_KEPT = 10  # versions of the site's own documents whose bytes stay
SITE_NUMBERS = 0x43414E53  # advisory lock, held until commit: versions of the site's own documents, one at a time


@dataclass(frozen=True)
class OnTheSite:
    """A page that stands on the site: its line on index, history and sitemap, and when it spoke last."""

    pk: int
    made_at: datetime
    line: dict
    spoke_at: datetime


def latest(incident: Incident) -> PageVersion | None:
    return incident.page_versions.order_by("-number").first()


def last_said(incident: Incident) -> PageVersion | None:
    """The last version a person published; versions the system made since repeat its content."""
    return incident.page_versions.filter(cause__in=PageVersion.BY_A_PERSON).order_by("-number").first()


def edition(incident: Incident, *, at: datetime, said_at: datetime, preview: bool = False) -> Edition:
    earlier = tuple(incident.page_versions.order_by("-number").values_list("number", "made_at"))
    number = earlier[0][0] + 1 if earlier else 1
    return Edition(number=number, at=at, said_at=said_at, earlier=earlier, preview=preview)


def make_version(
    incident: Incident,
    *,
    content: dict,
    telling: Telling,
    cause: str,
    at: datetime,
    said_at: datetime,
    by: User | None = None,
    approval: Approval | None = None,
    beside: dict[str, bytes] | None = None,
    refresh: bool = True,
) -> PageVersion:
    """The next version of an incident's page, and of the site's documents where these change. Needs the incident's
    row lock: it makes the numbers follow each other.

    beside: documents that come with it, unless it has its own of that path. refresh: false where whoever makes many
    refreshes the site once, at the end.
    """
    edition_ = edition(incident, at=at, said_at=said_at)
    made = {**(beside or {}), **rendered(content, telling=telling, version=edition_)}
    version = _save(
        made, incident=incident, number=edition_.number, content=content,
        content_hash=documents.content_hash(content), telling=telling.as_dict(), cause=cause, made_at=at, by=by,
        approval=approval,
    )  # fmt: skip
    if refresh and content["visibility"] == Incident.Visibility.PUBLIC:
        refresh_site(at=at)
    return version


def rendered(content: dict, *, telling: Telling, version: Edition) -> dict[str, bytes]:
    """Its documents, in those of its languages that are still switched on."""
    return documents.render(narrowed(content, Organisation.get().languages), telling=telling, version=version)


def refresh_site(*, at: datetime) -> PageVersion | None:
    """A new version of index, history and the rest; None when not a byte of them changes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SITE_NUMBERS])
    last = PageVersion.objects.filter(incident=None).order_by("-number").first()
    state = site_state(at, last)
    on_the_site = _on_the_site()
    made = documents.render_site(
        published=((each.line, each.made_at) for each in on_the_site), newest=_newest(on_the_site),
        organisation=state["organisation"], at=at, switched_off=state.get("switched_off", ()),
    )  # fmt: skip
    if last and last.hash == hash_of(made):
        return None
    version = _save(
        made, incident=None, number=last.number + 1 if last else 1, content=state,
        content_hash=documents.content_hash(state), cause=PageVersion.Cause.SITE, made_at=at, announced_at=at,
    )  # fmt: skip
    _forget_superseded(version.number, made)
    return version


def _forget_superseded(number: int, newest: Iterable[str]) -> None:
    """Of the site's own documents, which every publication makes anew, the bytes of the last versions are kept, and
    what pages of long ago link to. What an incident's page said that day stands in that incident's versions.
    """
    superseded = PageVersion.objects.filter(incident=None, number__lte=number - SITE_KEPT)
    linked = Q(path__startswith="assets/") & ~Q(path__in=list(newest))
    PageDocument.objects.filter(~linked, version__in=superseded, body__isnull=False).update(body=None)


def site_state(at: datetime, last: PageVersion | None) -> dict:
    """What the site's documents depend on besides the incidents; a change of it calls for new ones."""
    organisation = documents.freeze_organisation(Organisation.get())
    return _switched_off(last, organisation) | {
        "organisation": organisation,
        "expires": expires(at).isoformat(),
        "assets": sorted(documents.assets.files()),
        "overdue": sorted(_overdue(at).values_list("slug", flat=True)),
        "documents": 3,  # one more whenever there are others than before
    }


def _switched_off(last: PageVersion | None, organisation: dict) -> dict:
    """Languages in which pages stood before and do not any more."""
    if last is None:
        return {}
    before = {*switched_on(last.content["organisation"])[1:], *last.content.get("switched_off", ())}
    gone = sorted(before - set(switched_on(organisation)))
    return {"switched_off": gone} if gone else {}


def site_is_stale(at: datetime) -> bool:
    """The organisation's row, a stylesheet or the month changed since the site's documents were made."""
    last = PageVersion.objects.filter(incident=None).order_by("-number").only("content").first()
    return Organisation.objects.exists() and (last is None or last.content != site_state(at, last))


def promises_passed(at: datetime) -> QuerySet[Incident]:
    """Those whose page still promises an update for a moment that has passed since the page was made."""
    shown_at = PageVersion.objects.filter(incident=OuterRef("pk")).order_by("-number").values("made_at")[:1]
    since_shown = Incident.objects.alias(shown_at=Subquery(shown_at), promised=_promised())
    return since_shown.filter(_OWES_AN_UPDATE, promised__lte=at, promised__gt=F("shown_at"))


def _overdue(at: datetime) -> QuerySet[Incident]:
    """The public ones whose card on the index says that an update is overdue."""
    return Incident.objects.published().alias(promised=_promised()).filter(_OWES_AN_UPDATE, promised__lte=at)


_OWES_AN_UPDATE = Q(first_published_at__isnull=False) & ~Q(phase__in=Incident.CLOSED)


def _promised() -> Subquery:
    """Until when the page promises an update, of the incident asked about."""
    said = PageVersion.objects.filter(incident=OuterRef("pk"), cause__in=PageVersion.BY_A_PERSON).order_by("-number")
    return Subquery(said.annotate(until=Cast(KT("content__next_update_by"), DateTimeField())).values("until")[:1])


def _on_the_site() -> list[OnTheSite]:
    """What each public incident shows now, as a person published it. From what was approved, never from rows.

    Content is unpacked once a version: each name asked for by itself would unpack all of it again.
    """
    said = PageVersion.objects.filter(cause__in=PageVersion.BY_A_PERSON, incident__drill=False)
    # Asked by itself: in one query the planner may look into the content of every version there ever was.
    last = list(said.order_by("incident_id", "-number").distinct("incident_id").values_list("pk", flat=True))
    columns = ", ".join(f"{name} jsonb" for name in (*OF_A_LINE, "updates", "organisation"))
    lines = ", ".join(f"content.{name}" for name in OF_A_LINE)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT version.id, version.made_at, content.updates -> 0, content.updates -> -1,
                   content.organisation -> 'languages', {lines}
            FROM incidents_pageversion version, jsonb_to_record(version.content) AS content ({columns})
            WHERE version.id = ANY(%s) AND content.visibility = '"public"'
            """,  # noqa: S608  # names of our own
            [last],
        )
        return [_one(pk, at, *(said and json.loads(said) for said in values)) for pk, at, *values in cursor]


def _one(pk: int, made_at: datetime, newest: dict | None, first: dict | None, languages: list | None,
         *values: Any) -> OnTheSite:  # fmt: skip
    # When they were said and nothing else: each line is copied for each language.
    said = [{name: update.get(name) for name in WHEN} for update in (newest, first) if update]
    line = dict(zip(OF_A_LINE, values, strict=True))
    line |= {"updates": [update | {"correction": None} for update in said], "organisation": {"languages": languages}}
    # A draft had no moment when it was frozen; it was said when its version was made.
    at = newest and newest.get("at")
    return OnTheSite(pk=pk, made_at=made_at, line=line, spoke_at=datetime.fromisoformat(at) if at else made_at)


def _newest(on_the_site: list[OnTheSite]) -> Iterator[Shown]:
    """Whole: those that spoke last, and every unresolved one."""
    by_time = sorted(on_the_site, key=lambda each: (-each.spoke_at.timestamp(), each.pk))
    wanted = by_time[:NEWEST] + [each for each in by_time[NEWEST:] if each.line["phase"] not in documents.words.CLOSED]
    telling = PageVersion.objects.filter(incident=OuterRef("incident")).order_by("-number").values("telling")[:1]
    whole = PageVersion.objects.annotate(shown_telling=Subquery(telling)).in_bulk([each.pk for each in wanted])
    for version in (whole[each.pk] for each in wanted):
        yield Shown.of(version.content, version.made_at, Telling.of(version.shown_telling))


def _save(made: dict[str, bytes], **fields: object) -> PageVersion:
    version = PageVersion.objects.create(hash=hash_of(made), **fields)
    PageDocument.objects.bulk_create(
        PageDocument(version=version, path=path, content_type=content_type(path), sha256=_sha256(body), body=body)
        for path, body in made.items()
    )
    return version


def hash_of(made: dict[str, bytes]) -> str:
    """SHA-256 over the paths and hashes of its documents."""
    return _sha256(audit.canonical({path: _sha256(body) for path, body in made.items()}).encode())


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def now() -> datetime:
    return datetime.now(UTC)
