"""Once more, now: public and irrevocable acts ask for the second factor where it was not shown just now.

A session left open on a desk, or stolen, can read; it cannot publish, send, approve or export (ASVS 7.5.3).
"""

import time

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import resolve

from accounts.models import Organisation

FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]  # recovery codes alone are none
EXPLAINED = "This is public or cannot be undone, so we ask once more who you are. Then it is done."


def demanded(request: HttpRequest) -> list[str]:
    """The kinds of second factor that are enough in this house."""
    organisation = getattr(request, "organisation", None) or Organisation.get()
    request.organisation = organisation  # type: ignore[attr-defined]  # the page will want it, too
    return [Authenticator.Type.WEBAUTHN] if organisation.passkeys_demanded else FACTORS


def is_fresh(request: HttpRequest) -> bool:
    """Whether a second factor was shown in this session within the last 15 minutes, signing in included."""
    since = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    return has_shown(request, demanded(request), since=since)


def has_shown(request: HttpRequest, kinds: list[str], *, since: float = 0) -> bool:
    """Whether this session has seen such a factor. Where any kind is enough, a recovery code is one: it was kept."""
    records = [record for record in get_authentication_records(request, request.user) if record["method"] == "mfa"]
    return any(record["at"] > since and (kinds == FACTORS or record.get("type") in kinds) for record in records)


def ask_again(request: HttpRequest) -> HttpResponse:
    """To the page that asks. What was pressed waits in the session and is carried out afterwards, once."""
    messages.info(request, EXPLAINED)
    request.session[STATE_SESSION_KEY] = {
        "callback": "accounts.stepping_up.go_on",
        "state": {"path": request.path, "get": request.GET.urlencode(), "post": request.POST.urlencode()},
    }
    with_passkey = Authenticator.objects.filter(user=request.user.pk, type=Authenticator.Type.WEBAUTHN).exists()
    return redirect("mfa_reauthenticate_webauthn" if with_passkey else "mfa_reauthenticate")


def go_on(request: HttpRequest, state: dict[str, str]) -> HttpResponse:
    """Carry out what was pressed, through its own door: permissions are asked anew."""
    request.GET, request.POST = QueryDict(state["get"]), QueryDict(state["post"])
    request.path = request.path_info = state["path"]
    match = resolve(state["path"])
    request.resolver_match = match
    return match.func(request, *match.args, **match.kwargs)
