"""An open session is not enough for what is public or cannot be undone."""

import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.urls import reverse

from accounts.models import AuditEntry, Organisation
from tests.accounts.test_access import STAFF
from tests.factories import TOTP_SECRET

# What the world sees, what leaves the house, who may do what.
ASKED_AGAIN = (
    "/approvals/1/answer/", "/staff/people/", "/people/1/", "/people/1/close/", "/organisation/", "/carry-out/",
    "/tokens/new/", "/single-sign-on/", "/publish/alone/", "/approvals/1/review/",
    "/publish/now/", "/publish/plan/", "/redact/now/", "/decisions/new/",
    "/1/start/", "/1/schedule/", "/1/rest/", "/mailings/1/move/", "/unknown/settle/", "/sending/lift/",
    "/exports/1/download/", "/evidence/ask/", "/evidence/1/download/",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_code_is_used_yet():
    cache.clear()


def code() -> str:
    return format_hotp_value(hotp_value(TOTP_SECRET, int(time.time()) // 30))


@pytest.mark.parametrize("act", ASKED_AGAIN)
def test_these_acts_ask_again(act):
    views = [pattern.callback for address, pattern in STAFF if address.endswith(act)]

    assert views
    assert all(view.fresh for view in views)


@pytest.mark.parametrize("brake", ["pause", "cancel", "stop"])
def test_a_brake_never_asks_again(brake):
    """Whoever must stop something must not be stopped first."""
    views = [pattern.callback for address, pattern in STAFF if pattern.name and pattern.name.endswith(brake)]

    assert views
    assert not any(view.fresh for view in views)


def test_an_old_session_reads_and_is_asked_before_it_changes_anything(ada, as_user):
    client = as_user(ada, minutes_ago=16)
    page = reverse("accounts:organisation")
    before = Organisation.get().name

    assert client.get(page).status_code == 200
    response = client.post(page, {"name": "Somebody Else Ltd"})

    assert response.status_code == 302
    assert response.url.startswith(reverse("mfa_reauthenticate"))
    assert Organisation.get().name == before


def test_what_was_pressed_is_carried_out_once_the_code_is_shown(ada, otto, as_user):
    client = as_user(ada, minutes_ago=16)

    asked = client.post(reverse("accounts:close", args=[otto.pk]), follow=True)
    assert "ask once more" in asked.content.decode()
    done = client.post(asked.redirect_chain[-1][0], {"code": code()}, follow=True)

    otto.refresh_from_db()
    assert not otto.is_active
    assert "has no access any more" in done.content.decode()
    assert AuditEntry.objects.filter(act="staff.closed").count() <= 1


def test_a_wrong_code_does_nothing(ada, otto, as_user):
    client = as_user(ada, minutes_ago=16)

    asked = client.post(reverse("accounts:close", args=[otto.pk]), follow=True)
    client.post(asked.redirect_chain[-1][0], {"code": "000000"})

    otto.refresh_from_db()
    assert otto.is_active


def test_a_password_alone_does_not_open_it(ada, otto, as_user):
    client = as_user(ada, minutes_ago=16)
    client.post(reverse("accounts:close", args=[otto.pk]))

    response = client.get(reverse("account_reauthenticate"))

    assert response.status_code == 302
    assert response.url.startswith(reverse("mfa_reauthenticate"))


def test_rights_lost_meanwhile_are_not_carried_out(ada, otto, as_user):
    client = as_user(ada, minutes_ago=16)
    asked = client.post(reverse("accounts:close", args=[otto.pk]), follow=True)
    ada.groups.clear()

    done = client.post(asked.redirect_chain[-1][0], {"code": code()})

    otto.refresh_from_db()
    assert done.status_code == 403
    assert otto.is_active


def test_what_waited_is_carried_out_only_once(ada, otto, as_user):
    client = as_user(ada, minutes_ago=16)
    asked = client.post(reverse("accounts:close", args=[otto.pk]), follow=True)
    client.post(asked.redirect_chain[-1][0], {"code": code()})
    otto.is_active = True
    otto.save()

    client.get(asked.redirect_chain[-1][0], follow=True)

    otto.refresh_from_db()
    assert otto.is_active
