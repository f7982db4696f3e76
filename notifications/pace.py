"""How fast we may speak to a provider: one bucket of tokens per provider, shared by all workers through Redis.

Redis is not trusted with anything else. While it is away every worker keeps a fixed careful pace of its own: never
none, since people wait for their notice; never unlimited, since a provider that is flooded suspends the account.
"""

import logging
import time
from functools import lru_cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

CAREFUL_PER_SECOND = 5
LOOK_AGAIN_AFTER = 5.0  # seconds: a Redis that hangs costs its timeout once in this time, not once a window

# The bucket refills by Redis's own clock. `slow` is a factor with an expiry: 0.25 after throttling, 0 for a rest.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local rate = tonumber(ARGV[1]) * tonumber(redis.call('GET', KEYS[2]) or '1')
local room = math.max(rate, 1)
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(room, (tonumber(kept[1]) or room) + math.max(0, now - (tonumber(kept[2]) or now)) * rate)
local granted = 0
if rate > 0 then granted = math.min(tonumber(ARGV[2]), math.floor(tokens)) end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - granted), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], 3600)
return granted
"""


class _Away:
    """Of this process: since when Redis is away, and the careful bucket meanwhile."""

    until = 0.0
    tokens = 0.0
    at = 0.0


def take(provider: str, *, wanted: int) -> int:
    """Tokens for up to `wanted` messages; 0 means: not yet."""
    if time.monotonic() >= _Away.until:
        try:
            granted = int(_redis().eval(TAKE, 2, *_keys(provider), settings.SENDING_PER_SECOND, wanted))  # type: ignore[arg-type]
        except redis.RedisError:
            _note_away()
        else:
            if _Away.until:
                logger.info("Redis is back: sending at its usual pace")
                _Away.until = 0.0
            return granted
    return _take_carefully(wanted)


def slow_down(provider: str, *, seconds: float) -> None:
    """The provider throttles us: a quarter of the pace for a while."""
    _set_factor(provider, "0.25", seconds)


def rest(provider: str, *, seconds: float) -> None:
    """The provider cannot be spoken to: nobody tries for a while, so that an outage uses up few tries."""
    _set_factor(provider, "0", seconds)


def _set_factor(provider: str, factor: str, seconds: float) -> None:
    try:
        _redis().set(_keys(provider)[1], factor, px=max(1, int(seconds * 1000)))
    except redis.RedisError:
        _note_away()


def _note_away() -> None:
    if not _Away.until:
        logger.warning("Redis is away: sending at a careful pace of %s a second and worker", CAREFUL_PER_SECOND)
        _Away.tokens, _Away.at = 1.0, time.monotonic()
    _Away.until = time.monotonic() + LOOK_AGAIN_AFTER


def _take_carefully(wanted: int) -> int:
    now = time.monotonic()
    _Away.tokens = min(CAREFUL_PER_SECOND, _Away.tokens + (now - _Away.at) * CAREFUL_PER_SECOND)
    _Away.at = now
    granted = min(wanted, int(_Away.tokens))
    _Away.tokens -= granted
    return granted


def _keys(provider: str) -> tuple[str, str]:
    return f"candor:pace:{provider}", f"candor:pace:{provider}:slow"


@lru_cache(maxsize=1)
def _redis() -> redis.Redis:
    # One try: redis-py's own retries would hold a window up for seconds, and the careful pace is there for that.
    once = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5, retry=once)
