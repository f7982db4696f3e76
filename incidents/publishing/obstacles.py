"""What keeps a page from being published, in words, with the page of the room where each is mended."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts.models import Organisation
from incidents import templates
from incidents.models import Correction, Decision, Incident
from incidents.prose import host_of
from incidents.publishing.versions import now

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
    found += [(True, place, words) for place, words in templates.still_asked(incident)]
    found += [(True, "edit/#id_not_notified", words) for words in _untrue_meaning(incident)]
    found += [(True, f"guidance/steps/{pk}/edit/#id_url", words) for pk, words in _steps_elsewhere(incident)]
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


def _steps_elsewhere(incident: Incident) -> list[tuple[int, str]]:
    """Readers follow a step's link and type their password there: whose host it is takes two people to say."""
    steps = incident.steps.filter(held_back=False).exclude(url="").values_list("pk", "title", "url")
    organisation = Organisation.get()
    exact = {host_of(settings.PUBLIC_BASE_URL), *organisation.link_hosts}
    domain = organisation.domain.lower()
    return [
        (pk, f"The step “{_start(title)}” links to {host}, which is not ours. If it is, an administrator adds it under "
             "Organisation; a second person says yes.")
        for pk, title, url in steps
        if (host := host_of(url)) not in exact and host != domain and not host.endswith(f".{domain}")
    ]  # fmt: skip
