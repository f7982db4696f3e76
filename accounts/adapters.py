"""How django-allauth behaves here: links from settings, our sender and name, no way from signing up to staff."""

import logging
import smtplib
from urllib.parse import urljoin

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from anymail.exceptions import AnymailError
from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from accounts import single_sign_on
from accounts.addresses import normalise
from accounts.models import Organisation

logger = logging.getLogger(__name__)

# What mail backends raise when the server, or the provider, does not take a message.
MAIL_IS_AWAY = (OSError, smtplib.SMTPException, AnymailError)


class MailIsAway(Exception):
    """A message that somebody needs to go on could not be handed over; config.middleware says so in words."""


class AccountAdapter(DefaultAccountAdapter):
    def get_email_confirmation_url(self, request, emailconfirmation) -> str:
        return absolute(reverse("account_confirm_email", args=[emailconfirmation.key]))

    def get_reset_password_from_key_url(self, key: str) -> str:
        return absolute(
            reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"}).replace("UID-KEY", key)
        )

    def get_from_email(self) -> str:
        return Organisation.get().sender

    def format_email_subject(self, subject: str) -> str:
        return subject  # the templates name the organisation; allauth would put the request's host there

    def render_mail(self, template_prefix, email, context, headers=None) -> EmailMessage:
        ours = {"organisation": Organisation.get(), "base_url": settings.PUBLIC_BASE_URL, "email": email}
        return super().render_mail(template_prefix, email, {**context, **ours}, headers)

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """Raises MailIsAway: whoever waits for a link must not be told that it is on its way."""
        try:
            super().send_mail(template_prefix, email, context)
        except MAIL_IS_AWAY as away:
            raise MailIsAway from away

    def send_notification_mail(self, template_prefix, user, context=None, email=None) -> None:
        """What it tells of has been done already, so that a mail server that is away must not undo the answer."""
        try:
            super().send_notification_mail(template_prefix, user, context, email)
        except MailIsAway:
            logger.error("%s for user %s could not be mailed", template_prefix, user.pk)

    def clean_email(self, email: str) -> str:
        """Stored in the one normal form, so that two spellings of a mailbox cannot be two users."""
        return normalise(super().clean_email(email))

    def login(self, request, user) -> None:
        single_sign_on.refuse_where_shut(request)
        super().login(request, user)

    def is_open_for_signup(self, request) -> bool:
        """Readers show by a code that a mailbox is theirs (notifications.reading.signing_in), staff are invited."""
        return False

    def get_login_redirect_url(self, request) -> str:
        """Staff go to their room; whoever else signs in has only the public page here."""
        return settings.LOGIN_REDIRECT_URL if request.user.is_staff else "/"

    def get_reauthentication_methods(self, user) -> list[dict]:
        """Passkey first; and where there is a second factor, a password alone is not enough to ask again with."""
        methods = super().get_reauthentication_methods(user)
        factors = [method for method in methods if method["id"] != "reauthenticate"]
        return sorted(factors, key=lambda method: method["id"] != "mfa_reauthenticate:webauthn") or methods

    def get_logout_redirect_url(self, request) -> str:
        return reverse("account_login")


class MFAAdapter(DefaultMFAAdapter):
    def _get_site_name(self) -> str:
        return Organisation.get().name


def absolute(path: str) -> str:
    """Under the host of the settings: a forged Host header cannot move a link."""
    return urljoin(settings.PUBLIC_BASE_URL, path)
