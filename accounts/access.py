"""The one place that decides whether somebody may enter a staff page."""

import logging
from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import audit, stepping_up
from accounts.models import User

logger = logging.getLogger("django.security.staff_room")


class StaffRequest(HttpRequest):
    """What a view behind `staff` gets, for its annotations: somebody is signed in."""

    user: User


def _note_refused(request: HttpRequest) -> None:
    """What somebody of staff tried and may not is in the chain; what any other signed-in person tries, in the log."""
    user, match = request.user, request.resolver_match
    if not (isinstance(user, User) and user.is_staff):
        logger.warning("Somebody without access was turned away from the staff room")
        return
    with transaction.atomic():
        page = match.view_name if match else ""
        audit.record(act="staff.refused", thing=user, by=user, page=page, method=request.method)


def staff(*permissions: str, fresh: bool = False) -> Callable:
    """For views: a member of staff whose role has one of the permissions; others get words and a 403.

    fresh: the act is public or cannot be undone, so that a POST asks for the second factor again where it was not
    shown in the last minutes (accounts/stepping_up.py).
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not (request.user.is_staff and any(request.user.has_perm(f"accounts.{one}") for one in permissions)):
                _note_refused(request)
                return render(request, "accounts/refused.html", status=403)
            if fresh and request.method == "POST" and not stepping_up.is_fresh(request):
                return stepping_up.ask_again(request)
            return view(request, *args, **kwargs)

        guarded.permissions = permissions  # type: ignore[attr-defined]  # the table in the docs is checked against this
        guarded.fresh = fresh  # type: ignore[attr-defined]
        return guarded

    return decorate
