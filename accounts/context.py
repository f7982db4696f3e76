"""What every template that Django renders may use."""

from django.http import HttpRequest

from accounts.models import Organisation


def organisation(request: HttpRequest) -> dict:
    return {"organisation": Organisation.get()}
