"""Single sign-on (OpenID Connect): a way in for people who are staff already, and the switch that shuts it.

The company's provider vouches for a mailbox, and for nothing else: nobody becomes staff by it, nothing of it is kept,
and the second factor stays ours. So when the provider itself is the breach, local passkeys work on.
"""

from datetime import datetime
from importlib import import_module

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse

from accounts import audit
from accounts.models import Organisation, User

REFUSED = (
    "Single sign-on did not open anything here. It opens for addresses that have access already and that the provider "
    "calls verified. Sign in with your passkey, or ask an administrator."
)
SHUT = "Single sign-on is switched off. Sign in with your passkey, or with password and code."


def is_on() -> bool:
    return bool(settings.OIDC_ISSUER) and Organisation.get().single_sign_on


def came_by_it(session: SessionBase) -> bool:
    """Whether it was used to open this session, or one that waits for its second factor."""
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    return any(record["method"] == "socialaccount" for record in records)


def sessions() -> list[UserSession]:
    """Those of staff that came by single sign-on."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    of_staff = UserSession.objects.filter(user__is_staff=True)
    return [one for one in of_staff if came_by_it(store(one.session_key))]


@transaction.atomic
def switch_off(*, by: User, at: datetime | None = None) -> int:
    """Shut it and end every session that came by it; how many ended. Whoever is half-way in is stopped at the door."""
    organisation = Organisation.objects.select_for_update().get(pk=Organisation.get().pk)
    organisation.single_sign_on = False
    organisation.save(update_fields=["single_sign_on"])
    ended = sessions()
    for session in ended:
        session.end()
    audit.record(act="single_sign_on.off", thing=organisation, by=by, at=at, sessions_ended=len(ended))
    return len(ended)


def refuse_where_shut(request: HttpRequest) -> None:
    """Last question before a session opens: the switch may have been pressed while somebody looked for their key."""
    if came_by_it(request.session) and not is_on():
        _turn_away(request, SHUT)


class Adapter(DefaultSocialAccountAdapter):
    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if not is_on():
            _turn_away(request, SHUT)
        user = sociallogin.user
        known = sociallogin.is_existing and user.is_staff and user.is_active
        if sociallogin.state.get("process") != AuthProcess.LOGIN or not known or not _same_person(sociallogin):
            _turn_away(request, REFUSED)

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """A provider that writes "false" as a word must not be believed: allauth takes any word for a yes."""
        for address in sociallogin.email_addresses:
            if address.verified is not True:
                address.verified = False
        return super().authenticate_by_email(sociallogin)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False


def _same_person(sociallogin: SocialLogin) -> bool:
    """OpenID Connect Core 5.3.2: what the userinfo page says counts only for the subject of the signed token."""
    said = sociallogin.account.extra_data
    token, page = said.get("id_token"), said.get("userinfo")
    return bool(token) and (not page or page.get("sub") == token.get("sub"))


def _turn_away(request: HttpRequest, words: str) -> None:
    request.session.flush()
    messages.error(request, words)
    raise ImmediateHttpResponse(redirect(reverse("account_login")))


def provider_may_be_posted_to(get_response):
    """Chromium follows the redirect of a form to another origin only where the page's policy names it."""

    def middleware(request):
        response = get_response(request)
        if settings.OIDC_ISSUER and request.path.startswith(("/account/login/", "/account/oidc/")):
            response._csp_update = {"form-action": settings.OIDC_ORIGINS}
        return response

    return middleware
