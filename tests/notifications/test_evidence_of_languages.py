"""Every language of a frozen notice is in the evidence, and a word changed in any of them is found."""

import io
import json
import subprocess
import sys
import zipfile

import pytest

from notifications import evidence, mailings
from notifications.evidence import writing
from tests.factories import NOON, make_incident, make_notice, make_organisation


@pytest.fixture
def files(transactional_db, wanda) -> dict[str, bytes]:
    make_organisation()
    incident = make_incident(first_published_at=NOON)
    notice = make_notice(incident, wanda)
    mailings.edit_in(notice, "de", subject="Hinweis", body="Guten Tag {{ code }}", by=wanda, edits=0)
    mailings.freeze(notice, by=wanda)
    file = io.BytesIO()
    evidence.write(incident, file, by=None, at=NOON)
    with zipfile.ZipFile(file) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def judged(files: dict[str, bytes], folder) -> str:
    path = folder / "evidence.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in files.items():
            bundle.writestr(name, data)
    ended = subprocess.run(
        [sys.executable, "-I", str(writing.VERIFIER), str(path)], capture_output=True, text=True, check=False
    )
    return ended.stdout


def test_the_untouched_texts_hold(files, tmp_path):
    (name,) = [name for name in files if name.startswith("notices/")]

    assert json.loads(files[name])["texts"] == {"de": {"subject": "Hinweis", "body": "Guten Tag {{ code }}"}}
    assert "its text is not what its SHA-256 covers" not in judged(files, tmp_path)


def test_a_word_changed_in_the_other_language_is_found(files, tmp_path):
    (name,) = [name for name in files if name.startswith("notices/")]
    files[name] = files[name].replace(b"Guten Tag", b"Guten Weg")

    assert "its text is not what its SHA-256 covers" in judged(files, tmp_path)
