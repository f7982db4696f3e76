"""The doors at which providers post: a call's events are kept together, before it is answered.

What strangers can cause is answered in words and logged once a window; what heals by itself (the database is away)
stays an error, so that the provider posts it again.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from anymail.exceptions import AnymailConfigurationError, AnymailError, AnymailWebhookValidationFailure
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse

from notifications.tracking.hearing import together

logger = logging.getLogger("django.security.webhooks")

NOT_SET_UP = "No events of this kind are taken at this address. Nothing was changed.\n"
MISREAD = "This is not an event in the shape of this provider. Nothing was changed.\n"


class NotBelieved(SuspiciousOperation):
    """Wrong secret or signature: answered 400, as Anymail asks. Says nothing of the call but its address."""


def door(view: Callable[..., Any]) -> Callable[..., Any]:
    """Anymail's view of one provider, kept safe from half a call."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            with together():
                return view(request, *args, **kwargs)
        except AnymailWebhookValidationFailure:  # its words may quote the address with the password in it
            raise NotBelieved(f"A call at {request.path} has a wrong secret or signature") from None
        except AnymailConfigurationError as error:
            logger.warning("Events came to %s: %s", request.path, type(error).__name__)
            return HttpResponse(NOT_SET_UP, status=404, content_type="text/plain; charset=utf-8")
        except AnymailError:
            logger.warning("An event at %s has a shape that is not its provider's", request.path)
            return HttpResponse(MISREAD, status=400, content_type="text/plain; charset=utf-8")

    return guarded
