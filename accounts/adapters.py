"""How django-allauth behaves here: links from settings, our sender and name, no way from signing up to staff."""

from urllib.parse import urljoin

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from accounts.addresses import normalise
from accounts.models import Organisation


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

    def clean_email(self, email: str) -> str:
        """Stored in the one normal form, so that two spellings of a mailbox cannot be two users."""
        return normalise(super().clean_email(email))

    def get_login_redirect_url(self, request) -> str:
        """Staff go to their room; whoever else signs in has only the public page here."""
        return settings.LOGIN_REDIRECT_URL if request.user.is_staff else "/"


class MFAAdapter(DefaultMFAAdapter):
    def _get_site_name(self) -> str:
        return Organisation.get().name


def absolute(path: str) -> str:
    """Under the host of the settings: a forged Host header cannot move a link."""
    return urljoin(settings.PUBLIC_BASE_URL, path)
