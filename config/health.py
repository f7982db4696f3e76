"""Is everything a person's request needs there? For load balancers and the compose file."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from notifications import awake


def health(request: HttpRequest) -> JsonResponse:
    """200 when PostgreSQL answers. Redis is said beside it: without it sending slows down and signing in pauses.

    sending: "silent" where mailings wait and no tick has come for a minute. Alarm on it: beat or the workers are away.
    """
    state = {"database": database_state(), "redis": redis_state(), "sending": sending_state()}
    return JsonResponse(state, status=200 if state["database"] == "ok" else 503)


def database_state() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "away"
    return "ok"


def redis_state() -> str:
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2).ping()
    except redis.RedisError:
        return "away"
    return "ok"


def sending_state() -> str:
    try:
        return "silent" if awake.silent_since() else "ok"
    except DatabaseError:
        return "away"
