"""Support: was this person told, send it again, another address; nothing else of anybody."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import approvals
from accounts.models import Address, AuditEntry, User
from incidents.models import Incident
from notifications import correcting, support
from notifications.models import AddressCorrection, Recipient, SentAgain
from tests.factories import make_account, make_affected, make_incident, make_segment, make_step, make_update, make_user
from tests.notifications.arrange import make_recipient
from tests.notifications.reader import _files_apart, publish  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def sam(db):
    """Support."""
    return make_user("sam@relaypost.example", role="Support", name="Sam Support")


@pytest.fixture
def incident() -> Incident:
    return make_incident()


@pytest.fixture
def told(incident) -> Recipient:
    return make_recipient(incident, state="delivered")


def look_up(client, text: str):
    return client.post(reverse("notifications:look_up"), {"text": text}, follow=True)


def test_one_page_says_what_when_how_it_ended_and_what_to_read_out(as_user, sam, told):
    page = look_up(as_user(sam), told.address.value).content.decode()

    for said in (
        "Told",
        told.code,
        "Delivered",
        "To read out",
        "our message reached you",
        "The page said then",
        "Send the notice again to 1 person",
        "Correct it …",
    ):
        assert said in page
    assert AuditEntry.objects.filter(act="account.looked_up", by=sam).exists()


def test_only_their_own_steps_are_read_out(incident, told):
    by, yes = User.objects.get(email="wanda@relaypost.example"), make_user("yes@relaypost.example", role="Approver")
    make_step(incident, "Rotate your keys", segment=make_segment(incident, "theirs"))
    make_step(incident, "Change passwords", segment=make_segment(incident, "others"))
    make_update(incident, "We closed it.")
    affected = told.affected_account
    affected.segments.set([incident.segments.get(key="theirs")])
    publish(incident, by=by, yes=yes)

    assert support.script(affected, "told")[-1] == "Please do this: Rotate your keys."

    affected.certainty = "ruled_out"
    assert not any("Please do this" in sentence for sentence in support.script(affected, "ruled_out"))


def test_support_sends_it_again_to_an_address_on_file(as_user, sam, told):
    client = as_user(sam)
    look_up(client, told.address.value)

    at = reverse("notifications:send_again", args=[told.incident.slug, told.affected_account_id, told.address_id])
    page = client.post(at, follow=True).content.decode()

    assert "The notice goes to this address again" in page
    assert SentAgain.objects.get().by == sam
    assert "Nothing was sent" in client.post(at, follow=True).content.decode()
    assert SentAgain.objects.count() == 1


@pytest.mark.parametrize("view", ["send_again", "correct"])
def test_only_whom_their_own_look_up_found(as_user, sam, told, view):
    at = reverse(f"notifications:{view}", args=[told.incident.slug, told.affected_account_id, told.address_id])

    assert as_user(sam).post(at, {"value": "a@b.example", "because": "x"}).status_code == 403
    assert not SentAgain.objects.exists()
    assert not AddressCorrection.objects.exists()


@pytest.mark.parametrize("view", ["send_again", "correct"])
def test_who_may_not(as_user, otto, wanda, stranger, told, view):
    at = reverse(f"notifications:{view}", args=[told.incident.slug, told.affected_account_id, told.address_id])

    assert {as_user(who).post(at).status_code for who in (otto, wanda, stranger)} == {403}


def test_an_address_of_somebody_else_is_not_found(as_user, sam, told, incident):
    other = make_affected(incident, make_account("other", "owner@other.example")).account.addresses.get()
    client = as_user(sam)
    look_up(client, told.address.value)

    at = reverse("notifications:send_again", args=[incident.slug, told.affected_account_id, other.pk])
    assert client.post(at).status_code == 404


def asked(client, told, value="right@northwind.example") -> AddressCorrection:
    look_up(client, told.address.value)
    at = reverse("notifications:correct", args=[told.incident.slug, told.affected_account_id, told.address_id])
    client.post(at, {"value": value, "because": "called back at the number of the contract"})
    return AddressCorrection.objects.get()


def test_corrections_of_others_are_not_read_by_trying_numbers(as_user, sam, ada, told):
    correction = asked(as_user(ada), told)
    at = reverse("notifications:correction", args=[told.incident.slug, told.affected_account_id, correction.pk])
    client = as_user(sam)

    assert {client.get(at).status_code, client.post(at).status_code} == {403}

    look_up(client, told.address.value)
    assert client.get(at).status_code == 200


def test_of_two_corrections_of_one_address_the_second_is_over(as_user, sam, anton, told):
    client = as_user(sam)
    first, second = asked(client, told), None
    at = reverse("notifications:correct", args=[told.incident.slug, told.affected_account_id, told.address_id])
    client.post(at, {"value": "another@northwind.example", "because": "rang again"})
    second = AddressCorrection.objects.exclude(pk=first.pk).get()
    for one in (first, second):
        approvals.answer(approvals.living(correcting.ACT, one), yes=True, by=anton)

    correcting.carry_out(first, by=sam, at=timezone.now())

    with pytest.raises(correcting.CannotCorrect):
        correcting.carry_out(second, by=sam, at=timezone.now())
    assert Address.objects.filter(withdrawn_at=None).count() == 1


def test_a_second_person_says_yes_before_an_address_is_another(as_user, sam, anton, told):
    client = as_user(sam)
    correction = asked(client, told)
    at = reverse("notifications:correction", args=[told.incident.slug, told.affected_account_id, correction.pk])
    assert "Nothing was changed" in client.post(at, follow=True).content.decode()
    assert Address.objects.count() == 1

    approvals.answer(approvals.living(correcting.ACT, correction), yes=True, by=anton)
    page = client.post(at, follow=True).content.decode()

    new = Address.objects.get(value="right@northwind.example")
    old = Address.objects.exclude(pk=new.pk).get()
    told.link.refresh_from_db()
    assert "The old address is withdrawn" in page
    assert old.withdrawn_at and told.link.revoked_at
    assert SentAgain.objects.get().recipient.address == new
    correction.refresh_from_db()
    assert correction.value == ""
    entry = AuditEntry.objects.get(act="address.corrected")
    assert "right@" not in entry.body


def test_nobody_says_yes_to_their_own_correction(as_user, ada, told):
    correction = asked(as_user(ada), told)

    with pytest.raises(approvals.NotAllowed):
        approvals.answer(approvals.living(correcting.ACT, correction), yes=True, by=ada)


def test_what_was_changed_after_the_yes_is_not_done(as_user, sam, anton, told):
    client = as_user(sam)
    correction = asked(client, told)
    approvals.answer(approvals.living(correcting.ACT, correction), yes=True, by=anton)
    AddressCorrection.objects.update(value="evil@attacker.example")

    at = reverse("notifications:correction", args=[told.incident.slug, told.affected_account_id, correction.pk])
    assert "Nothing was changed" in client.post(at, follow=True).content.decode()
    assert not Address.objects.filter(value="evil@attacker.example").exists()


def test_before_the_page_there_was_none(as_user, sam, told):
    assert "it was not published yet" in look_up(as_user(sam), told.address.value).content.decode()
