"""Middleware of the whole house, each a plain function."""

from django.http import HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from accounts.adapters import MailIsAway

READERS = ("/notice/", "/genuine/", "/your-notices/", "/inquiry/", "/follow/")


def strict_headers(get_response):
    """Everything Django serves is personal: not stored, not indexed, no powers for the page."""

    def middleware(request):
        response = get_response(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "private, no-store")
            response.headers.setdefault("X-Robots-Tag", "noindex, nofollow")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        return response

    return middleware


def readers_choose_their_language(get_response):
    """Pages of readers, their errors too, speak the language the browser asks for; staff's are English alone.

    Nothing of the address has a say in it, so that they are the same for every token.
    """

    def middleware(request):
        if not request.path.startswith(READERS):
            return get_response(request)
        with translation.override(translation.get_language_from_request(request)):
            response = get_response(request)
        patch_vary_headers(response, ["Accept-Language"])
        return response

    return middleware


def no_nul_in_the_admin(get_response):
    """The admin filters by whatever its address says, and PostgreSQL's text cannot hold this: a 400, not a 500."""

    def middleware(request):
        if request.path.startswith("/admin/") and "%00" in request.META.get("QUERY_STRING", ""):
            return HttpResponse("This address cannot be read.\n", status=400, content_type="text/plain; charset=utf-8")
        return get_response(request)

    return middleware


def redis_outage_in_words(get_response):
    """Rate limits live in Redis; while it is away what they guard answers 503 in words instead of failing open."""
    words = _("We cannot take this request for a moment. Nothing was lost; please try again in a minute.")
    return _in_words(get_response, RedisError, words)


def mail_outage_in_words(get_response):
    """Whoever waits for a link by mail is told that none is coming, instead of waiting for it."""
    words = "Our mail server takes no messages right now: no link was sent. Please try again in a few minutes."
    return _in_words(get_response, MailIsAway, words)


def _in_words(get_response, outage: type[Exception], words: str | Promise):
    def middleware(request):
        return get_response(request)

    def process_exception(request, exception):
        if isinstance(exception, outage):
            return HttpResponse(
                f"{words}\n", status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": "60"}
            )
        return None

    middleware.process_exception = process_exception  # type: ignore[attr-defined]
    return middleware
