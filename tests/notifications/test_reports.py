"""A message that may be a fake: a sender that is not ours is called out, and whoever reports one leaves words alone."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from incidents.models import Incident
from notifications import reports
from notifications.models import FakeReport
from tests.factories import make_incident, make_organisation

pytestmark = pytest.mark.django_db
OURS = {"HTTP_SEC_FETCH_SITE": "same-origin"}


@pytest.fixture(autouse=True)
def organisation():
    return make_organisation()


def compared(typed: str) -> str:
    return Client().post(reverse("notifications:compare_message"), {"typed": typed}, **OURS).content.decode()


@pytest.mark.parametrize("sender", ["security@relaypost.example", "Anyone <SECURITY@relaypost.example>"])
def test_our_sender_alone_proves_nothing(sender):
    page = compared(sender)

    assert "We do use this sender" in page
    assert "That alone proves nothing" in page


@pytest.mark.parametrize("sender", ["security@relaypost.example.evil.test", "security@re1aypost.example"])
def test_another_sender_is_not_ours(sender):
    page = compared(sender)

    assert "This sender is not ours" in page
    assert sender not in page


@pytest.mark.parametrize(
    ("typed", "ours"),
    [("About your keys of northwind, Relaypost", True), ("about  your KEYS of x, relaypost", True),
     ("About your keys of", False), ("Win a prize", False)],
)  # fmt: skip
def test_a_subject_is_compared_with_those_of_public_incidents(typed, ours):
    make_incident()
    Incident.objects.update(
        telling={"subjects": ["About your keys of …, Relaypost"]}, first_published_at=timezone.now()
    )

    assert ("We do use this subject" in compared(typed)) is ours


def test_subjects_of_what_is_not_public_are_not_told():
    make_incident(visibility="private")
    Incident.objects.update(telling={"subjects": ["About your keys"]})

    assert "This subject is not ours" in compared("About your keys")


def test_a_report_is_kept_without_marks_of_html():
    answer = Client().post(
        reverse("notifications:report"),
        {"sender": "a <b>@evil.test", "words": "<script>alert(1)</script>Click here", "file": "x"}, **OURS,
    )  # fmt: skip

    assert answer.status_code == 303
    kept = FakeReport.objects.get()
    assert (kept.state, kept.words) == ("new", "alert(1)Click here")
    assert "<" not in kept.sender


def test_a_page_of_somebody_else_cannot_report():
    at = reverse("notifications:report")
    assert Client().post(at, {"words": "x"}, HTTP_SEC_FETCH_SITE="cross-site").status_code == 403
    assert not FakeReport.objects.exists()


def test_a_flood_makes_no_further_rows(monkeypatch):
    monkeypatch.setattr(reports, "MOST_WAITING", 1)
    for _ in range(4):
        reports.report(sender="", words="fake", at=timezone.now())

    assert FakeReport.objects.count() == 2


def test_staff_see_it_and_say_what_it_was(as_user, wanda, otto, stranger):
    reports.report(sender="evil@evil.test", words="Click here", at=timezone.now())
    one = FakeReport.objects.get()
    at = reverse("notifications:report_looked_at", args=[one.pk])

    assert "Click here" in as_user(otto).get(reverse("notifications:reports")).content.decode()
    assert as_user(stranger).get(reverse("notifications:reports")).status_code == 403
    assert as_user(otto).post(at, {"state": "fake"}).status_code == 403
    page = as_user(wanda).post(at, {"state": "fake", "note": "third of this kind"}, follow=True).content.decode()

    assert "third of this kind" in page
    assert AuditEntry.objects.get(act="report.looked_at").by == wanda


def test_old_reports_are_forgotten():
    reports.report(sender="", words="x", at=timezone.now() - reports.KEPT - reports.KEPT)
    reports.report(sender="", words="y", at=timezone.now())

    assert reports.forget(at=timezone.now()) == 1
