"""Tokens for machines: made by an administrator, shown once, bound to their maker's permissions."""

import hashlib
import re
import secrets
import string
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.models import ApiToken, User
from accounts.roles import SCOPES

BASE62 = string.digits + string.ascii_letters
SECRET_LENGTH = 43  # of 62 letters: 256 bits
SHAPE = re.compile(r"inc_([0-9a-z]{8})_[0-9A-Za-z]{43}")
USED_TO = timedelta(minutes=1)  # how exactly last_used_at is kept


class NameTaken(Exception):
    """Another token of this name has not been revoked."""


class Refused(Exception):
    """This token opens nothing. The message says why, without the token."""


def make(
    *,
    name: str,
    scopes: Collection[str],
    expires_at: datetime,
    by: User,
    incident: str = "",
    at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """The row, and the token itself: it exists nowhere else from here on.

    incident: address of the only incident it opens; empty: all. Raises NameTaken.
    """
    public_id = "".join(secrets.choice(string.digits + string.ascii_lowercase) for _ in range(8))
    token = f"inc_{public_id}_" + "".join(secrets.choice(BASE62) for _ in range(SECRET_LENGTH))
    at = at or timezone.now()
    try:
        with transaction.atomic():
            row = ApiToken.objects.create(
                name=name, public_id=public_id, sha256=_hash(token), scopes=sorted(scopes), incident=incident,
                created_by=by, created_at=at, expires_at=expires_at,
            )  # fmt: skip
            audit.record(
                act="token.made", thing=row, by=by, at=at, token=public_id, scopes=row.scopes, only=incident or None,
                expires_at=expires_at,
            )  # fmt: skip
    except IntegrityError as problem:
        if "api_token_name_once" in str(problem):
            raise NameTaken from None
        raise
    return row, token


@transaction.atomic
def revoke(token: ApiToken, *, by: User, at: datetime | None = None) -> bool:
    """From now on it opens nothing. False where somebody was faster."""
    at = at or timezone.now()
    if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=at, revoked_by=by):
        return False
    audit.record(act="token.revoked", thing=token, by=by, at=at, token=token.public_id)
    return True


def find(token: str, *, at: datetime | None = None) -> ApiToken:
    """The row of a token that somebody sent. Raises Refused.

    Looked up by its hash: how long that takes says nothing about a secret that differs in one letter.
    """
    at = at or timezone.now()
    if not SHAPE.fullmatch(token):
        raise Refused("This is no token of ours: one begins with inc_ and is 56 characters long.")
    row = ApiToken.objects.select_related("created_by").filter(sha256=_hash(token)).first()
    if row is None:
        raise Refused("We do not know this token.")
    if problem := what_ended(row, at=at):
        raise Refused(f"This token opens nothing: {problem}. Ask an administrator for another.")
    return row


def what_ended(token: ApiToken, *, at: datetime) -> str:
    """Why it opens nothing any more; empty while it stands. Leaving the house ends one's tokens at once."""
    if token.revoked_at:
        return "it was revoked"
    if token.expires_at <= at:
        return "it has expired"
    if not (token.created_by.is_active and token.created_by.is_staff):
        return "whoever made it has no access any more"
    return ""


def may(token: ApiToken, scope: str) -> bool:
    """Whether its maker could still do it in the staff room. Its scopes are another question."""
    return token.created_by.has_perm(f"accounts.{SCOPES[scope]}")


def note_use(token: ApiToken, *, at: datetime | None = None) -> None:
    """To the minute; and in the log once a day, so that the chain tells of every token that was at work."""
    at = at or timezone.now()
    if token.last_used_at and token.last_used_at > at - USED_TO:
        return
    not_today = token.last_used_at is None or token.last_used_at.date() < at.date()
    older = Q(last_used_at=None) | Q(last_used_at=token.last_used_at)
    with transaction.atomic():
        won = ApiToken.objects.filter(older, pk=token.pk).update(last_used_at=at)
        if won and not_today:
            audit.record(act="token.used", thing=token, by=token.created_by, at=at, token=token.public_id)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
