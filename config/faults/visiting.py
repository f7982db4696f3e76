"""A person at a browser, over real HTTP: cookies, the form's token, and nothing else."""

import time
from typing import Any

import requests
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from accounts.models import User


class Visitor:
    """user: signed in from the start, as the second factor would leave them; None: a stranger."""

    def __init__(self, base_url: str, user: User | None = None) -> None:
        self.base_url, self.session = base_url, requests.Session()
        if user is not None:
            self.session.cookies.set(
                settings.SESSION_COOKIE_NAME, _session_of(user), domain="localhost.local", path="/"
            )

    def get(self, path: str, **given: Any) -> requests.Response:
        return self.session.get(self.base_url + path, timeout=60, **given)

    def open(self, path: str) -> "Form":
        """The form of this page, as it stands now: a tab that may grow stale."""
        self.get(path).raise_for_status()
        return Form(self, path)

    def post(self, path: str, fields: dict[str, str]) -> requests.Response:
        return self.open(path).send(fields)


class Form:
    def __init__(self, visitor: Visitor, path: str) -> None:
        self.visitor, self.path = visitor, path
        self.token = visitor.session.cookies.get(settings.CSRF_COOKIE_NAME) or ""

    def send(self, fields: dict[str, str] | None = None, *, to: str = "") -> requests.Response:
        """The page it leads to, with what it says to us."""
        url = self.visitor.base_url + (to or self.path)
        return self.visitor.session.post(
            url, data={"csrfmiddlewaretoken": self.token, **(fields or {})}, headers={"Referer": url}, timeout=60
        )


def _session_of(user: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "type": "totp", "at": time.time()}]
    session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session.create()
    return session.session_key or ""
