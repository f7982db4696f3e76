"""`unknown` is settled by a person, or by the policy its mailing was approved with; never by a timer alone."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from accounts.models import AuditEntry
from notifications import dispatch, mailing_states, reconcile
from notifications.models import Attempt, Mailing, Outbox, Recipient
from tests.factories import make_incident
from tests.notifications.arrange import make_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def unknown() -> Recipient:
    """One whose worker was killed on the wire."""
    recipient = make_recipient(make_incident())
    dispatch.mark(dispatch.claim(1), {})
    Outbox.objects.update(lease_until=Now() - timedelta(seconds=1))
    dispatch.reap()
    recipient.refresh_from_db()
    assert recipient.state == "unknown"
    return recipient


def wait(hours: float) -> None:
    Recipient.objects.update(state_at=Now() - timedelta(hours=hours))


def test_a_person_sends_it_once_more(unknown, anton):
    reconcile.settle_unknown(unknown, resend=True, by=anton)

    unknown.refresh_from_db()
    assert unknown.state == "queued"
    assert dispatch.claim(25).numbers == {unknown.pk: 2}
    assert list(Attempt.objects.values_list("number", "outcome")) == [(1, "unknown"), (2, "")]
    assert AuditEntry.objects.get(act="recipient.sent_again").by == anton


def test_a_person_leaves_it_unconfirmed(unknown, anton):
    reconcile.settle_unknown(unknown, resend=False, by=anton)

    unknown.refresh_from_db()
    assert unknown.state == "unconfirmed"
    assert not Outbox.objects.exists()
    assert AuditEntry.objects.get(act="recipient.left_unconfirmed").by == anton


@pytest.mark.parametrize("resend", [True, False])
def test_the_second_of_two_people_is_told_that_it_is_settled(unknown, anton, ada, resend):
    reconcile.settle_unknown(unknown, resend=True, by=anton)

    with pytest.raises(reconcile.NotUnknown):
        reconcile.settle_unknown(unknown, resend=resend, by=ada)
    assert Outbox.objects.count() == 1


def test_nothing_is_sent_again_for_a_cancelled_mailing(unknown, anton):
    Mailing.objects.update(state="cancelled")

    with pytest.raises(mailing_states.NotOpen):
        reconcile.settle_unknown(unknown, resend=True, by=anton)
    reconcile.settle_unknown(unknown, resend=False, by=anton)


def test_a_finished_mailing_runs_again_for_it(unknown, anton):
    dispatch.finish_mailings()

    reconcile.settle_unknown(unknown, resend=True, by=anton)

    assert Mailing.objects.get().state == "running"
    assert AuditEntry.objects.get(act="mailing.reopened").by == anton


def test_held_for_staff_it_stays_unknown_however_long(unknown):
    wait(hours=1000)

    assert reconcile.resend_unknown() == 0
    assert dispatch.run_lane() == 0


@pytest.mark.parametrize(("hours", "sent_again"), [(0.2, 0), (0.3, 1)])
def test_at_least_once_waits_for_events_first(unknown, hours, sent_again):
    Mailing.objects.update(on_unknown=Mailing.OnUnknown.RECONCILE_THEN_RESEND)
    wait(hours)

    assert reconcile.resend_unknown() == sent_again
    assert reconcile.resend_unknown() == 0
    assert Outbox.objects.count() == sent_again
