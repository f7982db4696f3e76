"""Staff get no further than setting up a second factor until they have one, and a passkey where it is demanded."""

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts import stepping_up

GUARDED = ("/staff/", "/admin/", "/api/", "/your-notices/")


def staff_need_a_second_factor(get_response):
    def middleware(request):
        if request.path.startswith("/api/") and "Authorization" in request.headers:
            # A token speaks for itself: no session lends it rights, and none slips past the question below with it.
            request.user = AnonymousUser()
        if (
            request.path.startswith(GUARDED)
            and request.user.is_authenticated
            and request.user.is_staff
            and (answer := _what_is_missing(request))
        ):
            return answer
        return get_response(request)

    return middleware


def _what_is_missing(request: HttpRequest) -> HttpResponse | None:
    """To where somebody sets up, or shows, what they need to go on; None where nothing is missing."""
    demanded = stepping_up.demanded(request)
    if not is_mfa_enabled(request.user, demanded):
        only_passkey = demanded == [Authenticator.Type.WEBAUTHN]
        what = "a passkey: codes are not enough here any more" if only_passkey else "a second factor"
        messages.info(request, f"Before you go on, set up {what}.")
        return redirect("mfa_index")
    if demanded != stepping_up.FACTORS and not stepping_up.has_shown(request, demanded):
        messages.info(request, "Show your passkey once to go on.")
        next_page = request.get_full_path() if request.method == "GET" else "/staff/"
        return redirect(f"{reverse('mfa_reauthenticate_webauthn')}?{urlencode({'next': next_page})}")
    return None
