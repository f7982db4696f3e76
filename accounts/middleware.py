"""Staff get no further than setting up a second factor until they have one."""

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.shortcuts import redirect

GUARDED = ("/staff/", "/admin/", "/api/", "/your-notices/")
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]  # recovery codes alone are none


def staff_need_a_second_factor(get_response):
    def middleware(request):
        if request.path.startswith("/api/") and "Authorization" in request.headers:
            # A token speaks for itself: no session lends it rights, and none slips past the question below with it.
            request.user = AnonymousUser()
        if (
            request.path.startswith(GUARDED)
            and request.user.is_authenticated
            and request.user.is_staff
            and not is_mfa_enabled(request.user, FACTORS)
        ):
            messages.info(request, "Before you go on, set up a second factor.")
            return redirect("mfa_index")
        return get_response(request)

    return middleware
