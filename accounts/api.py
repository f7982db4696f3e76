"""The one place that decides who may call the API: a machine with a token, or, to read, staff who are signed in."""

import logging
from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Schema
from ninja.errors import AuthenticationError, AuthorizationError
from ninja.security import HttpBearer, SessionAuth
from pydantic import Field

from accounts import tokens
from accounts.models import ApiToken, User
from accounts.roles import SCOPES

logger = logging.getLogger("django.security.api")  # one line a minute: see OncePerWindow


class Problem(Schema):
    """What every refusal looks like."""

    detail: str = Field(description="What is wrong and what to do, in words.")
    fields: dict[str, str] | None = Field(None, description="With a 422: what is wrong with which field.")


Slug = Annotated[str, Path(pattern=r"^[-a-zA-Z0-9_]{1,80}$", description="Last part of the incident's address.")]
REFUSALS: dict = {frozenset({400, 401, 403, 404, 413, 422}): Problem}  # what any operation may answer


class Token(HttpBearer):
    """`Authorization: Bearer inc_…` with the scope that the operation names."""

    def __init__(self, scope: str) -> None:
        assert scope in SCOPES
        self.scope = scope
        super().__init__()

    def __call__(self, request: HttpRequest) -> ApiToken | None:
        said = request.headers.get("Authorization")
        if said is None:
            return None
        kind, _, token = said.partition(" ")
        if kind.lower() != "bearer":
            raise AuthenticationError(message="Write it as: Authorization: Bearer inc_…")
        return self.authenticate(request, token.strip())

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        try:
            found = tokens.find(token)
        except tokens.Refused as refused:
            logger.warning("A token %s was refused at %s: %s", _public_id(token), request.path, refused)
            raise AuthenticationError(message=str(refused)) from None
        if problem := self._why_not(found, request):
            logger.warning("The token %s was refused at %s: %s", found.public_id, request.path, problem)
            raise AuthorizationError(message=problem)
        tokens.note_use(found)
        return found

    def _why_not(self, token: ApiToken, request: HttpRequest) -> str:
        if self.scope not in token.scopes:
            return f"This token lacks the scope {self.scope}."
        if not tokens.may(token, self.scope):
            return f"Whoever made this token may not do this any more: {self.scope} needs “{SCOPES[self.scope]}”."
        slug = request.resolver_match.kwargs.get("slug") if request.resolver_match else None
        if token.incident and slug != token.incident:
            return f"This token opens one incident: /api/incidents/{token.incident}."
        return ""


class Session(SessionAuth):
    """A signed-in member of staff; the second factor is the middleware's matter. Never beside a token."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__()

    def authenticate(self, request: HttpRequest, key: str | None) -> User | None:
        user = request.user
        if "Authorization" in request.headers or not (user.is_authenticated and user.is_staff):
            return None
        if not user.has_perm(f"accounts.{self.permission}"):
            raise AuthorizationError(message="Your role does not open this.")
        return user


def by_token(scope: str, *, said: dict | None = None) -> dict:
    """For a route: tokens with this scope and nobody else, so that no page of another site makes a browser write.

    said: what the description says beside it.
    """
    return {"auth": [Token(scope)], "openapi_extra": {"x-scope": scope, **(said or {})}}


def to_read(scope: str) -> dict:
    """For a route that only reads: tokens with this scope, and whoever is signed in and may read the same."""
    session = Session(SCOPES[scope] if scope.startswith("read:") else "read_room")
    return {"auth": [Token(scope), session], "openapi_extra": {"x-scope": scope, "x-session": session.permission}}


def caller(request: HttpRequest) -> User:
    """In whose name this is done."""
    found = request.auth  # type: ignore[attr-defined]  # set by ninja
    return found.created_by if isinstance(found, ApiToken) else found


def token_of(request: HttpRequest) -> str | None:
    """The short name of the token it is done by, for the log; None: by a session."""
    found = request.auth  # type: ignore[attr-defined]
    return found.public_id if isinstance(found, ApiToken) else None


def _public_id(token: str) -> str:
    """What the list calls it; of something of another shape nothing is repeated."""
    shape = tokens.SHAPE.fullmatch(token)
    return shape[1] if shape else "(of another shape)"
