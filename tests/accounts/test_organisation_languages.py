"""An administrator chooses the languages of the public pages."""

import json

import pytest

from accounts.models import AuditEntry, Organisation
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db


def fields(**said):
    given = make_organisation()
    names = ("name", "domain", "sender_name", "sender_address", "import_limit", "sign_offs")
    return {name: getattr(given, name) for name in names} | {"following_by_mail": "on"} | said


def test_an_administrator_ticks_languages_and_says_which_comes_first(as_user, ada):
    answer = as_user(ada).post(
        "/staff/organisation/", fields(languages=["en", "de", "ar"], first_language="de"), follow=True
    )

    assert "Saved." in answer.content.decode()
    assert Organisation.get().languages == ["de", "en", "ar"]
    logged = json.loads(AuditEntry.objects.filter(act="organisation.changed").latest("pk").body)
    assert logged["facts"]["told"]["languages"] == [["en"], ["de", "en", "ar"]]


def test_the_first_language_is_one_that_is_ticked(as_user, ada):
    answer = as_user(ada).post("/staff/organisation/", fields(languages=["en"], first_language="fr"))

    assert answer.status_code == 422 and "It is not ticked above" in answer.content.decode()
    assert Organisation.get().languages == ["en"]


def test_a_page_without_any_language_is_refused(as_user, ada):
    assert as_user(ada).post("/staff/organisation/", fields(first_language="en")).status_code == 422
