"""Signing in and changes of what somebody signs in with: of staff in the audit chain, of strangers in the log.

A failed try is a stranger's act until somebody has signed in, so it never queues on the chain's lock.
"""

import logging
from typing import Any

from allauth.account import signals as account_signals
from allauth.mfa import signals as mfa_signals
from django.contrib.auth.signals import user_login_failed
from django.db import transaction
from django.dispatch import receiver

from accounts import audit
from accounts.models import User

logger = logging.getLogger("django.security.sign_in")


@receiver(account_signals.user_logged_in)
def signed_in(sender: type, user: User, **kwargs) -> None:
    _note("staff.signed_in", user)


@receiver(account_signals.user_logged_out)
def signed_out(sender: type, user: User | None, **kwargs) -> None:
    _note("staff.signed_out", user)


@receiver([account_signals.password_changed, account_signals.password_reset, account_signals.password_set])
def password_changed(sender: type, user: User, **kwargs) -> None:
    _note("staff.password_changed", user)


@receiver(mfa_signals.authenticator_added)
def factor_added(sender: type, user: User, authenticator, **kwargs) -> None:
    _note("staff.factor_added", user, factor=authenticator.type)


@receiver(mfa_signals.authenticator_removed)
def factor_removed(sender: type, user: User, authenticator, **kwargs) -> None:
    _note("staff.factor_removed", user, factor=authenticator.type)


@receiver(mfa_signals.authenticator_reset)
def recovery_codes_made_anew(sender: type, user: User, authenticator, **kwargs) -> None:
    _note("staff.factor_reset", user, factor=authenticator.type)


@receiver(user_login_failed)
def not_signed_in(sender: type | None, **kwargs) -> None:
    logger.warning("A sign-in failed")


def _note(act: str, user: User | None, **facts: Any) -> None:
    if user is None or not user.is_staff:
        return
    with transaction.atomic():
        audit.record(act=act, thing=user, by=user, **facts)
