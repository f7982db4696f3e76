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

EXPLAINED = "This is public or cannot be undone, so we ask once more who you are. Then it is done."


def is_fresh(request: HttpRequest) -> bool:
    """Whether a second factor was shown in this session within the last 15 minutes, signing in included."""
    since = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    records = get_authentication_records(request, request.user)
    return any(record["method"] == "mfa" and record["at"] > since for record in records)


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
    request.GET, request.POST = QueryDict(state["get"]), QueryDict(state["post"])  # type: ignore[assignment]
    request.path = request.path_info = state["path"]
    match = resolve(state["path"])
    request.resolver_match = match
    return match.func(request, *match.args, **match.kwargs)
