"""How fast we may speak to a provider: one bucket of tokens per provider, shared by all workers through Redis.

Redis is not trusted with anything else. While it is away every worker keeps a fixed careful pace of its own: never
none, since people wait for their notice; never unlimited, since a provider that is flooded suspends the account.
"""

import logging
import time
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

CAREFUL_PER_SECOND = 5
LOOK_AGAIN_AFTER = 5.0  # seconds: a Redis that hangs costs its timeout once in this time, not once a window

BACK_PER_SECOND = 0.005
"""Of the full pace: what is won back each second without a complaint (additive increase, multiplicative decrease)."""
LEAST = 0.02
FIRST_REST, LONGEST_REST = 2.0, 60.0  # seconds

# The bucket refills by Redis's own clock. `factor` of the full rate is what the provider has taught us; after a failure
# nobody asks for a while, and then one message alone goes to see.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'factor', 'failures')
local since = math.max(0, now - (tonumber(kept[2]) or now))
local factor = math.min(1, (tonumber(kept[3]) or 1) + since * tonumber(ARGV[3]))
local failures = tonumber(kept[4]) or 0
local rate = tonumber(ARGV[1]) * factor
local room = math.max(rate, 1)
local tokens = math.min(room, (tonumber(kept[1]) or room) + since * rate)
local granted = 0
if redis.call('EXISTS', KEYS[2]) == 0 then
  granted = math.min(tonumber(ARGV[2]), math.floor(tokens))
  if failures > 0 then granted = math.min(granted, 1) end
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - granted), 'at', tostring(now), 'factor', tostring(factor))
redis.call('EXPIRE', KEYS[1], 3600)
if failures > 0 and granted > 0 then redis.call('SET', KEYS[2], '1', 'PX', 1000) end
return {granted, failures}
"""
SLOW_DOWN = """
local factor = tonumber(redis.call('HGET', KEYS[1], 'factor') or '1') / 2
redis.call('HSET', KEYS[1], 'factor', tostring(math.max(tonumber(ARGV[1]), factor)), 'tokens', '0')
redis.call('EXPIRE', KEYS[1], 3600)
"""
FAILED = """
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
redis.call('EXPIRE', KEYS[1], 3600)
local rest = math.min(tonumber(ARGV[2]), tonumber(ARGV[1]) * 2 ^ (failures - 1))
redis.call('SET', KEYS[2], '1', 'PX', math.floor(rest * 1000))
return failures
"""
WORKED = """
redis.call('HDEL', KEYS[1], 'failures')
redis.call('DEL', KEYS[2])
"""


class _Away:
    """Of this process: since when Redis is away, and the careful bucket meanwhile."""

    until = 0.0
    tokens = 0.0
    at = 0.0


_failing: set[str] = set()
"""Providers that failed when this process last asked."""
_resting: dict[str, float] = {}
"""Until when, by this process's own clock: for the time that Redis is away."""


def take(provider: str, *, wanted: int, share: float = 1) -> int:
    """Tokens for up to `wanted` messages; 0 means: not yet. share: of the full pace."""
    granted = _ask(TAKE, provider, settings.SENDING_PER_SECOND * share, wanted, BACK_PER_SECOND)
    if granted is None:
        return 0 if _resting.get(provider, 0.0) > time.monotonic() else _take_carefully(wanted)
    tokens, failures = granted
    (_failing.add if failures else _failing.discard)(provider)
    return int(tokens)


def slow_down(provider: str, *, seconds: float = 0.0) -> None:
    """The provider throttles us: half the pace, won back little by little, and for so many seconds none at all."""
    _ask(SLOW_DOWN, provider, LEAST)
    if seconds > 0:
        rest(provider, seconds=seconds)


def failed(provider: str) -> None:
    """It could not be spoken to, or gave no answer: all rest, longer each time, then one message goes to see."""
    failures = _ask(FAILED, provider, FIRST_REST, LONGEST_REST)
    _failing.add(provider)
    _resting[provider] = time.monotonic() + FIRST_REST
    if failures and failures > 1:
        logger.warning("The provider %s has failed %s times in a row: it rests", provider, failures)


def worked(provider: str) -> None:
    """It answers: nobody rests any more."""
    if provider in _failing:
        _ask(WORKED, provider)
        _failing.discard(provider)


def rest(provider: str, *, seconds: float) -> None:
    """Nobody speaks to the provider for a while."""
    _resting[provider] = time.monotonic() + seconds
    if _is_away():
        return
    try:
        _redis().set(_keys(provider)[1], "1", px=max(1, int(seconds * 1000)))
    except redis.RedisError:
        _note_away()


def _ask(script: str, provider: str, *given: float) -> Any:
    """What the script answers; None while Redis is away."""
    if _is_away():
        return None
    try:
        answer = _redis().eval(script, 2, *_keys(provider), *given)
    except redis.RedisError:
        _note_away()
        return None
    if _Away.until:
        logger.info("Redis is back: sending at its usual pace")
        _Away.until = 0.0
    return answer


def _is_away() -> bool:
    return time.monotonic() < _Away.until


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
    return f"candor:pace:{provider}", f"candor:pace:{provider}:rest"


@lru_cache(maxsize=1)
def _redis() -> redis.Redis:
    # One try: redis-py's own retries would hold a window up for seconds, and the careful pace is there for that.
    once = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5, retry=once)
