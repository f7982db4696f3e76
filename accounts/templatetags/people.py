"""How a person's role and second factors are said."""

from collections.abc import Iterable

from allauth.mfa.models import Authenticator
from django import template

from accounts import people
from accounts.models import User

register = template.Library()


@register.filter
def role(user: User) -> str:
    return people.role_of(user) or "none"


@register.filter
def factor_words(factors: Iterable[Authenticator]) -> str:
    """Passkey, app, both, or that there is none and the staff room stays closed."""
    types = {factor.type for factor in factors}
    known = ((Authenticator.Type.WEBAUTHN, "passkey"), (Authenticator.Type.TOTP, "app"))
    return " and ".join(word for kind, word in known if kind in types) or "none yet: cannot enter"
