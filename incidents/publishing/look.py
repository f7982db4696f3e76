"""After an upgrade: templates or stylesheets changed, and published pages take on the new look.

With content a person approved; nobody is told. Earlier versions stay as they were read.
"""

import hashlib
import logging
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from accounts import audit
from incidents.documents import Edition, Telling
from incidents.models import Incident, PageVersion
from incidents.publishing.outbox import finish
from incidents.publishing.versions import last_said, latest, make_version, now, refresh_site, rendered

logger = logging.getLogger(__name__)

AT_A_TIME = 20  # pages made before their files are written: nobody else waits longer for the site's lock


@dataclass
class Outcome:
    """made: pages with a new version. same: those that look as before. failed: slugs of those that do not render."""

    made: int = 0
    same: int = 0
    failed: list[str] = field(default_factory=list)


def render_again(*, at: datetime | None = None) -> Outcome:
    """Every published page whose documents the present templates would make differently gets a version; in batches,
    each committed, so that it may be broken off and begun again. A second run finds nothing to do.
    """
    outcome = Outcome()
    slugs = Incident.objects.filter(first_published_at__isnull=False).order_by("pk").values_list("slug", flat=True)
    for number, slug in enumerate(list(slugs), start=1):
        try:
            made = _render_again(slug, at or now())
        except Exception:
            logger.exception("the page of %s could not be rendered again; it stands as it was", slug)
            outcome.failed.append(slug)
            continue
        outcome.made, outcome.same = outcome.made + made, outcome.same + (not made)
        if number % AT_A_TIME == 0:
            finish()
    with transaction.atomic():
        refresh_site(at=at or now())
    finish()
    return outcome


@transaction.atomic
def _render_again(slug: str, at: datetime) -> bool:
    incident = Incident.objects.select_for_update(no_key=True).get(slug=slug)
    shown, approved = latest(incident), last_said(incident)
    if shown is None or approved is None or _looks_the_same(shown, approved):
        return False
    version = make_version(
        incident, content=approved.content, telling=Telling.of(shown.telling), cause=PageVersion.Cause.LOOK, at=at,
        said_at=approved.made_at, refresh=False,
    )  # fmt: skip
    audit.record(act="page.look", thing=version, by=None, at=at, incident=incident.pk, number=version.number,
                 documents=version.hash)  # fmt: skip
    return True


def _looks_the_same(shown: PageVersion, approved: PageVersion) -> bool:
    """Rendered anew as the very version it is, it is the same bytes."""
    assert shown.incident is not None
    before = shown.incident.page_versions.filter(number__lt=shown.number).order_by("-number")
    edition = Edition(
        number=shown.number, at=shown.made_at, said_at=approved.made_at,
        earlier=tuple(before.values_list("number", "made_at")),
    )  # fmt: skip
    made = rendered(approved.content, telling=Telling.of(shown.telling), version=edition)
    kept = dict(shown.documents.values_list("path", "sha256"))
    return all(kept.get(path) == hashlib.sha256(body).hexdigest() for path, body in made.items())
