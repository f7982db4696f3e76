"""Readers who sign in: whoever has shown that a mailbox is theirs. Never a way into the staff room."""

from collections.abc import Collection
from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from accounts import people
from accounts.addresses import normalise
from accounts.models import User


class SignsInElsewhere(Exception):
    """The mailbox is that of somebody who works or worked here: a code by email must not stand in for a factor."""


@transaction.atomic
def who_proved(address: str) -> User:
    """The user of a mailbox that was shown to be theirs a moment ago; made where there is none.

    Raises SignsInElsewhere. Whoever claimed the mailbox before without showing it may be anybody: password, factors
    and sessions of that account go. A mailbox that somebody else showed once is theirs no more.
    """
    email = normalise(address)
    known = EmailAddress.objects.filter(email__iexact=email)
    user = User.objects.select_for_update(no_key=True).filter(email__iexact=email).first()
    if (user and (user.is_staff or not user.is_active)) or known.filter(user__is_staff=True).exists():
        raise SignsInElsewhere
    if user is None:
        user = User.objects.create_user(email)
    elif not known.filter(user=user, verified=True).exists():
        people.forget_credentials(user)
        user.save()
    known.exclude(user=user).delete()
    people.verify_address(user)
    return user


@transaction.atomic
def forget(mailboxes: Collection[str]) -> int:
    """Their users go, with passkeys and sessions, and mailboxes beside another one; how many users. Never staff."""
    emails = [normalise(mailbox) for mailbox in mailboxes]
    gone = _remove(User.objects.filter(email__in=emails))
    EmailAddress.objects.filter(email__in=emails, user__is_staff=False).delete()
    return gone


def forget_idle(*, at: datetime) -> int:
    """Who has not signed in for settings.READERS_KEPT_FOR: a code lets them in again. How many users."""
    since = at - settings.READERS_KEPT_FOR
    return _remove(User.objects.annotate(seen=Coalesce("last_login", "date_joined")).filter(seen__lt=since))


def _remove(users: QuerySet[User]) -> int:
    readers = list(users.filter(is_staff=False, is_superuser=False, is_active=True, groups=None))
    for user in readers:
        people.end_sessions(user)
        user.delete()
    return len(readers)


def mailboxes_of(user: User) -> list[str]:
    """Those they have shown to be theirs, in their normal form."""
    shown = EmailAddress.objects.filter(user=user, verified=True).order_by("pk")
    return [normalise(email) for email in shown.values_list("email", flat=True)]
