"""A person says something in public: ask, be approved, publish."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import approvals, audit
from accounts.models import Approval, User
from incidents import documents
from incidents.documents import Telling
from incidents.models import Correction, Decision, Incident, PageVersion
from incidents.publishing.outbox import finish_soon
from incidents.publishing.versions import edition, last_said, latest, make_version, now

ACT = Approval.Act.PUBLISH
SAYS_SOMETHING_ELSE = {
    Incident.NotNotified.NOT_AFFECTED, Incident.NotNotified.NO_EVIDENCE, Incident.NotNotified.NOBODY_AFFECTED,
}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """What blocks publishing: a sentence, and the page of the room where it is mended."""

    words: str
    page: str

    def __str__(self) -> str:
        return self.words


class NotReady(Exception):
    """Something on the page is missing or untrue; `problems` says what, in words."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(map(str, problems)))
        self.problems = problems


class DrillStaysInside(Exception):
    """A drill is never published."""


class NothingNew(Exception):
    """The page already says exactly this."""


def problems(incident: Incident, *, at: datetime | None = None) -> list[Problem]:
    """What blocks publishing, in the order of the page. Empty: nothing does."""
    at, room = at or now(), f"/staff/{incident.slug}/"
    found = [
        (not incident.title.strip(), "edit/#id_title", "The incident has no title."),
        (not incident.summary.strip(), "edit/#id_summary",
         "The summary is empty: say in one or two sentences what happened."),
        (
            not incident.updates.filter(held_back=False).exists(), "updates/",
            "Nothing has been said yet: write an update; one sentence is enough for a holding statement.",
        ),
        (
            incident.visibility == Incident.Visibility.PRIVATE, "edit/#id_visibility",
            "The incident is private. Choose “told only” (the page opens from the notice) or “public” first.",
        ),
        (
            _was_public(incident) and incident.visibility != Incident.Visibility.PUBLIC, "edit/#id_visibility",
            "The page is public already and cannot be taken back. If it should never have been there, say so in an "
            "update with the phase “withdrawn”.",
        ),
        (
            incident.next_update_by is not None and incident.next_update_by <= at and _is_active(incident),
            "edit/#id_next_update_by",
            "The next update is promised for a moment that has passed. Promise another one, or none.",
        ),
    ]  # fmt: skip
    found += [(True, "edit/#id_not_notified", words) for words in _untrue_meaning(incident)]
    found += [(True, f"updates/{pk}/edit/", words) for pk, words in _unfinished_corrections(incident)]
    return [Problem(words, room + place) for is_so, place, words in found if is_so]


def _was_public(incident: Incident) -> bool:
    return incident.page_versions.filter(content__visibility=Incident.Visibility.PUBLIC).exists()


def _is_active(incident: Incident) -> bool:
    newest = incident.updates.filter(held_back=False).first()  # drafts stand before all
    return Incident(phase=newest.phase if newest else incident.phase).is_active


def _untrue_meaning(incident: Incident) -> list[str]:
    """The sentence on not having been written to cannot lie."""
    meaning, found = incident.not_notified, []
    if meaning == Incident.NotNotified.NOT_CONTACTED and not incident.not_contacted_words.strip():
        found.append("Some people are affected and not contacted: say in words who they are, and why.")
    if meaning in SAYS_SOMETHING_ELSE and somebody_is_not_contacted(incident):
        found.append(
            "There is a decision not to contact some affected people, and the meaning of “not written to” hides it. "
            "Choose “some are affected and by decision not contacted”, or end the decision."
        )
    if meaning == Incident.NotNotified.NOBODY_AFFECTED and incident.affected_accounts.owed_a_notice().exists():
        found.append("The page would say that nobody is affected, and affected accounts are on the list.")
    return found


def somebody_is_not_contacted(incident: Incident) -> bool:
    return incident.decisions.standing().filter(kind=Decision.Kind.DO_NOT_CONTACT).exists()


def _unfinished_corrections(incident: Incident) -> list[tuple[int, str]]:
    found = []
    for update in incident.updates.drafts().filter(kind="correction", held_back=False).select_related("correction"):
        correction: Correction | None = getattr(update, "correction", None)
        if correction is None or not correction.was.strip() or not correction.now.strip():
            words = f"The correction “{_start(update.body)}” does not say what was wrong and what is right."
            found.append((update.pk, words))
        elif correction.tell_again is None and not update.said_elsewhere:
            words = (
                f"The correction “{_start(update.body)}”: decide whether those who were told the old words are told."
            )
            found.append((update.pk, words))
    return found


def _start(text: str) -> str:
    return text if len(text) <= 40 else text[:40].rsplit(" ", 1)[0] + " …"


def ask(incident: Incident, *, by: User, at: datetime | None = None) -> Approval:
    """Ask another person for a yes to exactly what stands there now. Raises NotReady, NothingNew, DrillStaysInside."""
    at = at or now()
    may_be_said(incident, at)
    content = documents.freeze(incident)
    _is_news(incident, content)
    drafts = incident.updates.drafts()
    reach = "to everyone" if incident.visibility == Incident.Visibility.PUBLIC else "to those who are told"
    return approvals.ask(
        act=ACT, thing=incident, hashes={"content": documents.content_hash(content)}, by=by, at=at,
        summary=f"Publish “{incident.title}” {reach}", page=f"/staff/{incident.slug}/publish/", incident=incident.pk,
        authors=drafts.filter(held_back=False, written_by__isnull=False).values_list("written_by", flat=True),
    )  # fmt: skip


@transaction.atomic
def publish(incident: Incident, *, by: User, at: datetime | None = None) -> PageVersion:
    """Publish what was approved. Files are written and `published` is sent after the commit.

    Raises NotApproved (accounts.approvals), NotReady, NothingNew or DrillStaysInside; then nothing has changed.
    """
    at = at or now()
    # Not FOR UPDATE: whoever holds the log's lock and wrote a row of this incident could then never commit.
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    # Locked before they are read: what was approved is what gets its moment.
    drafts = list(incident.updates.drafts().filter(held_back=False).select_for_update(of=("self",), no_key=True))
    may_be_said(incident, at)
    content = documents.freeze(incident)
    _is_news(incident, content)
    approval = approvals.use(act=ACT, thing=incident, hashes={"content": documents.content_hash(content)}, at=at)
    for draft in drafts:
        draft.published_at = at
        if draft.at is None:
            draft.at, draft.precision, draft.zone, draft.utc_offset = at.replace(microsecond=0), "second", "UTC", 0
            draft.unknown_because = ""
        draft.save()
    _follow(incident, content["phase"], at)
    version = make_version(
        incident, content=content, telling=Telling.of(incident.telling), cause=PageVersion.Cause.PUBLISHED, at=at,
        said_at=at, by=by, approval=approval,
    )  # fmt: skip
    audit.record(act="page.published", thing=version, by=by, at=at, incident=incident.pk, number=version.number,
                 content=version.content_hash, documents=version.hash, approval=approval.pk)  # fmt: skip
    transaction.on_commit(finish_soon)
    return version


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
    last = last_said(incident)
    return last is not None and documents.said(last.content, last.made_at) == content


def _follow(incident: Incident, phase: str, at: datetime) -> None:
    """The incident is where its newest update says it is."""
    incident.phase = phase
    incident.first_published_at = incident.first_published_at or at
    if phase == Incident.Phase.RESOLVED:
        incident.resolved_at = incident.resolved_at or at
    elif phase not in Incident.CLOSED:
        incident.resolved_at = None  # reopened
    incident.save(update_fields=["phase", "first_published_at", "resolved_at"])


def preview(incident: Incident, *, at: datetime | None = None) -> dict[str, bytes]:
    """The documents as they would be published now, drafts included, marked as a preview."""
    at = at or now()
    return documents.render(
        documents.freeze(incident), telling=Telling.of(incident.telling),
        version=edition(incident, at=at, said_at=at, preview=True),
    )  # fmt: skip
