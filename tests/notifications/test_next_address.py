"""Whoever a message did not reach is written to at the next address: in order, once, and only where it may be."""

import pytest

from incidents.models import AffectedAccount, Incident
from notifications import dispatch, links, mailing_states, next_address, telling
from notifications.models import Mailing, Outbox, Recipient
from tests.factories import NOON, in_hours, make_address, make_decision, make_incident
from tests.notifications.arrange import make_another_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident() -> Incident:
    return make_incident()


def test_addresses_are_tried_in_order_of_role(incident):
    recipient = make_another_recipient(incident, state="bounced")
    for role in ("billing", "security", "administrator"):
        make_address(recipient.account, f"{role}@account-1.example", role=role)

    tried = []
    while recipient:
        Recipient.objects.filter(pk=recipient.pk).update(state="failed")
        Outbox.objects.all().delete()
        next_address.queue_all()
        recipient = Recipient.objects.filter(follows=recipient).first()
        tried.append(recipient.address.role if recipient else None)

    assert tried == ["administrator", "security", "billing", None]


@pytest.mark.parametrize("state", ["bounced", "failed", "unconfirmed"])
def test_the_next_message_carries_the_same_facts_with_a_code_and_link_of_its_own(incident, state):
    recipient = make_another_recipient(incident, state=state)
    make_address(recipient.account, "security@account-1.example", role="security")

    assert next_address.queue_all() == 1

    following = Recipient.objects.get(follows=recipient)
    assert (following.state, following.merge, following.mailing) == ("queued", recipient.merge, recipient.mailing)
    assert following.link.address == following.address
    assert len({following.code, recipient.code}) == len({following.message_id, recipient.message_id}) == 2
    assert links.normalise_code(following.code) == following.code
    assert following.message_id.endswith("@relaypost.example")
    assert list(dispatch.claim(25).numbers) == [following.pk]


@pytest.mark.parametrize("state", ["accepted", "delivered", "unknown", "cancelled", "queued", "sending"])
def test_nobody_else_is_written_to_a_second_time(incident, state):
    recipient = make_another_recipient(incident, state=state)
    make_address(recipient.account, "security@account-1.example", role="security")

    assert next_address.queue_all() == 0


@pytest.mark.parametrize("fields", [{"trusted": False}, {"withdrawn_at": NOON}, {"kind": "phone"}])
def test_an_address_that_cannot_be_trusted_is_not_tried(incident, fields):
    recipient = make_another_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", **fields)

    assert next_address.queue_all() == 0
    with pytest.raises(next_address.NoOtherAddress):
        next_address.queue(recipient)
    assert telling.outcome_of(recipient.affected_account) == "unreached"


def test_an_address_that_came_after_the_start_has_nobodys_yes(incident):
    recipient = make_another_recipient(incident, state="bounced")
    make_address(recipient.account, "late@elsewhere.example", role="owner", created_at=in_hours(1))

    assert next_address.queue_all() == 0
    with pytest.raises(next_address.NoOtherAddress):
        next_address.queue(recipient)


def test_two_workers_with_one_list_do_not_end_each_others_tick(incident):
    """An error would keep the lanes from being rung; with a third address there is still one to try."""
    recipient = make_another_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")
    make_address(recipient.account, "billing@account-1.example", role="billing")
    next_address.queue(recipient)

    with pytest.raises(next_address.AlreadyFollowed):
        next_address.queue(recipient)
    assert Recipient.objects.filter(follows=recipient).count() == 1


def test_following_up_twice_writes_once(incident):
    recipient = make_another_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")

    assert (next_address.queue_all(), next_address.queue_all()) == (1, 0)


def test_a_finished_mailing_runs_again_for_a_late_bounce(incident):
    recipient = make_another_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")
    dispatch.finish_mailings()

    next_address.queue_all()

    recipient.mailing.refresh_from_db()
    assert (recipient.mailing.state, recipient.mailing.finished_at) == ("running", None)


def test_a_cancelled_mailing_writes_to_nobody_more(incident):
    recipient = make_another_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")
    Mailing.objects.update(state="cancelled")

    assert next_address.queue_all() == 0
    with pytest.raises(mailing_states.NotOpen):
        next_address.queue(recipient)


def test_who_was_ruled_out_since_is_not_written_to(incident):
    recipient = make_another_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")
    AffectedAccount.objects.update(certainty="ruled_out")

    assert next_address.queue_all() == 0


@pytest.mark.parametrize("kind", ["do_not_contact", "law_enforcement_hold"])
def test_a_decision_made_since_is_heeded_until_it_no_longer_holds(incident, kind):
    recipient = make_another_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")
    decision = make_decision(incident, kind)
    assert next_address.queue_all() == 0

    make_decision(incident, "no_longer", supersedes=decision)
    assert next_address.queue_all() == 1


def test_an_account_whose_every_address_is_in_the_mailing_already_is_not_doubled(incident):
    recipient = make_another_recipient(incident, state="bounced")
    second = make_address(recipient.account, "security@account-1.example", role="security")
    Recipient.objects.create(
        incident=incident, mailing=recipient.mailing, affected_account=recipient.affected_account,
        account=recipient.account, address=second, kind=recipient.kind, sequence=1, code="X", message_id="x@x",
        state="accepted",
    )  # fmt: skip

    assert next_address.queue_all() == 0
