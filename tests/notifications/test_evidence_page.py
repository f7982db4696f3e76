"""The evidence room: who may export, what the log keeps of it, what there is to compare."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEntry
from incidents.models import Incident
from notifications.evidence import asking, writing
from notifications.models import EvidenceBundle, EvidencePiece
from tests.factories import make_incident, make_many_affected
from tests.notifications import night

URL = "/staff/api-keys-2018/evidence/"


@pytest.fixture
def incident(db):
    return make_incident()


@pytest.mark.django_db(transaction=True)
def test_an_auditor_has_it_made_and_downloads_it_and_the_log_says_so(as_user, otto):
    make_many_affected(make_incident(), 2)
    client = as_user(otto)

    page = client.post(f"{URL}ask/", follow=True).content.decode()
    assert "Waits for a worker" in page
    assert asking.work() == 1
    bundle = EvidenceBundle.objects.get()
    assert bundle.manifest in client.get(URL).content.decode()
    response = client.post(f"{URL}{bundle.pk}/download/")

    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as zipped:
        assert json.loads(zipped.read("manifest.json"))["counts"]["accounts"] == 2
    assert response["Content-Disposition"].startswith('attachment; filename="evidence-api-keys-2018-')
    assert "no-store" in response["Cache-Control"]
    entry = AuditEntry.objects.get(act="evidence.exported")
    assert entry.by == otto
    assert json.loads(entry.body)["facts"]["manifest"] == bundle.manifest
    assert AuditEntry.objects.get(act="evidence.downloaded").by == otto


@pytest.mark.django_db(transaction=True)
def test_asked_twice_it_is_made_once(as_user, otto):
    make_incident()
    client = as_user(otto)

    client.post(f"{URL}ask/")
    page = client.post(f"{URL}ask/", follow=True).content.decode()

    assert "being put together already" in page
    assert asking.work() == 1


@pytest.mark.django_db(transaction=True)
def test_after_a_day_its_bytes_are_gone(as_user, otto):
    bundle = asking.ask(make_incident(), by=otto, at=timezone.now())
    asking.work()

    assert asking.forget(at=timezone.now() + timedelta(hours=23)) == 0
    assert asking.forget(at=timezone.now() + timedelta(hours=25)) == 1

    assert not EvidencePiece.objects.exists()
    page = as_user(otto).post(f"{URL}{bundle.pk}/download/", follow=True).content.decode()
    assert "not kept any more" in page


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_died_leaves_it_to_the_next(otto):
    bundle = asking.ask(make_incident(), by=otto, at=timezone.now())
    assert asking._claim() == bundle
    assert asking.work() == 0
    EvidenceBundle.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert asking.work() == 1
    assert EvidenceBundle.objects.get().is_ready


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_made_is_said(otto, as_user, settings):
    asking.ask(make_incident(), by=otto, at=timezone.now())
    settings.AUDIT_KEYS = []

    asking.work()

    assert "nothing can be signed" in as_user(otto).get(URL).content.decode()


@pytest.mark.django_db(transaction=True)
def test_progress_is_told_while_it_is_made(otto, as_user, monkeypatch):
    make_many_affected(make_incident(), 3)
    bundle = asking.ask(Incident.objects.get(), by=otto, at=timezone.now())
    seen = []
    monkeypatch.setattr(writing, "TOLD_EVERY", 1)
    monkeypatch.setattr(asking, "SAYS_EVERY", 0.0)
    tell = asking._Teller.__call__

    def look(teller, rows: int) -> None:
        tell(teller, rows)
        with teller.connection.cursor() as cursor:
            cursor.execute("SELECT rows FROM notifications_evidencebundle WHERE id = %s", [bundle.pk])
            seen.append(cursor.fetchone()[0])

    monkeypatch.setattr(asking._Teller, "__call__", look)
    asking.work()

    assert seen == [1, 2, 3]


def test_the_moving_part_asks_for_the_whole_page_when_it_is_done(incident, as_user, otto):
    assert as_user(otto).get(f"{URL}progress/").headers["HX-Refresh"] == "true"
    asking.ask(incident, by=otto, at=timezone.now())
    response = as_user(otto).get(f"{URL}progress/")

    assert "HX-Refresh" not in response.headers
    assert "every 2s" in response.content.decode()


def test_a_writer_sees_the_page_and_may_not_export(incident, as_user, wanda):
    page = as_user(wanda).get(URL).content.decode()

    assert "Your role cannot export" in page
    assert "/ask/" not in page
    assert as_user(wanda).post(f"{URL}ask/").status_code == 403
    assert as_user(wanda).post(f"{URL}1/download/").status_code == 403


def test_looking_at_an_address_exports_nothing(incident, as_user, otto):
    assert as_user(otto).get(f"{URL}ask/").status_code == 405


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
