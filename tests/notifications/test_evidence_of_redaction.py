"""Evidence verifies after words were taken out, and says so; it cannot be claimed without the log."""

import json
import subprocess
import sys
import zipfile
from datetime import timedelta

import pytest

from accounts import approvals
from incidents import publishing, rewording
from incidents.documents import page
from incidents.publishing import redacting
from notifications import evidence
from notifications.evidence import writing
from tests.factories import NOON, make_incident, make_organisation, make_update

LATER = NOON + timedelta(hours=2)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bundle(wanda, anton, settings, tmp_path):
    """Of an incident that was overdue, then had words taken out."""
    settings.SITE_FOLDER = tmp_path / "site"
    make_organisation()
    incident = make_incident(next_update_by=NOON + timedelta(hours=1))
    make_update(incident, "The key was sk-93f1.")
    approvals.answer(publishing.ask(incident, by=wanda, at=NOON), yes=True, by=anton, at=NOON)
    publishing.publish(incident, by=anton, at=NOON)
    publishing.tick(at=LATER)
    asked = redacting.ask(incident, words="sk-93f1", because="an API key", by=wanda, at=LATER)
    approvals.answer(approvals.living("publish", asked), yes=True, by=anton, at=LATER)
    redacting.carry_out(asked, by=anton, at=LATER)
    path = tmp_path / "evidence.zip"
    with path.open("w+b") as file:
        evidence.write(incident, file, by=None, at=LATER)
    return path


@pytest.fixture
def mended(wanda, anton, settings, tmp_path, monkeypatch):
    """Of an incident with a minor edit, rendered again after an upgrade."""
    settings.SITE_FOLDER = tmp_path / "site"
    make_organisation()
    incident = make_incident()
    update = make_update(incident, "We closed teh way in.")
    for minor in (False, True):
        approvals.answer(publishing.ask(incident, by=wanda, minor=minor, at=NOON), yes=True, by=anton, at=NOON)
        publishing.publish(incident, by=anton, at=NOON)
        if not minor:
            update.refresh_from_db()
            rewording.reword(update, body="We closed the way in.", started_from=0, by=wanda, at=NOON)
    rendered = page.to_bytes
    monkeypatch.setattr(page, "to_bytes", lambda *given: rendered(*given).replace(b"</footer>", b"<hr></footer>"))
    publishing.render_again(at=LATER)
    path = tmp_path / "evidence.zip"
    with path.open("w+b") as file:
        evidence.write(incident, file, by=None, at=LATER)
    return path


def verify(path):
    ended = subprocess.run(
        [sys.executable, "-I", str(writing.VERIFIER), str(path)], capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout


def test_it_verifies_and_holds_none_of_the_words(bundle):
    code, said = verify(bundle)

    assert code == 0, said
    with zipfile.ZipFile(bundle) as files:
        assert not [name for name in files.namelist() if b"-93f1" in files.read(name)]


def test_minor_edits_and_a_new_look_verify(mended):
    code, said = verify(mended)

    assert code == 0, said


def test_a_version_cannot_be_called_redacted_by_a_forger(bundle, tmp_path):
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(bundle) as files, zipfile.ZipFile(forged, "w") as other:
        for name in files.namelist():
            data = files.read(name)
            if name.endswith("00003/version.json"):
                version = json.loads(data) | {"redacted_at": "2026-03-14T14:00:00Z"}
                version["content"]["title"] = "Another title"
                data = json.dumps(version).encode()
            other.writestr(name, data)

    code, said = verify(forged)

    assert code != 0
    assert "counts as redacted, and the audit chain does not say so" in said
