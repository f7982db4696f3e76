"""The cast, always the same five: one writes, one approves, one administers, one may only look,
one is signed in and may do nothing.
"""

import time

import pytest
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from django.test import Client

from accounts import session_limits
from accounts.models import User
from tests.factories import make_user


@pytest.fixture
def wanda(db) -> User:
    """Writes."""
    return make_user("wanda@relaypost.example", role="Writer", name="Wanda Writer")


@pytest.fixture
def anton(db) -> User:
    """Approves."""
    return make_user("anton@relaypost.example", role="Approver", name="Anton Approver")


@pytest.fixture
def ada(db) -> User:
    """Administers."""
    return make_user("ada@relaypost.example", role="Administrator", name="Ada Administrator")


@pytest.fixture
def otto(db) -> User:
    """May only look."""
    return make_user("otto@relaypost.example", role="Auditor", name="Otto Auditor")


@pytest.fixture
def stranger(db) -> User:
    """Is signed in and may do nothing."""
    return make_user("stranger@elsewhere.example", name="A stranger")


@pytest.fixture
def as_user():
    """as_user(wanda) is a test client signed in as her, her second factor shown just now; or so many minutes ago."""

    def sign_in(user: User, *, minutes_ago: int = 0) -> Client:
        client = Client()
        client.force_login(user)
        session = client.session
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [
            {"method": "mfa", "type": "totp", "at": time.time() - 60 * minutes_ago}
        ]
        session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
        session[session_limits.STARTED] = session[session_limits.SEEN] = time.time()
        session.save()
        return client

    return sign_in
