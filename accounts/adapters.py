"""How django-allauth behaves here: links from settings, nobody signs up as staff."""

from urllib.parse import urljoin

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.urls import reverse

from accounts.models import Organisation


class AccountAdapter(DefaultAccountAdapter):
    def get_email_confirmation_url(self, request, emailconfirmation) -> str:
        return _absolute(reverse("account_confirm_email", args=[emailconfirmation.key]))

    def get_reset_password_from_key_url(self, key: str) -> str:
        return _absolute(
            reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"}).replace("UID-KEY", key)
        )

    def get_from_email(self) -> str:
        return Organisation.get().sender


class MFAAdapter(DefaultMFAAdapter):
    def _get_site_name(self) -> str:
        return Organisation.get().name


def _absolute(path: str) -> str:
    """Under the host of the settings: a forged Host header cannot move a link."""
    return urljoin(settings.PUBLIC_BASE_URL, path)
