"""A person's own data: all of it and nobody else's, given or erased only after two people said so."""

import json
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import approvals, readers
from accounts.models import Account, AuditEntry, User
from incidents.models import AffectedAccount, Incident
from notifications import personal_data
from notifications.inquiries import asking
from notifications.models import Inquiry, PersonRequest, Recipient, Subscriber
from tests.factories import make_account, make_affected, make_decision, make_incident
from tests.notifications.arrange import make_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident() -> Incident:
    return make_incident()


@pytest.fixture
def told(incident) -> Recipient:
    make_affected(incident, make_account("other", "owner@other.example", name="Somebody Else"))
    return make_recipient(incident, state="delivered")


def asked(client, told: Recipient, kind: str) -> tuple[PersonRequest, str]:
    args = [told.incident.slug, told.affected_account_id]
    client.post(reverse("notifications:personal_data", args=args), {"kind": kind, "because": "showed a passport"})
    made = PersonRequest.objects.get()
    return made, reverse("notifications:personal_data_request", args=[*args, made.pk])


def test_all_of_theirs_and_nobody_elses(as_user, ada, anton, told):
    client = as_user(ada)
    made, at = asked(client, told, "give")
    assert "Nothing was done" in client.post(at, follow=True).content.decode()

    approvals.answer(approvals.living(personal_data.ACT, made), yes=True, by=anton)
    answer = client.post(at)

    with ZipFile(BytesIO(answer.content)) as bundle:
        held, page = json.loads(bundle.read("data.json")), bundle.read("data.html").decode()
    assert held["account"]["name"] == "Northwind Traders"
    assert held["addresses"][0]["address"] == told.address.value
    [one] = held["incidents"]
    assert one["facts"] == {"api_key": "key-…4f2"}
    assert told.code in one["messages"][0]["text"]
    assert "Northwind Traders" in page
    assert "Somebody Else" not in page + json.dumps(held)
    assert "Nothing was done" in client.post(at, follow=True).content.decode()
    entry = AuditEntry.objects.get(act="person.given")
    assert "Northwind" not in entry.body


def test_who_may_not(as_user, wanda, stranger, told):
    at = reverse("notifications:personal_data", args=[told.incident.slug, told.affected_account_id])

    assert {as_user(who).get(at).status_code for who in (wanda, stranger)} == {403}


def test_a_notice_that_is_owed_is_kept_and_said(as_user, ada, anton, told):
    Subscriber.objects.create(
        address=told.address.value, lookup=bytes(told.address.lookup), language="en", key_id="k",
        confirmed_at=timezone.now(),
    )  # fmt: skip
    client = as_user(ada)
    made, at = asked(client, told, "erase")
    approvals.answer(approvals.living(personal_data.ACT, made), yes=True, by=anton)

    page = client.post(at, follow=True).content.decode()

    assert "GDPR 17(3)(b)" in page
    assert Account.objects.filter(name="Northwind Traders").exists()
    assert not Subscriber.objects.living().exists()


def test_what_the_mailbox_did_here_is_given_and_erased(ada, anton, told):
    """Asking whether one is affected, and signing in as a reader: neither is owed to anybody's evidence."""
    address, user = told.address.value, readers.who_proved(told.address.value)
    asking.ask(incident=told.incident, address=address, language="en", wants_news=True)
    held = personal_data.all_about(told.account)
    assert [one["mailbox"] for one in held["signs_in"]] == [address]
    assert len(held["asked_whether_affected"]) == 1
    made = personal_data.ask(told.affected_account, kind="erase", because="x", by=ada, at=timezone.now())
    approvals.answer(approvals.living(personal_data.ACT, made), yes=True, by=anton)

    personal_data.erase(made, by=ada, at=timezone.now())

    assert not User.objects.filter(pk=user.pk).exists()
    assert not Inquiry.objects.filter(sealed__isnull=False).exists()


@pytest.mark.parametrize(("days", "kept"), [(364, 1), (366, 0)])
def test_readers_who_come_no_more_are_forgotten_and_staff_never(wanda, stranger, days, kept):
    User.objects.update(last_login=timezone.now() - timedelta(days=days))

    readers.forget_idle(at=timezone.now())

    assert User.objects.filter(is_staff=False).count() == kept
    assert User.objects.filter(is_staff=True).count() == 1


def test_whoever_was_never_affected_is_erased(ada, anton, told):
    AffectedAccount.objects.update(certainty="ruled_out")
    made = personal_data.ask(told.affected_account, kind="erase", because="x", by=ada, at=timezone.now())
    approvals.answer(approvals.living(personal_data.ACT, made), yes=True, by=anton)

    said = personal_data.erase(made, by=ada, at=timezone.now())

    assert said["kept"] == []
    told.account.refresh_from_db()
    told.refresh_from_db()
    assert (told.account.name, told.merge, told.account.addresses.reachable().count()) == ("", {}, 0)
    assert Account.objects.filter(name="Somebody Else").exists()


def test_a_hold_keeps_even_those(told, incident):
    AffectedAccount.objects.update(certainty="ruled_out")
    make_decision(incident, "legal_hold")

    assert "a hold stands" in personal_data.what_of_it(told.account)["kept"][0]
