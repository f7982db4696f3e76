"""The database goes away in the middle of a window: what was said is written down, what was not said goes again."""

import pytest
from django.db import OperationalError

from notifications import dispatch
from notifications.dispatch import windows
from notifications.models import Attempt, Outbox
from tests.factories import make_incident, make_many_affected
from tests.notifications.arrange import make_mailing
from tests.notifications.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(settings):
    settings.EMAIL_BACKEND = "notifications.smtp.PhasedBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 5
    with SmtpServer() as server:
        settings.EMAIL_PORT = server.port
        yield server


@pytest.fixture
def mailing(server):
    incident = make_incident()
    return make_mailing(incident, make_many_affected(incident, 5))


def states(mailing) -> set[str]:
    return set(mailing.recipients.values_list("state", flat=True))


def test_a_mark_whose_answer_is_lost_leaves_nobody_unknown(mailing, server, monkeypatch):
    def marked_and_not_told(batch, hashes):
        dispatch.mark(batch, hashes)
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(windows, "mark", marked_and_not_told)
    dispatch.run_window(25)

    assert server.accepted == [] and states(mailing) == {"queued"}
    assert set(Outbox.objects.values_list("state", flat=True)) == {"ready"}
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {"released"}

    monkeypatch.undo()
    dispatch.run_window(25)

    assert len(server.accepted) == 5 and states(mailing) == {"accepted"}


def test_a_database_that_is_away_during_the_wire_loses_no_answer(mailing, server, monkeypatch):
    server.delay = 0.3
    monkeypatch.setattr(windows, "LOOK_EVERY", windows.LOOK_EVERY / 10)
    monkeypatch.setattr(windows, "MAY_STILL_GO", "SELECT pg_terminate_backend(pg_backend_pid()), %s")

    dispatch.run_lane(seconds=3)

    assert len(server.accepted) == 5 and states(mailing) == {"accepted"}
