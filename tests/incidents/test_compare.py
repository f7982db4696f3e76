"""Any two versions of a published page can be compared by anybody."""

import base64
import hashlib
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from incidents.models import PageDocument
from tests.factories import NOON, make_incident, make_organisation, make_update

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident(publish):
    """Two versions: "We are looking" and "We know"."""
    incident = make_incident()
    make_update(incident, "We are looking into it.")
    publish(incident)
    make_update(incident, "We know what it was.")
    publish(incident, at=NOON + timedelta(hours=1))
    return incident


def ask(client, first, second, slug="api-keys-2018"):
    return client.get(f"/compare/{slug}/", {"from": first, "to": second})


def test_what_was_added_is_said_plainly(incident, client):
    response = ask(client, 1, 2)

    assert response.status_code == 200
    assert "<ins>We know what it was.</ins>" in response.content.decode()
    assert "<del>We know what it was.</del>" in ask(client, 2, 1).content.decode()


def test_a_version_compared_with_itself_says_the_same(incident, client):
    assert "Both say the same." in ask(client, 2, 2).content.decode()


def test_the_list_of_versions_leads_there(incident, site):
    page = (site / "incidents/api-keys-2018/versions/index.html").read_text()

    assert 'href="/compare/api-keys-2018/?from=1&amp;to=2"' in page


@pytest.mark.parametrize(("first", "second"), [(1, 9), ("x", 1), ("", ""), ("-1", "2"), ("99999999999999999999", "1")])
def test_other_versions_do_not_exist(incident, client, first, second):
    assert ask(client, first, second).status_code == 404


def test_nothing_is_said_of_what_is_not_public(incident, publish, client):
    told = make_incident("told-only", visibility="told_only")
    make_update(told)
    publish(told)
    make_incident("draft")

    assert {ask(client, 1, 1, slug).status_code for slug in ("told-only", "draft", "never")} == {404}


def test_caches_may_keep_it_a_minute_and_it_sets_no_cookie(incident, client):
    response = ask(client, 1, 2)

    assert response["Cache-Control"] == "public, max-age=60"
    assert not response.cookies


def test_of_a_redacted_version_no_word_is_shown(incident, client):
    PageDocument.objects.filter(version__incident=incident, version__number=1).update(body=None)

    assert "looking into it" not in "".join(
        line for line in ask(client, 1, 2).content.decode().splitlines() if "<del>" in line
    )


def test_scripts_of_pages_that_are_no_files_carry_their_hash(client, db):
    make_organisation()
    page = client.get("/genuine/").content.decode()

    for src, integrity in re.findall(r'<script src="/static/([^"]+)" integrity="([^"]+)"', page):
        digest = hashlib.sha256(Path(finders.find(src)).read_bytes()).digest()
        assert integrity == f"sha256-{base64.b64encode(digest).decode()}"
    assert page.count("<script") == page.count("integrity=") > 0
