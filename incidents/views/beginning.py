"""Begin from a template: the words a new form opens with, and the list to choose them from."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts import typed
from incidents import templates
from incidents.models import Incident, Template


def begun(request: HttpRequest, kind: str, *, incident: Incident | None = None) -> dict[str, str]:
    """What ?template= says the fields begin with; empty where it names none."""
    wanted = typed.number(request.GET.get("template"))
    if wanted is None:
        return {}
    return templates.begun_from(
        get_object_or_404(Template.objects.of(kind), pk=wanted), incident=incident, at=timezone.now()
    )  # fmt: skip


def choices(request: HttpRequest, kind: str) -> dict[str, Any]:
    """For the page: those there are, by case, and the one begun from."""
    there = list(Template.objects.of(kind).select_related("counsel_by"))
    wanted = typed.number(request.GET.get("template"))
    return {"templates": there, "begun_from": next((one for one in there if one.pk == wanted), None)}
