"""Staff: who joins, in which role, and how somebody leaves at once."""

from datetime import datetime

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.db import models, transaction

from accounts import audit
from accounts.addresses import normalise
from accounts.models import User
from accounts.roles import ROLES


class Refused(Exception):
    """The house would be left without what it needs, or it makes no sense; the message says why."""


def staff() -> models.QuerySet[User]:
    """Everyone who is or was staff, those with access first."""
    return User.objects.filter(is_staff=True).prefetch_related("groups").order_by("-is_active", "name", "email")


def role_of(user: User) -> str:
    """Empty where somebody has none."""
    group = next(iter(user.groups.all()), None)
    return group.name if group else ""


@transaction.atomic
def add(*, email: str, name: str, role: str, by: User | None, at: datetime | None = None) -> tuple[User, bool]:
    """(the user, whether anything changed). The same call again changes nothing.

    Somebody who signed up with this address without ever showing that it is theirs may be anybody: password,
    factors and sessions of such an account go before it becomes staff. Who opens the invitation sets a new one.
    """
    if role not in ROLES:
        raise Refused(f"There is no role {role}. The roles are {', '.join(ROLES)}.")
    user = User.objects.select_for_update(no_key=True).filter(email__iexact=normalise(email)).first()
    if user and user.is_staff and (user.is_active, role_of(user), user.name) == (True, role, name or user.name):
        return user, False
    if user is None:
        user = User.objects.create_user(email)
    elif not EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists():
        forget_credentials(user)
    verify_address(user)
    user.name, user.is_staff, user.is_active = name or user.name, True, True
    user.save()
    before = role_of(user)
    user.groups.set([Group.objects.get(name=role)])
    audit.record(act="staff.added", thing=user, by=by, at=at, role=role, role_before=before)
    return user, True


@transaction.atomic
def change(user: User, *, name: str, role: str, by: User, at: datetime | None = None) -> None:
    """Name and role; both take effect with that person's next request."""
    if not User.objects.filter(pk=user.pk, name=name).exists():
        User.objects.filter(pk=user.pk).update(name=name)
        audit.record(act="staff.renamed", thing=user, by=by, at=at)
    before = role_of(user)
    if before == role:
        return
    if user.pk == by.pk:
        raise Refused("You cannot change your own role; another administrator has to.")
    user.groups.set([Group.objects.get(name=role)])
    audit.record(act="staff.role_changed", thing=user, by=by, at=at, role=role, role_before=before)


@transaction.atomic
def close(user: User, *, by: User, at: datetime | None = None) -> int:
    """End somebody's access at once, with every session; the number of sessions that ended."""
    if user.pk == by.pk:
        raise Refused("You cannot close your own access; another administrator has to.")
    if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        return 0
    ended = end_sessions(user)
    audit.record(act="staff.closed", thing=user, by=by, at=at, role=role_of(user), sessions_ended=ended)
    return ended


@transaction.atomic
def reopen(user: User, *, by: User, at: datetime | None = None) -> None:
    """Give access back, in the role held before."""
    if User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        audit.record(act="staff.reopened", thing=user, by=by, at=at, role=role_of(user))


def end_sessions(user: User) -> int:
    sessions = list(UserSession.objects.filter(user=user))
    for session in sessions:
        session.end()
    return len(sessions)


def password_link(user: User) -> str:
    """Sets the password once, within PASSWORD_RESET_TIMEOUT; under the host of the settings."""
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    return get_adapter().get_reset_password_from_key_url(key)


def invite_again(user: User, *, by: User, at: datetime | None = None) -> None:
    """A fresh link that sets the password. Raises what the mail backend raises; the log keeps the try."""
    with transaction.atomic():
        audit.record(act="staff.invited_again", thing=user, by=by, at=at)
    mail_invitation(user, by=by)


def mail_invitation(user: User, *, by: User | None) -> None:
    """Call it after the commit: the link must not arrive before the account. Raises what the mail backend raises."""
    facts = {"by": by, "role": role_of(user), "password_link": password_link(user)}
    get_adapter().render_mail("accounts/mail/invitation", user.email, facts).send()


def verify_address(user: User) -> None:
    """It was shown, or an administrator says, that their address is theirs: the one they sign in with."""
    EmailAddress.objects.filter(user=user).exclude(email__iexact=user.email).update(primary=False)
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def forget_credentials(user: User) -> None:
    """Password, factors and sessions go; the row is not saved."""
    user.set_unusable_password()
    Authenticator.objects.filter(user=user).delete()
    end_sessions(user)
