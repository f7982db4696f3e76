"""The bells: what beat heals, how lanes are woken, and how many there are."""

import os
import signal
import threading

import pytest
from django.core.management import call_command
from django.db import connections
from kombu.exceptions import OperationalError

from notifications import dispatch, lanes, tasks
from notifications.models import Mailing
from tests.factories import make_address, make_incident, make_many_affected
from tests.notifications.arrange import make_mailing
from tests.notifications.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def rung(monkeypatch) -> list:
    rung: list = []
    monkeypatch.setattr(tasks.lane, "apply_async", lambda **options: rung.append(options))
    return rung


@pytest.fixture
def mailing(settings):
    settings.EMAIL_BACKEND = "notifications.smtp.PhasedBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 1
    incident = make_incident()
    with SmtpServer() as server:
        settings.EMAIL_PORT = server.port
        mailing = make_mailing(incident, make_many_affected(incident, 3))
        mailing.server = server
        yield mailing


def test_a_tick_rings_every_lane_while_something_is_ready(mailing, rung, settings):
    settings.SENDING_LANES = 3
    tasks.tick()
    assert len(rung) == 3
    assert all(options["expires"] for options in rung)

    Mailing.objects.update(state="paused")
    tasks.tick()
    assert len(rung) == 3


def test_a_lane_rings_for_its_successor_until_nothing_is_left(mailing, rung):
    tasks.lane()
    tasks.lane()

    assert len(rung) == 1


def test_a_broker_that_is_away_loses_a_ring_and_nothing_else(mailing, monkeypatch, caplog):
    def away(**options):
        raise OperationalError("connection refused")

    monkeypatch.setattr(tasks.lane, "apply_async", away)

    tasks.tick()
    tasks.lane()

    assert "The broker is away" in caplog.text
    assert set(mailing.recipients.values_list("state", flat=True)) == {"accepted"}


def test_a_tick_follows_up_before_it_finishes(mailing, rung):
    mailing.server.faults["rcpt"] = {"owner": "550 no such user"}
    make_address(mailing.recipients.first().account, "security@acme.example", role="security")
    tasks.lane()

    tasks.tick()

    mailing.refresh_from_db()
    assert mailing.state == "running"
    assert mailing.recipients.count() == 4


def test_the_command_sends_everything_without_a_worker(mailing, capsys):
    call_command("send")

    mailing.refresh_from_db()
    assert mailing.state == "finished"
    assert capsys.readouterr().out == "3 messages handed over, 1 mailings finished.\n"


def test_one_lane_too_many_comes_back_at_once(mailing, settings):
    settings.SENDING_LANES = 1
    results = []

    def elsewhere():
        results.append(dispatch.run_lane())
        connections.close_all()

    with lanes.one() as mine:
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()

    assert mine
    assert results == [0]
    assert not mailing.server.accepted


def test_a_lane_that_is_told_to_stop_ends_between_two_messages(mailing):
    before = signal.getsignal(signal.SIGTERM)
    mailing.server.on_accept = lambda message: os.kill(os.getpid(), signal.SIGTERM)

    dispatch.run_lane()

    states = list(mailing.recipients.values_list("state", flat=True))
    # What was on the wire already ends there: on a busy machine that may be more than one.
    assert 1 <= len(mailing.server.accepted) == states.count("accepted")
    assert set(states) <= {"accepted", "queued"}
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_worker_that_shuts_down_starts_no_window(mailing, monkeypatch):
    monkeypatch.setattr(lanes, "stop_asked", stopping := threading.Event())
    stopping.set()

    assert dispatch.run_lane() == 0
