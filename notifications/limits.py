"""How often what anonymous readers can try may be tried. Counted in Redis; nothing here ever fails open.

While Redis is away every check raises RedisError: whoever asks must turn that into a 503 in words.
"""

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

REDIS_PATIENCE = 2  # seconds; a slow Redis is as good as none


@dataclass(frozen=True)
class Limit:
    """per_network holds for one network, in_total for everyone together (None: no such limit)."""

    name: str
    per_network: RateLimitItem
    in_total: RateLimitItem | None = None


# A token has 256 bits, so guessing is hopeless and a limit for all together would only help whoever wants to keep
# affected people from their notices. A whole office may sit behind one address.
OPENING = Limit("opening", RateLimitItemPerMinute(120))
# A code has 55 bits, and its answer is worth asking for.
GENUINE = Limit("genuine", RateLimitItemPerMinute(30), RateLimitItemPerMinute(3000))

# Each is a row for somebody of ours to read.
REPORT = Limit("report", RateLimitItemPerHour(20), RateLimitItemPerMinute(60))

# Each may make us write to a mailbox. What one mailbox gets is limited where it shows to nobody (subscriptions).
FOLLOW = Limit("follow", RateLimitItemPerHour(60), RateLimitItemPerMinute(120))

# Each writes to a mailbox, too; whoever knows the mailbox may ask often, since mail is slow and people are not patient.
SIGN_IN = Limit("sign in", RateLimitItemPerHour(60), RateLimitItemPerMinute(300))
FRESH_LINK = Limit("fresh link", RateLimitItemPerHour(60), RateLimitItemPerMinute(300))
CODE = Limit("sign-in code", RateLimitItemPerMinute(30))

# Each makes us write to a mailbox, once a day. What one mailbox gets is limited where it shows to nobody (inquiries).
INQUIRY = Limit(
    "inquiry",
    RateLimitItemPerHour(settings.INQUIRIES_PER_NETWORK),
    RateLimitItemPerMinute(settings.INQUIRIES_PER_MINUTE),
)


class TooOften(Exception):
    """Tried too often. `.seconds` to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"tried too often; again in {seconds} s")
        self.seconds = seconds


def check(limit: Limit, *, network: str) -> None:
    """Count one try. Raises TooOften, or redis.RedisError where nobody can say."""
    counted = [(limit.per_network, network)] + ([(limit.in_total, "all")] if limit.in_total else [])
    for item, whose in counted:
        if not _limiter().hit(item, limit.name, whose):
            raise TooOften(seconds=item.get_expiry())


@cache
def _limiter() -> SlidingWindowCounterRateLimiter:
    patience = {"socket_timeout": REDIS_PATIENCE, "socket_connect_timeout": REDIS_PATIENCE}
    return SlidingWindowCounterRateLimiter(storage_from_string(settings.REDIS_URL, key_prefix="limits", **patience))


# Where a request comes from -------------------------------------------------------------------------------------


def network_of(request: HttpRequest) -> str:
    """A keyed hash of the client's network: one IPv4 address, or the /64 that one IPv6 household holds."""
    said = str(_network(client_address(request))).encode()
    return hmac.new(settings.LOOKUP_KEY.encode(), b"candor network\0" + said, hashlib.sha256).hexdigest()[:32]


def client_address(request: HttpRequest) -> str:
    """As seen by the outermost proxy of ours: TRUSTED_PROXY_COUNT from the right of X-Forwarded-For.

    What stands further left is whatever the client chose to say. A shorter list did not pass our proxies; then only
    the connection itself can be believed.
    """
    count = settings.TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    if count and len(hops) >= count:
        return hops[-count]
    return request.META.get("REMOTE_ADDR", "")


def _network(address: str) -> IPv4Network | IPv6Network | str:
    """Empty where it is no address (a Unix socket): all of those share one allowance."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return IPv6Network((int(found) >> 64 << 64, 64))
        found = found.ipv4_mapped
    return IPv4Network(found)
