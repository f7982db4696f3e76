"""A session of staff ends by itself: an hour without a hand, or after a night shift."""

import time

import pytest
from django.urls import reverse

from accounts import session_limits

PAGE = "/staff/"


@pytest.fixture
def clock(monkeypatch):
    """clock(minutes) moves the time on."""
    now = [time.time()]
    monkeypatch.setattr(session_limits.time, "time", lambda: now[0])

    def move(minutes: float) -> None:
        now[0] += minutes * 60

    return move


def test_an_hour_without_a_hand_ends_it_and_says_so(ada, as_user, clock):
    client = as_user(ada)
    client.get(PAGE)
    clock(61)

    response = client.get(PAGE, follow=True)

    assert response.redirect_chain[0][0].startswith(reverse("account_login"))
    assert "nothing was pressed for 60 minutes" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_each_press_counts(ada, as_user, clock):
    client = as_user(ada)
    for _ in range(5):
        assert client.get(PAGE).status_code == 200
        clock(50)


def test_a_page_that_looks_by_itself_is_no_hand(ada, as_user, clock):
    client = as_user(ada)
    client.get(PAGE)
    for _ in range(6):
        clock(11)
        client.get(PAGE, headers={"HX-Request": "true"})

    assert client.get(PAGE).status_code == 302


def test_after_the_night_shift_it_ends_whatever_happens(ada, as_user, clock):
    client = as_user(ada)
    for _ in range(15):
        client.get(PAGE)
        clock(49)

    response = client.get(PAGE, follow=True)

    assert "12 hours had passed" in response.content.decode()


def test_a_post_that_comes_too_late_changes_nothing(ada, otto, as_user, clock):
    client = as_user(ada)
    client.get(PAGE)
    clock(61)

    client.post(reverse("accounts:close", args=[otto.pk]))

    otto.refresh_from_db()
    assert otto.is_active
