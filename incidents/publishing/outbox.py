"""From PageVersion rows to files, and to the one signal. Whatever a crash leaves undone, the next call does."""

import logging
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.dispatch import Signal

from accounts.languages import ENGLISH
from incidents import site_folder
from incidents.documents.places import switched_on
from incidents.models import Incident, PageVersion
from incidents.publishing.versions import now

logger = logging.getLogger(__name__)

SITE_WRITER = 0x43414E57  # advisory lock, held until commit: one writer of the site folder in the whole house

published = Signal()
"""Sent with `version`, an incident's PageVersion that a person published, once its documents stand where they are read.

At least once: a crash may repeat it. Versions the system makes itself are written and not announced.
"""


class NotWritable(Exception):
    """The site folder cannot be written; what was published waits and is tried again."""


def finish() -> int:
    """Write every unwritten version in order and announce it; the number written.

    Raises NotWritable where the folder refuses. In a folder where nothing was ever finished the whole site is written.
    """
    folder = Path(settings.SITE_FOLDER)
    written = _write(folder)
    _announce()
    return written


def finish_soon() -> None:
    """After a commit: nobody is left to hear an error but the log; beat tries again."""
    try:
        finish()
    except NotWritable as problem:
        logger.error("published, but not written yet: %s", problem)


@transaction.atomic
def _write(folder: Path) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SITE_WRITER])
    waiting = PageVersion.objects.filter(written_at=None).order_by("pk")
    try:
        if site_folder.is_new(folder):
            _put(folder, PageVersion.objects.order_by("pk"))
        elif waiting.exists():
            _put(folder, waiting)
    except OSError as problem:
        raise NotWritable(f"{folder}: {problem.strerror or problem}") from problem
    return waiting.update(written_at=now())


def _put(folder: Path, versions: QuerySet[PageVersion]) -> None:
    chosen = list(versions.values_list("pk", "content__visibility", "incident"))
    public = [pk for pk, visibility, incident in chosen if incident is None or visibility == Incident.Visibility.PUBLIC]
    if not public:
        return
    with site_folder.locked(folder):
        # Stylesheets and scripts first: no page may stand there a moment before what it links to.
        site_folder.write(folder, _documents(public, assets=True))
        site_folder.write(folder, _documents(public, assets=False))
        _remove_what_went(folder, public)
        site_folder.mark(folder)


def _remove_what_went(folder: Path, versions: list[int]) -> None:
    """Pages in a language that was switched off, or in which an incident does not stand any more. Whoever comes there
    gets the page of that language that says so. Nothing else is ever removed.
    """
    site = PageVersion.objects.filter(incident=None).order_by("-number").first()
    on = switched_on(site.content["organisation"]) if site else [ENGLISH]
    for language in dict(settings.LANGUAGES):
        if language not in on and (folder / language).is_dir():
            site_folder.remove(folder, language, but="404.html")
    kept = set(site.documents.values_list("path", flat=True)) if site else set()
    gone = [f"{language}/{name}index.html" for language in on for name in ("", "history/")]
    incidents = Incident.objects.filter(page_versions__in=versions).distinct() if len(on) > 1 else ()
    for incident in incidents:
        newest = incident.page_versions.order_by("-number").first()
        kept |= set(newest.documents.values_list("path", flat=True)) if newest else set()
        gone += [f"{language}/incidents/{incident.slug}/index.html" for language in on]
    for path in gone:
        if path not in kept and (folder / path).exists():
            site_folder.remove(folder, path)


def _documents(versions: list[int], *, assets: bool) -> Iterator[tuple[str, bytes]]:
    for version in PageVersion.objects.filter(pk__in=versions).order_by("pk"):
        for document in version.documents.all():
            if document.path.startswith("assets/") == assets and document.body is not None:  # empty: redacted
                yield document.path, bytes(document.body)


def _announce() -> None:
    while True:
        with transaction.atomic():
            version = (
                PageVersion.objects.select_for_update(skip_locked=True, of=("self",))
                .filter(announced_at=None, written_at__isnull=False)
                .order_by("pk")
                .first()
            )
            if version is None:
                return
            if version.cause == PageVersion.Cause.PUBLISHED:
                published.send(sender=PageVersion, version=version)
            PageVersion.objects.filter(pk=version.pk).update(announced_at=now())
