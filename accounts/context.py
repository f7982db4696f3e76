"""What every template that Django renders may use. Nothing here is fetched before a template asks for it."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import approvals, emergencies, people, single_sign_on
from accounts.models import Approval, Organisation


def organisation(request: HttpRequest) -> dict:
    """`organisation`; `single_sign_on`: its name while it is on; `approvals_waiting`: how many requests wait for this
    person; `emergencies`: what one person published alone, not looked at yet; `staff_role`: its name.
    """
    return {
        "organisation": getattr(request, "organisation", None) or SimpleLazyObject(Organisation.get),
        "single_sign_on": lambda: settings.OIDC_NAME if single_sign_on.is_on() else "",
        "approvals_waiting": lambda: _waiting(request),
        "emergencies": lambda: _emergencies(request),
        "staff_role": lambda: _role(request),
    }


def _waiting(request: HttpRequest) -> int:
    user = getattr(request, "user", None)
    return approvals.waiting_for(user).count() if user and user.is_staff else 0


def _emergencies(request: HttpRequest) -> list[Approval]:
    user = getattr(request, "user", None)
    return list(emergencies.unreviewed()) if user and user.has_perm("accounts.read_room") else []


def _role(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    return people.role_of(user) if user and user.is_staff else ""
