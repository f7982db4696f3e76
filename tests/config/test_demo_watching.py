"""What the demo does when nothing moves: it says why, and waits where a person has to press something."""

import pytest

from config.demo import story, watching
from config.demo.watching import StandsStill, Watch
from notifications.models import Mailing
from tests.factories import make_affected, make_incident
from tests.notifications.arrange import make_mailing


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(watching, "QUIET_SECONDS", 0)
    monkeypatch.setattr(watching.time, "sleep", lambda seconds: None)


def test_it_waits_for_a_person_and_says_once_what_to_press():
    said, looks = [], iter([0, 0, 0, 1])
    watch = Watch(True, must_run=lambda: None, held=lambda: "Press “Go on”.", waits=True, say=said.append)

    watch.until("Sending", 1, lambda: next(looks))

    assert said == ["Press “Go on”."]


def test_played_once_it_gives_up_and_says_what_held_it():
    watch = Watch(True, must_run=lambda: None, held=lambda: "Press “Go on”.")

    with pytest.raises(StandsStill, match="Press “Go on”"):
        watch.until("Sending", 1, lambda: 0)


@pytest.mark.django_db
def test_a_paused_mailing_is_named_with_its_page():
    incident = make_incident()
    mailing = make_mailing(incident, [make_affected(incident)])
    assert story.held() == ""

    Mailing.objects.update(state="paused")

    assert f"Mailing {mailing.number} is paused" in story.held() and f"/mailings/{mailing.number}/" in story.held()
