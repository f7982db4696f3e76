"""A drill never writes to anybody, also where a mailing of it came to be running past every form."""

import pytest
from django.core import mail

from notifications import dispatch
from tests.factories import make_incident, make_many_affected
from tests.notifications.arrange import make_mailing


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("drill", "left"), [(True, 0), (False, 2)])
def test_what_a_drill_has_running_is_stopped_at_the_claim(drill, left):
    incident = make_incident(drill=drill, visibility="private")
    mailing = make_mailing(incident, make_many_affected(incident, 2))

    dispatch.run_lane(seconds=1)

    assert len(mail.outbox) == left
    reasons = set(mailing.recipients.values_list("state", "reason"))
    assert (("cancelled", "A drill: its messages never leave the house") in reasons) is drill
