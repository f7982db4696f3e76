"""From versions to files: in order, whole, and again after a crash."""

import gzip
import os
from datetime import timedelta
from pathlib import Path

import brotli
import pytest

from accounts import approvals
from incidents import publishing, site_folder
from incidents.documents.site import expires
from incidents.models import Incident, PageVersion
from incidents.publishing import outbox
from incidents.tasks import finish_publishing
from tests.factories import NOON, make_incident, make_organisation, make_update

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
PAGE = "incidents/api-keys-2018/index.html"


@pytest.fixture
def incident(site):
    incident = make_incident()
    make_update(incident, "We have closed the way in.")
    return incident


@pytest.fixture
def heard():
    versions = []

    def hear(sender, version, **kwargs):
        versions.append(version)

    publishing.published.connect(hear)
    yield versions
    publishing.published.disconnect(hear)


@pytest.fixture
def publish(wanda, anton, django_capture_on_commit_callbacks):
    def act(incident, *, at=NOON, commit=True):
        approvals.answer(publishing.ask(incident, by=wanda, at=at), yes=True, by=anton, at=at)
        with django_capture_on_commit_callbacks(execute=commit):
            return publishing.publish(incident, by=anton, at=at)

    return act


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_the_documents_stand_in_the_folder_after_the_commit(incident, publish, site):
    version = publish(incident)

    assert b"We have closed the way in." in (site / PAGE).read_bytes()
    for document in version.documents.all():
        plain = (site / document.path).read_bytes()
        assert plain == bytes(document.body)
        assert gzip.decompress((site / f"{document.path}.gz").read_bytes()) == plain
        assert brotli.decompress((site / f"{document.path}.br").read_bytes()) == plain
    version.refresh_from_db()
    assert version.written_at and version.announced_at


def test_the_whole_site_comes_with_the_first_page(incident, publish, site):
    publish(incident)

    made = {name for name in files(site) if not name.endswith((".gz", ".br"))}
    assert {
        "index.html", "history/index.html", "404.html", "robots.txt", ".well-known/security.txt", "sitemap.xml",
        PAGE, ".generation",
    } <= made  # fmt: skip
    assert sum(name.startswith("assets/") for name in made) == 4
    assert not [name for name in made if name.startswith(".") and name not in {".generation", ".lock"}
                and not name.startswith(".well-known")]  # fmt: skip


def test_the_page_links_to_files_that_stand_in_the_folder(incident, publish, site):
    publish(incident)

    linked = [part.split('"')[0] for part in (site / PAGE).read_text().split('="/assets/')[1:]]

    assert len(linked) == 3
    assert all((site / "assets" / name).exists() for name in linked)


def test_a_crash_between_commit_and_writing_is_healed_by_beat(incident, publish, site, heard):
    version = publish(incident, commit=False)
    assert not site.exists()

    finish_publishing()

    version.refresh_from_db()
    assert (site / PAGE).exists() and version.written_at and version.announced_at
    assert [one.pk for one in heard] == [version.pk]


def test_a_crash_before_the_announcement_is_healed_too(incident, publish, heard, monkeypatch):
    monkeypatch.setattr(outbox, "_announce", lambda: None)
    version = publish(incident)
    assert heard == []
    monkeypatch.undo()

    finish_publishing()
    finish_publishing()

    assert [one.pk for one in heard] == [version.pk]


def test_a_receiver_that_fails_is_asked_again(incident, publish):
    calls = []

    def fails_once(sender, version, **kwargs):
        calls.append(version.pk)
        if len(calls) == 1:
            raise RuntimeError

    publishing.published.connect(fails_once)
    try:
        publish(incident, commit=False)
        with pytest.raises(RuntimeError):
            publishing.finish()
        publishing.finish()
    finally:
        publishing.published.disconnect(fails_once)

    assert len(calls) == 2
    assert not PageVersion.objects.filter(announced_at=None).exists()


def test_late_versions_are_written_in_their_order(incident, publish, site):
    publish(incident, commit=False)
    make_update(incident, "And the newest words.")
    publish(incident, at=NOON + timedelta(hours=1), commit=False)

    assert publishing.finish() >= 2

    assert "And the newest words." in (site / PAGE).read_text()
    assert "And the newest words." not in (site / "incidents/api-keys-2018/versions/1/index.html").read_text()


def test_an_old_version_keeps_its_bytes(incident, publish, site):
    publish(incident)
    first = (site / "incidents/api-keys-2018/versions/1/index.html").read_bytes()
    make_update(incident, "And the newest words.")

    publish(incident, at=NOON + timedelta(hours=1))

    assert (site / "incidents/api-keys-2018/versions/1/index.html").read_bytes() == first


def test_an_emptied_folder_is_filled_again(incident, publish, site):
    publish(incident)
    before = {name: (site / name).read_bytes() for name in files(site) - {".generation", ".lock"}}
    for file in site.rglob("*"):
        if file.is_file():
            file.unlink()

    publishing.finish()

    assert {name: (site / name).read_bytes() for name in files(site) - {".generation", ".lock"}} == before


def test_the_generation_mark_changes_with_every_writing_and_only_then(incident, publish, site):
    publish(incident)
    first = (site / ".generation").read_bytes()
    publishing.finish()
    assert (site / ".generation").read_bytes() == first

    make_update(incident, "More.")
    publish(incident, at=NOON + timedelta(hours=1))

    assert (site / ".generation").read_bytes() != first


def test_nothing_else_in_the_folder_is_touched(incident, publish, site):
    site.mkdir()
    (site / "google-verification.html").write_text("ours")

    publish(incident)

    assert (site / "google-verification.html").read_text() == "ours"


def test_a_folder_that_cannot_be_written_does_not_undo_the_publication(incident, publish, site, heard):
    site.write_text("a file where the folder should be")

    version = publish(incident)

    version.refresh_from_db()
    assert version.written_at is None and heard == []
    with pytest.raises(publishing.NotWritable):
        publishing.finish()
    site.unlink()
    assert publishing.finish() == 2
    assert (site / PAGE).exists() and len(heard) == 1


def test_a_write_that_fails_half_way_leaves_the_old_document(incident, publish, site, monkeypatch):
    publish(incident)
    old = (site / PAGE).read_bytes()
    monkeypatch.setattr(os, "replace", lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device")))

    with pytest.raises(OSError, match="No space"):
        site_folder.write(site, [(PAGE, b"new")])

    assert (site / PAGE).read_bytes() == old
    assert not [name for name in files(site) if ".index.html." in name]


def test_a_page_for_the_told_is_kept_and_not_put_on_the_site(incident, publish, site, heard):
    Incident.objects.update(visibility="told_only")
    incident.refresh_from_db()

    version = publish(incident)

    assert version.documents.filter(path=PAGE).exists() and len(heard) == 1
    assert not site.exists() or not any("api-keys" in name for name in files(site))
    assert not PageVersion.objects.filter(incident=None).exists()


def test_index_and_history_speak_only_of_what_was_published(incident, publish, site):
    publish(incident)
    Incident.objects.update(title="canary: a draft of another title")
    make_update(incident, "canary: a draft")
    secret = make_incident("secret", title="canary: private", visibility="private")
    make_update(secret, "canary")
    other = make_incident("other", title="Another incident")
    make_update(other, "Over.", phase="resolved")

    publish(other, at=NOON + timedelta(hours=1))

    for name in ("index.html", "history/index.html", "sitemap.xml"):
        made = (site / name).read_text()
        assert "canary" not in made and "secret" not in made
        assert "/incidents/api-keys-2018/" in made and "/incidents/other/" in made
    index = (site / "index.html").read_text()
    assert index.index("One security incident is active.") < index.index("API keys of some") < index.index("Another")


def test_the_site_has_a_quiet_face(site):
    make_organisation()

    finish_publishing()

    assert "No active security incident." in (site / "index.html").read_text()
    assert "We have published no security incident." in (site / "history/index.html").read_text()
    assert "Contact: mailto:security@relaypost.example" in (site / ".well-known/security.txt").read_text()


def test_site_documents_get_a_version_only_when_their_bytes_change(incident, publish):
    publish(incident)
    assert PageVersion.objects.filter(incident=None).count() == 1

    assert publishing.refresh_site(at=NOON) is None
    finish_publishing()
    make_organisation(name="Relaypost Ltd")
    finish_publishing()
    finish_publishing()

    assert 2 <= PageVersion.objects.filter(incident=None).count() <= 3
    assert PageVersion.objects.filter(incident=None).first().content["organisation"]["name"] == "Relaypost Ltd"


def test_security_txt_expires_within_a_year_and_moves_once_a_month(incident, publish):
    assert expires(NOON) == expires(NOON + timedelta(days=10))
    assert timedelta(days=100) < expires(NOON) - NOON < timedelta(days=365)


def test_what_stands_there_already_is_not_written_again(tmp_path):
    site_folder.write(tmp_path, [("a/index.html", b"same")])
    before = (tmp_path / "a/index.html").stat()

    site_folder.write(tmp_path, [("a/index.html", b"same")])
    assert (tmp_path / "a/index.html").stat().st_ino == before.st_ino
    (tmp_path / "a/index.html.br").unlink()
    site_folder.write(tmp_path, [("a/index.html", b"same")])

    assert (tmp_path / "a/index.html.br").exists()


def test_a_page_leads_to_related_incidents_that_are_public(incident, publish, site):
    other, draft, told = (make_incident(slug, title=f"Canary {slug}") for slug in ("other", "draft", "told"))
    for one in (other, told):
        make_update(one)
    publish(other)
    Incident.objects.filter(pk=other.pk).update(title="Canary of a draft title")
    Incident.objects.filter(pk=told.pk).update(visibility="told_only")
    publish(Incident.objects.get(pk=told.pk))
    incident.related = [other.slug, draft.slug, told.slug]
    incident.save(update_fields=["related"])

    publish(incident)

    page = (site / PAGE).read_text()
    assert '<a href="/incidents/other/">Canary other</a>' in page
    assert "Canary of a draft title" not in page and "Canary draft" not in page and "Canary told" not in page
