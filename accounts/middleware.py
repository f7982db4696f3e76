"""Staff get no further than setting up a second factor until they have one."""

from allauth.mfa.utils import is_mfa_enabled
from django.shortcuts import redirect


def staff_need_a_second_factor(get_response):
    def middleware(request):
        user = request.user
        if (
            request.path.startswith(("/staff/", "/admin/", "/api/"))
            and user.is_authenticated
            and user.is_staff
            and not is_mfa_enabled(user)
        ):
            return redirect("mfa_index")
        return get_response(request)

    return middleware
