"""The evidence room: who may export, what the log keeps of it, what there is to compare."""

import io
import json
import zipfile

import pytest
from django.db import connection

from accounts.models import AuditEntry
from tests.factories import make_incident, make_many_affected
from tests.notifications import night

URL = "/staff/api-keys-2018/evidence/"


@pytest.fixture
def incident(db):
    return make_incident()


@pytest.mark.django_db(transaction=True)
def test_an_auditor_downloads_it_and_the_log_says_so(as_user, otto):
    make_many_affected(make_incident(), 2)

    response = as_user(otto).post(f"{URL}download/")

    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as bundle:
        assert json.loads(bundle.read("manifest.json"))["counts"]["accounts"] == 2
    assert response["Content-Disposition"].startswith('attachment; filename="evidence-api-keys-2018-')
    assert response["Cache-Control"] == "no-store"
    entry = AuditEntry.objects.get(act="evidence.exported")
    assert entry.by == otto
    manifest = json.loads(entry.body)["facts"]["manifest"]
    assert manifest in as_user(otto).get(URL).content.decode()


def test_a_writer_sees_the_page_and_may_not_export(incident, as_user, wanda):
    page = as_user(wanda).get(URL).content.decode()

    assert "Your role cannot export" in page
    assert "/download/" not in page
    assert as_user(wanda).post(f"{URL}download/").status_code == 403


def test_looking_at_an_address_exports_nothing(incident, as_user, otto):
    assert as_user(otto).get(f"{URL}download/").status_code == 405


def test_a_stranger_sees_nothing(incident, as_user, stranger):
    assert as_user(stranger).get(URL).status_code == 403


def test_the_log_is_verified_on_the_spot(incident, as_user, otto):
    page = as_user(otto).post(f"{URL}verify/", follow=True).content.decode()

    assert "The log holds" in page


def test_a_log_that_was_tampered_with_is_named(incident, as_user, otto):
    night.decide(incident, otto, "A reason.")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounts_auditentry DISABLE TRIGGER USER")
        cursor.execute("UPDATE accounts_auditentry SET act = 'nothing.happened'")

    page = as_user(otto).post(f"{URL}verify/", follow=True).content.decode()

    assert "The log does not hold: audit entry 1" in page
