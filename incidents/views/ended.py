"""An edit ends a request to publish that waits: whoever edits is told so."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest

from accounts import approvals
from accounts.models import Approval
from incidents.models import Incident


@contextmanager
def say_what_it_ends(request: HttpRequest, incident: Incident) -> Iterator[None]:
    waited = approvals.living(Approval.Act.PUBLISH, incident)
    yield
    if waited and not approvals.living(Approval.Act.PUBLISH, incident):
        messages.warning(
            request, "This ended the request to publish what stood here before. Ask again when you are done."
        )
