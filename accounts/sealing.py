"""Texts that only we can read again: sealed for one purpose, good for a while. A new SECRET_KEY ends them all."""

import base64
import hashlib
import hmac
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


class Unreadable(Exception):
    """Not sealed by us for this purpose, or longer ago than it is good for."""


def seal(text: str, *, purpose: str) -> str:
    return _fernet(purpose).encrypt(text.encode()).decode()


def unseal(sealed: str, *, purpose: str, good_for: timedelta) -> str:
    """Raises Unreadable."""
    try:
        return _fernet(purpose).decrypt(sealed.encode(), ttl=int(good_for.total_seconds())).decode()
    except (InvalidToken, UnicodeError):
        raise Unreadable from None


def _fernet(purpose: str) -> Fernet:
    """AES-128-CBC and HMAC-SHA256, under a key of each purpose's own."""
    key = hmac.digest(settings.SECRET_KEY.encode(), f"candor sealed {purpose}".encode(), hashlib.sha256)
    return Fernet(base64.urlsafe_b64encode(key))
