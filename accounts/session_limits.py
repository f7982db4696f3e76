"""Sessions of staff end after an hour without a hand at the keyboard, and after a night shift whatever happens.

Pages that look for progress by themselves do not count as a hand at the keyboard.
"""

import time

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest

STARTED, SEEN = "staff_started", "staff_seen"
STEP = 60  # seconds between two writes of the session
ENDED = "You were signed out because {why}. Nothing was lost that had been saved."


def staff_sessions_end(get_response):
    def middleware(request):
        if not (request.user.is_authenticated and request.user.is_staff):
            return get_response(request)
        if why := _over(request, now=time.time()):
            logout(request)
            messages.info(request, ENDED.format(why=why))
            return redirect_to_login(
                request.get_full_path() if request.method == "GET" else settings.LOGIN_REDIRECT_URL
            )
        _note(request, now=time.time())
        return get_response(request)

    return middleware


def _over(request: HttpRequest, *, now: float) -> str:
    """Why this session is over, in words; empty while it is not."""
    if now - request.session.get(STARTED, now) > settings.STAFF_SESSION_HOURS * 3600:
        return f"{settings.STAFF_SESSION_HOURS} hours had passed since you signed in"
    if now - request.session.get(SEEN, now) > settings.STAFF_IDLE_MINUTES * 60:
        return f"nothing was pressed for {settings.STAFF_IDLE_MINUTES} minutes"
    return ""


def _note(request: HttpRequest, *, now: float) -> None:
    if STARTED not in request.session:
        request.session[STARTED] = now
    if "HX-Request" not in request.headers and now - request.session.get(SEEN, 0) > STEP:
        request.session[SEEN] = now
