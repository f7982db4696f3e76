"""The doors at which providers post: a call's events are kept together, before it is answered.

What strangers can cause is answered in words and logged once a window; what heals by itself (the database is away)
stays an error, so that the provider posts it again.
"""

import hashlib
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from anymail.exceptions import AnymailConfigurationError, AnymailError, AnymailWebhookValidationFailure
from anymail.webhooks.base import AnymailCoreWebhookView
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse

from notifications.tracking.hearing import ODD, together

logger = logging.getLogger("django.security.webhooks")

NOT_SET_UP = "No events of this kind are taken at this address. Nothing was changed.\n"
REFUSED = "This is not an event in the shape of this provider. Nothing was changed.\n"


class NotBelieved(SuspiciousOperation):
    """Wrong secret or signature: answered 400, as Anymail asks. Says nothing of the call but its address."""


class Misread(ValueError):
    """Of all the events of a call none has the shape of its provider's."""


class OneByOne(AnymailCoreWebhookView):
    """Anymail's view of a provider, where one event that nobody can read refuses none of those beside it."""

    unread = 0

    def parse_events(self, request: HttpRequest) -> list[Any]:
        """Raises Misread where not one of them can be read: the provider shows it to whoever set up the address."""
        events = [event for event in super().parse_events(request) if event is not None]
        if self.unread and not events:
            raise Misread
        return events

    def esp_to_anymail_event(self, *args: Any) -> Any:
        try:
            return super().esp_to_anymail_event(*args)
        except AnymailConfigurationError:
            raise
        except (AnymailError, RecursionError, *ODD) as error:
            self._leave_out(args[-1], error)
            return None

    def unwrap_event(self, raw_event: Any) -> Any:
        """SparkPost takes its events out of a shell before it reads them; one without an event in it is passed over."""
        try:
            return super().unwrap_event(raw_event)
        except ODD as error:
            self._leave_out(raw_event, error)
            return None, None, raw_event

    def _leave_out(self, raw: Any, error: Exception) -> None:
        """Its digest tells it among the provider's own records; what it says may be about a person."""
        self.unread += 1
        digest = hashlib.sha256(repr(raw).encode("utf-8", "backslashreplace")).hexdigest()[:12]
        logger.warning("An event of %s was left out: %s (%s)", self.esp_name, type(error).__name__, digest)


def reading_one_by_one(view: Callable[..., Any]) -> Callable[..., Any]:
    """The same view, made of Anymail's class."""
    of_anymail = view.view_class  # type: ignore[attr-defined]
    one_by_one: Any = type(of_anymail.__name__, (OneByOne, of_anymail), {})
    return one_by_one.as_view()


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
        except (AnymailError, RecursionError, *ODD):
            logger.warning("An event at %s has a shape that is not its provider's", request.path)
            return HttpResponse(REFUSED, status=400, content_type="text/plain; charset=utf-8")

    return guarded
