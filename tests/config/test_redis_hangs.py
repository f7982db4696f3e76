"""A Redis that takes connections and says nothing must not hold a visitor, nor a thread of the web server."""

import socket
import time

import pytest
from django.core.cache import caches
from redis.exceptions import RedisError

from notifications import limits


@pytest.fixture
def silent_redis(settings):
    """The address of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.REDIS_URL = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        limits._limiter.cache_clear()
        yield settings.REDIS_URL
    limits._limiter.cache_clear()


def test_the_cache_gives_up_soon(silent_redis, settings):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": silent_redis}}
    began = time.monotonic()

    with pytest.raises(RedisError):
        caches["default"].get("anything")

    assert time.monotonic() - began < 4


def test_limits_give_up_soon(silent_redis):
    began = time.monotonic()

    with pytest.raises(RedisError):
        limits.check(limits.GENUINE, network="somewhere")

    assert time.monotonic() - began < 5
