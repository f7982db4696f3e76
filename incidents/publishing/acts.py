"""A person says something in public: ask, be approved, publish."""

from datetime import datetime

from django.db import transaction

from accounts import approvals, audit
from accounts.models import Approval, Organisation, User
from incidents import documents, rewording
from incidents.documents import Telling
from incidents.models import Incident, PageVersion, Rewording
from incidents.publishing.obstacles import Problem, problems
from incidents.publishing.outbox import finish_soon
from incidents.publishing.versions import edition, last_said, latest, make_version, now

ACT = Approval.Act.PUBLISH


class NotReady(Exception):
    """Something on the page is missing or untrue; `problems` says what, in words."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(map(str, problems)))
        self.problems = problems


class DrillStaysInside(Exception):
    """A drill is never published."""


class NothingNew(Exception):
    """The page already says exactly this."""


def ask(incident: Incident, *, by: User, minor: bool = False, at: datetime | None = None) -> Approval:
    """Ask another person for a yes to exactly what stands there now. Raises NotReady, NothingNew, DrillStaysInside.

    minor: as a minor edit, which nobody is told of; update drafts wait. Raises NotMinor (rewording) where more changed.
    """
    at = at or now()
    content = _to_be_said(incident, minor=minor, at=at)
    reach = "to everyone" if incident.visibility == Incident.Visibility.PUBLIC else "to those who are told"
    what = f"Publish “{incident.title}” {reach}"
    if minor:
        what = f"Mend wording of “{incident.title}”; nobody is told"
    elif only_translated(incident, content):
        what = f"Add translations to “{incident.title}”; nobody is told"
    authors = Rewording.objects.filter(update__incident=incident, published_at=None).values_list(
        "written_by", flat=True
    )
    updates = incident.updates.drafts().filter(held_back=False, written_by__isnull=False)
    translations = incident.translations.filter(published_at=None, written_by__isnull=False)
    drafts = [] if minor else [updates, translations]
    return approvals.ask(
        act=ACT, thing=incident, hashes=hashes_of(content, minor=minor), by=by, at=at, summary=what,
        page=f"/staff/{incident.slug}/publish/", incident=incident.pk,
        authors={*authors, *(author for rows in drafts for author in rows.values_list("written_by", flat=True))},
    )  # fmt: skip


def hashes_of(content: dict, *, minor: bool) -> dict[str, str]:
    """What a yes is bound to: the content and, for a minor edit, that nobody is told of it."""
    hashed = documents.content_hash(content)
    return {"content": hashed, "minor": hashed} if minor else {"content": hashed}


def is_minor(approval: Approval | None) -> bool:
    """It was asked for as a minor edit."""
    return approval is not None and "minor" in approval.hashes


def still_stands(approval: Approval, incident: Incident) -> bool:
    """What this request asked about is what stands in the room now."""
    minor = is_minor(approval)
    return approval.hashes == hashes_of(documents.freeze(incident, drafts=not minor), minor=minor)


@transaction.atomic
def publish(incident: Incident, *, by: User, at: datetime | None = None) -> PageVersion:
    """Publish what was approved, as what it was approved. Files are written after the commit, then `published` is sent,
    but for a minor edit.

    Raises NotApproved (accounts.approvals), NotReady, NothingNew, NotMinor (rewording) or DrillStaysInside; then
    nothing has changed.
    """
    at = at or now()
    # Not FOR UPDATE: whoever holds the log's lock and wrote a row of this incident could then never commit.
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    minor = is_minor(approvals.living(ACT, incident))
    # Locked before they are read: what was approved is what gets its moment.
    waiting = incident.updates.drafts().filter(held_back=False).select_for_update(of=("self",), no_key=True)
    drafts = [] if minor else list(waiting)
    reworded = list(Rewording.objects.filter(update__incident=incident, published_at=None).select_for_update())
    translated = [] if minor else list(incident.translations.filter(published_at=None).select_for_update(no_key=True))
    content = _to_be_said(incident, minor=minor, at=at)
    only_words = not minor and only_translated(incident, content)
    approval = approvals.use(act=ACT, thing=incident, hashes=hashes_of(content, minor=minor), at=at)
    for draft in drafts:
        draft.published_at = at
        if draft.at is None:
            draft.at, draft.precision, draft.zone, draft.utc_offset = at.replace(microsecond=0), "second", "UTC", 0
            draft.unknown_because = ""
        draft.save()
    Rewording.objects.filter(pk__in=[one.pk for one in reworded]).update(published_at=at)
    if translated:
        filled = documents.translations_of(incident, Organisation.get())
        documents.freeze(incident, translations=filled)
        incident.translations.filter(pk__in=filled.counting, published_at=None).update(published_at=at)
    _follow(incident, content["phase"], at)
    cause = PageVersion.Cause.EDITED if minor else PageVersion.Cause.PUBLISHED
    cause = PageVersion.Cause.TRANSLATED if only_words else cause
    version = make_version(
        incident, content=content, telling=Telling.of(incident.telling), cause=cause, at=at, said_at=at, by=by,
        approval=approval,
    )  # fmt: skip
    audit.record(act=f"page.{cause.value}", thing=version, by=by, at=at, incident=incident.pk,
                 number=version.number, content=version.content_hash, documents=version.hash,
                 approval=approval.pk)  # fmt: skip
    transaction.on_commit(finish_soon)
    return version


def _to_be_said(incident: Incident, *, minor: bool, at: datetime) -> dict:
    """The content, frozen, after all that could stand in its way."""
    if not minor:
        may_be_said(incident, at)
        content = documents.freeze(incident)
    else:
        content = documents.freeze(incident, drafts=False)
        rewording.refuse_more(_stands(incident), content)
    _is_news(incident, content)
    return content


def only_translated(incident: Incident, content: dict) -> bool:
    """Against what the page shows only its translations differ, or the languages it stands in: no news to anybody."""
    stands = _stands(incident)
    return bool(stands) and documents.original(stands) == documents.original(content)


def may_be_minor(incident: Incident) -> bool:
    """What would change on the page, update drafts aside, is wording alone."""
    content = documents.freeze(incident, drafts=False)
    try:
        rewording.refuse_more(_stands(incident), content)
    except rewording.NotMinor:
        return False
    return not shows(incident, content)


def _stands(incident: Incident) -> dict:
    """Frozen content as the page shows it; empty before anything was published."""
    last = last_said(incident)
    return documents.said(last.content, last.made_at) if last else {}


def may_be_said(incident: Incident, at: datetime) -> None:
    """Raises DrillStaysInside or NotReady."""
    if incident.drill:
        raise DrillStaysInside("This is a drill: it is never published. Its preview shows what the page would say.")
    if found := problems(incident, at=at):
        raise NotReady(found)


def _is_news(incident: Incident, content: dict) -> None:
    if shows(incident, content):
        version = latest(incident)
        raise NothingNew(f"Version {version.number if version else ''} of the page already says exactly this.")


def shows(incident: Incident, content: dict) -> bool:
    """The page already shows this content."""
    return _stands(incident) == content


def _follow(incident: Incident, phase: str, at: datetime) -> None:
    """The incident is where its newest update says it is."""
    incident.phase = phase
    incident.first_published_at = incident.first_published_at or at
    if phase == Incident.Phase.RESOLVED:
        incident.resolved_at = incident.resolved_at or at
    elif phase not in Incident.CLOSED:
        incident.resolved_at = None  # reopened
    incident.save(update_fields=["phase", "first_published_at", "resolved_at"])


def preview_in(incident: Incident, language: str, *, minor: bool = False, at: datetime | None = None) -> bytes:
    """The page in one more language, as it would be published now."""
    at = at or now()
    return documents.preview_in(
        language, documents.freeze(incident, drafts=not minor), telling=Telling.of(incident.telling),
        version=edition(incident, at=at, said_at=at, preview=True),
    )  # fmt: skip


def preview(incident: Incident, *, minor: bool = False, at: datetime | None = None) -> dict[str, bytes]:
    """The documents as they would be published now, drafts included, marked as a preview. minor: as a minor edit."""
    at = at or now()
    return documents.render(
        documents.freeze(incident, drafts=not minor), telling=Telling.of(incident.telling),
        version=edition(incident, at=at, said_at=at, preview=True),
    )  # fmt: skip
