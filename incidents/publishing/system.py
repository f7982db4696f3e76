"""Versions the system makes itself, with content a person approved: only the words on telling move."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery

from accounts import audit
from incidents.documents import Telling
from incidents.models import Decision, Incident, PageVersion
from incidents.publishing.obstacles import SAYS_SOMETHING_ELSE, somebody_is_not_contacted
from incidents.publishing.outbox import finish, finish_soon
from incidents.publishing.planning import carry_out
from incidents.publishing.versions import (
    last_said,
    latest,
    make_version,
    now,
    promises_passed,
    refresh_site,
    site_is_stale,
)

AT_MOST_EVERY = timedelta(minutes=1)


@transaction.atomic
def record_telling(incident: Incident, telling: Telling, *, at: datetime | None = None,
                   at_most_every: timedelta = AT_MOST_EVERY) -> PageVersion | None:  # fmt: skip
    """Keep how far telling has come and, where the page has to say so, make its next version.

    None: nothing is published yet, the page says the same already, or its last version is younger than
    `at_most_every` (then `catch_up` does it later). Another state never waits: whoever holds our message and
    reads that we have not begun to write takes it for a forgery.
    """
    at = at or now()
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    if incident.telling != telling.as_dict():
        incident.telling = telling.as_dict()
        incident.save(update_fields=["telling"])
    shown, approved = latest(incident), last_said(incident)
    if shown is None or approved is None:
        return None
    telling = _truthful(telling, incident, approved.content)
    before = Telling.of(shown.telling)
    if telling.says_the_same_as(before):
        return None
    if telling.state == before.state and at < shown.made_at + at_most_every:
        return None
    version = make_version(
        incident, content=approved.content, telling=telling, cause=PageVersion.Cause.TELLING, at=at,
        said_at=approved.made_at,
    )  # fmt: skip
    audit.record(act="page.telling_changed", thing=version, by=None, at=at, incident=incident.pk,
                 number=version.number, state=telling.state, documents=version.hash)  # fmt: skip
    transaction.on_commit(finish_soon)
    return version


def _truthful(telling: Telling, incident: Incident, content: dict) -> Telling:
    """Where it was decided after publishing not to contact some, "we have told everyone" would be a lie."""
    if (
        telling.state == "done"
        and content["not_notified"] in SAYS_SOMETHING_ELSE
        and somebody_is_not_contacted(incident)
    ):
        return Telling(**{**telling.as_dict(), "state": "under_way"})
    return telling


def catch_up(*, at: datetime | None = None) -> int:
    """The number of pages whose words on telling changed: their minute has passed, or a decision not to contact some
    has made them untrue.
    """
    newest = PageVersion.objects.filter(incident=OuterRef("pk")).order_by("-number").values("telling")[:1]
    not_contacted = Decision.objects.standing().filter(incident=OuterRef("pk"), kind=Decision.Kind.DO_NOT_CONTACT)
    behind = Incident.objects.alias(shown=Subquery(newest)).filter(
        ~Q(telling=F("shown")) | Exists(not_contacted), first_published_at__isnull=False
    )
    made = [record_telling(one, Telling.of(one.telling), at=at) for one in behind]
    return sum(version is not None for version in made)


def say_what_is_overdue(*, at: datetime | None = None) -> int:
    """The number of pages that say from now on that a promised update is overdue."""
    at = at or now()
    return sum(_say_overdue(incident, at) for incident in promises_passed(at))


@transaction.atomic
def _say_overdue(incident: Incident, at: datetime) -> bool:
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    shown, approved = latest(incident), last_said(incident)
    if shown is None or approved is None or not promises_passed(at).filter(pk=incident.pk).exists():
        return False  # somebody published meanwhile
    version = make_version(
        incident, content=approved.content, telling=Telling.of(shown.telling), cause=PageVersion.Cause.TIME, at=at,
        said_at=approved.made_at,
    )  # fmt: skip
    audit.record(act="page.overdue", thing=version, by=None, at=at, incident=incident.pk, number=version.number,
                 documents=version.hash)  # fmt: skip
    transaction.on_commit(finish_soon)
    return True


def tick(*, at: datetime | None = None) -> int:
    """What beat does every ten seconds: what is due, pages that lag behind, the site's own documents, the files."""
    at = at or now()
    carry_out(at=at)
    catch_up(at=at)
    say_what_is_overdue(at=at)
    if site_is_stale(at):
        with transaction.atomic():
            refresh_site(at=at)
    return finish()
