"""The cast, always the same five: one writes, one approves, one administers, one may only look,
one is signed in and may do nothing.
"""

import pytest
from django.test import Client

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
    """as_user(wanda) is a test client signed in as her."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in
