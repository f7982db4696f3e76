"""What a publication costs as the site grows, and what a reader's phone has to load."""

import re
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from django.test import override_settings

from accounts.models import Approval, Organisation, User
from config.bench import Figure, benchmark
from config.demo.cast import found_organisation
from incidents import casefile, documents, publishing, site_folder, translating
from incidents.models import Incident, PageVersion, Translation, Update
from incidents.publishing import versions

UPDATES = 50  # of each incident
OPEN = 3
FEW, MANY = 100, 1000
ROUNDS = 7
DRAFT: dict[str, Any] = {"at": None, "precision": "unknown"}
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
WORDS = (
    "We have closed the way in and are looking at what was read through it. Rotate your keys, then look at your logs."
)

SAID = {
    "de": "Wir haben den Zugang geschlossen und sehen nach, was darüber gelesen wurde. Tauschen Sie Ihre Schlüssel "
    "aus, dann sehen Sie in Ihre Protokolle.",
    "ar": "أغلقنا منفذ الدخول ونبحث في ما قُرئ عبره. استبدلوا مفاتيحكم، ثم راجعوا سجلاتكم.",
}


@benchmark("publish_growth")
def growth() -> list[Figure]:
    """One update among 1,000 incidents against the same among 100; until its files stand there."""
    by = _publisher("bench-growth@relaypost.example")
    Organisation.objects.update(languages=["en", *SAID])
    with tempfile.TemporaryDirectory() as folder, override_settings(SITE_FOLDER=folder):
        _publish_many(FEW, by, Path(folder))
        among_few = _seconds(by)
        _publish_many(MANY - FEW, by, Path(folder), begin=FEW)
        among_many = _seconds(by)
    took = f"{among_few * 1000:.0f} ms among {FEW}, {among_many * 1000:.0f} ms among {MANY:,}"
    how = f"{took} incidents of {UPDATES} updates in {len(SAID) + 1} languages each"
    Organisation.objects.update(languages=["en"])
    return [Figure("publish_growth", among_many / among_few, "≤ 1.5", "ratio", how)]


@benchmark("page_weight_kb")
def weight() -> list[Figure]:
    """The page of a real incident with 30 updates, with its stylesheet and scripts, as Brotli sends them."""
    by = _publisher("bench-weight@relaypost.example")
    with tempfile.TemporaryDirectory() as folder, override_settings(SITE_FOLDER=folder):
        incident = casefile.load(casefile.named("mailgun-2018-01"), by=by)
        incident.visibility = "public"
        incident.save()
        for number in range(30 - incident.updates.count()):
            Update.objects.create(
                incident=incident, body=f"{number}. {WORDS}", phase="monitoring", position=number, **DRAFT
            )
        _publish(incident, by)
        page = Path(folder) / "incidents" / incident.slug / "index.html"
        linked = re.findall(r'(?:href|src)="/(assets/[^"]+)"', page.read_text())
        loaded = [page, *(Path(folder) / name for name in sorted(set(linked)))]
        size = sum(path.with_name(f"{path.name}.br").stat().st_size for path in loaded) / 1000
    return [Figure("page_weight_kb", size, "≤ 60", "kB", f"page, stylesheet and scripts in {len(loaded)} files")]


def _publisher(email: str) -> User:
    organisation = found_organisation()  # its steps lead to its own domain
    organisation.sign_offs = 0
    organisation.save()
    return User.objects.create_user(email, is_staff=True, is_superuser=True)


def _publish(incident: Incident, by: User) -> None:
    publishing.ask(incident, by=by)
    publishing.publish(incident, by=by)
    publishing.finish()


def _publish_many(count: int, by: User, folder: Path, begin: int = 0) -> None:
    """As if published long ago: rows and versions of each, the site's documents once, none of the files written."""
    approval = Approval.objects.create(
        act="publish", thing=f"bench:{begin}", hashes={}, summary="", needs=0, asked_by=by
    )
    with mock.patch.object(versions, "refresh_site"), mock.patch.object(versions, "rendered", _Copied()):
        for number in range(begin, begin + count):
            at = BEGIN + timedelta(days=number)
            phase = "monitoring" if number < OPEN else "resolved"
            incident = Incident.objects.create(
                slug=f"bench-{number}", title=f"Incident {number}", summary=WORDS, visibility="public", phase=phase,
                first_published_at=at, resolved_at=None if number < OPEN else at,
            )  # fmt: skip
            Update.objects.bulk_create(
                Update(incident=incident, body=f"{n}. {WORDS}", phase=phase, at=at + timedelta(minutes=n), zone="UTC",
                       precision="minute", published_at=at + timedelta(minutes=n), position=n)
                for n in range(UPDATES)
            )  # fmt: skip
            _translate(incident, at)
            versions.make_version(
                incident, content=documents.freeze(incident), telling=documents.Telling(), said_at=at, at=at, by=by,
                cause=PageVersion.Cause.PUBLISHED, approval=approval,
            )  # fmt: skip
    versions.refresh_site(at=versions.now())
    PageVersion.objects.filter(written_at=None).update(written_at=versions.now(), announced_at=versions.now())
    site_folder.mark(folder)


class _Copied:
    """Pages of closed incidents are copies of the first one's: nobody reads them here, and a thousand take long."""

    def __init__(self) -> None:
        self.first: tuple[str, dict[str, bytes]] | None = None

    def __call__(self, content: dict, **how: Any) -> dict[str, bytes]:
        slug = content["slug"]
        if content["phase"] != "resolved":
            return RENDERED(content, **how)
        if self.first is None:
            self.first = slug, RENDERED(content, **how)
        copied, made = self.first
        return {path.replace(copied, slug): body for path, body in made.items()}


RENDERED = versions.rendered


def _translate(incident: Incident, at: datetime | None) -> None:
    """Every text that is not yet, into each language."""
    texts = [text for text in translating.translations(incident).texts if not text.newest]
    Translation.objects.bulk_create(
        Translation(incident=incident, language=language, thing=text.thing, field=text.field, of=text.original,
                    words=f"{text.thing} {words}", published_at=at)
        for text in texts for language, words in SAID.items()
    )  # fmt: skip


def _seconds(by: User) -> float:
    """The median; to an incident that is open, in both sizes the same one."""
    incident = Incident.objects.get(slug="bench-0")
    taken = []
    for number in range(ROUNDS):
        Update.objects.create(
            incident=incident, body=f"News {time.time()}: {WORDS}", phase="monitoring", position=number, **DRAFT
        )
        _translate(incident, None)
        began = time.perf_counter()
        _publish(incident, by)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
