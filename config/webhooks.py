"""Where providers post what became of messages, and the short way there."""

from collections.abc import Callable
from typing import Any

from anymail import urls as anymail_urls
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path

from notifications import providers
from notifications.tracking.webhooks import door, reading_one_by_one

app_name = "anymail"

# Of Anymail's many webhooks only those of providers in our table: each address is one more door.
_names = {f"{adapter.name}_tracking_webhook" for adapter in providers.ADAPTERS.values() if adapter.is_anymail}
urlpatterns = [
    path(f"{pattern.pattern}", door(reading_one_by_one(pattern.callback)), name=pattern.name)
    for pattern in anymail_urls.urlpatterns
    if pattern.name in _names
]
DOORS: dict[str, Callable[[HttpRequest], Any]] = {
    f"/webhooks/{pattern.pattern}": convert_exception_to_response(pattern.callback) for pattern in urlpatterns
}
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


def straight_to_the_door(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """First of all middleware: a machine's call needs no session, no cookie and no page's policy.

    They, and looking through the addresses of the whole house, cost more than taking the event.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        view = DOORS.get(request.path_info)
        if view is None:
            return get_response(request)
        response: HttpResponse = view(request)
        for name, value in HEADERS.items():
            response.headers[name] = value
        response.headers["Content-Length"] = str(len(response.content))
        return response

    return middleware
