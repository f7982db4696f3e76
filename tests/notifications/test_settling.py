"""Unknown messages, one, some or all: they arrived, go again, or are left."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from incidents.models import AffectedAccount
from notifications import dispatch, mailing_states, telling, tracking
from notifications.mailings.settling import Answer, settle
from notifications.models import Attempt, DeliveryEvent, Mailing, Outbox, Recipient
from tests.factories import make_address, make_incident, make_many_affected
from tests.notifications.arrange import make_mailing
from tests.notifications.test_mailing_settings_page import text

State = Recipient.State


@pytest.fixture
def mailing(wanda):
    """A finished mailing: three unknown after one attempt, one delivered."""
    incident = make_incident()
    mailing = make_mailing(incident, make_many_affected(incident, 4))
    batch = dispatch.claim(4)
    dispatch.mark(batch, dict.fromkeys(batch.numbers, "f" * 64))
    Outbox.objects.all().delete()
    Attempt.objects.update(outcome="unknown")
    Recipient.objects.update(state="unknown")
    Recipient.objects.filter(pk=Recipient.objects.last().pk).update(state="delivered")
    Mailing.objects.update(state="finished")
    mailing.refresh_from_db()
    return mailing


def states(mailing):
    return sorted(mailing.recipients.values_list("state", flat=True))


def test_all_that_arrived_count_as_told_and_an_event_bears_it_out(mailing, anton):
    assert settle(mailing, Answer.ARRIVED, by=anton) == 3

    assert states(mailing) == ["delivered"] * 4
    assert DeliveryEvent.objects.filter(provider="staff", type="delivered").count() == 3
    assert telling.outcomes(mailing.incident)["told"] == 4


def test_what_arrived_and_comes_back_after_all_is_not_told(mailing, anton):
    settle(mailing, Answer.ARRIVED, by=anton)
    one = mailing.recipients.first()
    DeliveryEvent.objects.create(provider="Mailgun", key="x", recipient=one, type="bounced", at=one.state_at)

    tracking.settle(one.pk)

    assert Recipient.objects.get(pk=one.pk).state == State.BOUNCED


def test_some_are_sent_again_and_the_mailing_runs_again(mailing, anton):
    ids = list(mailing.recipients.filter(state="unknown").values_list("pk", flat=True))[:2]

    assert settle(mailing, Answer.RESEND, by=anton, only=ids) == 2

    assert states(mailing) == ["delivered", "queued", "queued", "unknown"]
    assert dict(dispatch.claim(10).numbers) == dict.fromkeys(ids, 2)
    assert Mailing.objects.get().state == "running"


def test_whoever_is_left_is_unconfirmed_and_not_told(mailing, anton):
    settle(mailing, Answer.LEAVE, by=anton)

    assert states(mailing) == ["delivered", "unconfirmed", "unconfirmed", "unconfirmed"]
    assert telling.outcomes(mailing.incident)["unreached"] == 3


def test_what_is_settled_already_is_left_as_it_is(mailing, anton):
    ids = list(mailing.recipients.values_list("pk", flat=True))
    settle(mailing, Answer.LEAVE, by=anton)

    assert settle(mailing, Answer.RESEND, by=anton, only=ids) == 0


def test_a_cancelled_mailing_sends_nothing_again(mailing, anton):
    Mailing.objects.update(state="cancelled")

    with pytest.raises(mailing_states.NotOpen):
        settle(mailing, Answer.RESEND, by=anton)

    assert states(mailing).count("unknown") == 3


def test_one_entry_of_the_log_says_how_many_and_which(mailing, anton):
    settle(mailing, Answer.LEAVE, by=anton)

    entry = AuditEntry.objects.get(act="mailing.unknown_settled")
    assert '"answer":"leave"' in entry.body and '"count":3' in entry.body and "@" not in entry.body


# The page -------------------------------------------------------------------------------------------------------


def to(name, mailing):
    return reverse(f"notifications:{name}", args=[mailing.incident.slug, mailing.number])


def test_many_are_settled_after_a_page_that_names_the_number(mailing, anton, as_user):
    client = as_user(anton)
    assert "3 messages were handed over" in text(client.get(to("mailing_unknown", mailing)))

    asked = client.post(to("mailing_settle_unknown", mailing), {"answer": "resend", "everyone": "1"})
    assert "Send again to 3 people" in text(asked) and states(mailing).count("unknown") == 3
    said = client.post(
        to("mailing_settle_unknown", mailing), {"answer": "resend", "everyone": "1", "sure": "1"}, follow=True
    )

    assert "Settled: 3 messages are queued once more." in text(said)


def test_those_ticked_alone_are_settled(mailing, anton, as_user):
    pk = mailing.recipients.filter(state="unknown").first().pk

    said = as_user(anton).post(
        to("mailing_settle_unknown", mailing), {"answer": "arrived", "recipient": pk, "sure": "1"}, follow=True
    )

    assert "Settled: 1 message counts as told." in text(said)
    assert states(mailing) == ["delivered", "delivered", "unknown", "unknown"]


def test_nobody_ticked_is_said(mailing, anton, as_user):
    said = as_user(anton).post(to("mailing_settle_unknown", mailing), {"answer": "leave"}, follow=True)

    assert "Tick at least one person" in text(said)


@pytest.mark.parametrize("who", ["wanda", "otto"])
def test_whoever_may_not_send_settles_nothing(mailing, request, as_user, who):
    client = as_user(request.getfixturevalue(who))

    assert client.post(to("mailing_settle_unknown", mailing), {"answer": "leave", "everyone": "1"}).status_code == 403
    assert "Those ticked" not in text(client.get(to("mailing_unknown", mailing)))


# Whom nothing has reached ---------------------------------------------------------------------------------------


def test_the_unreached_stand_by_name_with_the_reason_and_their_other_addresses(mailing, otto, as_user):
    affected = AffectedAccount.objects.first()
    make_address(affected.account, "billing@acme.example", role="billing")
    make_address(affected.account, "1 Main Street", kind="post")
    make_address(affected.account, "old@acme.example", role="security", trusted=False)
    mailing.recipients.filter(affected_account=affected).update(state="bounced", reason="No such mailbox")

    said = text(as_user(otto).get(reverse("notifications:unreached", args=[mailing.incident.slug])))

    assert "owner@acme-0001.example owner: No such mailbox" in said
    assert said.index("old@acme.example security: not trusted") < said.index("billing@acme.example billing: not tried")
    assert "1 Main Street owner: for a letter" in said
