"""`unknown` is sent again only by the policy its mailing was approved with; never by a timer alone."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from notifications import dispatch, reconcile
from notifications.models import Mailing, Outbox, Recipient
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
