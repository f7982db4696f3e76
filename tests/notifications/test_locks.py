"""Two people act at the same moment: one may wait for the other, never both, and never long."""

import threading
import time

import pytest
from django.db import connection

from accounts import approvals, audit
from incidents import deciding, drafting, publishing
from incidents.models import Decision, Incident, Update
from notifications import mailings
from notifications.mailings import preparing, running
from notifications.models import Mailing
from tests.factories import (
    NOON,
    in_hours,
    make_account,
    make_affected,
    make_incident,
    make_notice,
    make_organisation,
    make_update,
)

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 3  # seconds


@pytest.fixture
def incident(wanda, anton, settings, tmp_path) -> Incident:
    """Approved, not published yet."""
    settings.SITE_FOLDER = str(tmp_path)
    make_organisation()
    incident = make_incident()
    make_update(incident)
    approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton)
    return incident


@pytest.fixture
def mailing(incident, wanda, anton) -> Mailing:
    """Approved, not started yet."""
    publishing.publish(incident, by=anton)
    incident.refresh_from_db()
    make_affected(incident)
    mailing = mailings.prepare(make_notice(incident, by=wanda), by=wanda)
    approvals.answer(mailings.ask(mailing, by=wanda), yes=True, by=anton)
    return mailing


def at_once(*acts) -> list[Exception]:
    """What went wrong in any of them."""
    wrong: list[Exception] = []

    def run(act):
        try:
            act()
        except Exception as error:  # noqa: BLE001  (the test looks at it)
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


@pytest.fixture
def meets(monkeypatch):
    """meets(first, second): the first act stops before its entry in the log until the second has written its own."""
    stands_there, has_written = threading.Event(), threading.Event()
    record = audit.record

    def meet(first: str, second: str) -> threading.Event:
        def slowly(**said):
            if said["act"] == first:
                stands_there.set()
                has_written.wait(PATIENCE)
            entry = record(**said)
            if said["act"] == second:
                has_written.set()
                time.sleep(0.3)  # the first one asks for the log's lock now
            return entry

        monkeypatch.setattr(audit, "record", slowly)
        return stands_there

    return meet


def test_a_decision_recorded_while_the_page_is_published_stops_neither(incident, wanda, anton, meets):
    publishing_stands = meets("page.published", "decision.recorded")

    def decide():
        publishing_stands.wait(PATIENCE)
        decision = Decision(incident=incident, kind="aware", at=NOON, precision="minute", reasons="Found in a log.")
        deciding.decide(decision, by=wanda)

    assert at_once(lambda: publishing.publish(incident, by=anton), decide) == []
    assert (incident.page_versions.count(), incident.decisions.count()) == (1, 1)


def test_an_update_with_a_promise_saved_while_the_page_is_published_stops_neither(incident, wanda, anton, meets):
    publishing_stands = meets("page.published", "update.added")

    def write():
        publishing_stands.wait(PATIENCE)
        draft = Update(incident=incident, body="More soon.", phase="investigating", precision="unknown")
        drafting.write(draft, changed=["next_update_by"], next_update_by=in_hours(3), by=wanda)

    assert at_once(lambda: publishing.publish(incident, by=anton), write) == []
    assert (incident.page_versions.count(), incident.updates.count()) == (1, 2)


def test_starting_and_cancelling_at_once_ends_with_one_of_them(mailing, anton, monkeypatch):
    locked, voided = threading.Event(), threading.Event()
    lock, void = running._locked, approvals.void

    def lock_and_wait(chosen):
        found = lock(chosen)
        locked.set()
        voided.wait(0.5)
        return found

    def wait_and_void(**said):
        locked.wait(PATIENCE)
        ended = void(**said)
        voided.set()
        return ended

    monkeypatch.setattr(running, "_locked", lock_and_wait)
    monkeypatch.setattr(approvals, "void", wait_and_void)
    wrong = at_once(
        lambda: mailings.start(mailing, by=anton), lambda: mailings.cancel(mailing, by=anton, because="wrong people")
    )

    mailing.refresh_from_db()
    assert mailing.state == "cancelled"
    assert not [error for error in wrong if not isinstance(error, mailings.NotNow)]


def test_a_mailing_can_be_paused_while_a_large_one_is_prepared(mailing, wanda, anton, monkeypatch):
    mailings.start(mailing, by=anton)
    other = make_incident("other", first_published_at=NOON)
    make_affected(other, make_account("contoso", "owner@contoso.example"))
    preparing_now, paused = threading.Event(), threading.Event()
    freeze_window = preparing.freeze_window

    def slowly(*given, **named):
        preparing_now.set()
        assert paused.wait(PATIENCE), "the pause waits for the preparing to end"
        return freeze_window(*given, **named)

    def pause():
        preparing_now.wait(PATIENCE)
        mailings.pause(mailing, by=anton, because="wrong text")
        paused.set()

    monkeypatch.setattr(preparing, "freeze_window", slowly)
    assert at_once(lambda: mailings.prepare(make_notice(other, by=wanda), by=wanda), pause) == []
    mailing.refresh_from_db()
    assert mailing.state == "paused"
