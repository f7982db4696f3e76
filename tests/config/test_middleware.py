"""Headers of everything that depends on a person, and an outage of Redis in words."""

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from redis.exceptions import ConnectionError as RedisAway

from config.middleware import redis_outage_in_words, strict_headers


def headers_of(path: str, **own: str) -> dict:
    return strict_headers(lambda request: HttpResponse("x", headers=own))(RequestFactory().get(path)).headers


def test_what_depends_on_a_person_is_not_stored_and_not_indexed():
    headers = headers_of("/staff/")

    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_static_files_may_be_stored():
    assert "Cache-Control" not in headers_of("/static/css/base.css")


def test_a_view_may_be_stricter_than_the_default():
    assert headers_of("/notice/", **{"Cache-Control": "no-cache"})["Cache-Control"] == "no-cache"


def test_an_outage_of_redis_is_said_in_words_and_is_no_500():
    response = redis_outage_in_words(lambda request: None).process_exception(RequestFactory().get("/"), RedisAway("x"))

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "60"
    assert "Nothing was lost" in response.content.decode()


def test_any_other_error_stays_an_error():
    assert (
        redis_outage_in_words(lambda request: None).process_exception(RequestFactory().get("/"), ValueError()) is None
    )


def test_a_view_that_meets_the_outage_answers_503(db, monkeypatch):
    def away(*args, **kwargs):
        raise RedisAway("Error 111 connecting to owner@redis.example")

    monkeypatch.setattr("allauth.account.forms.LoginForm.clean", away)

    response = Client().post("/account/login/", {"login": "a@b.example", "password": "x"})

    assert response.status_code == 503
    assert "redis.example" not in response.content.decode()


def test_whoever_waits_for_a_link_is_told_that_the_mail_server_is_away(db, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    response = Client().post("/account/password/reset/", {"email": "nobody@relaypost.example"})

    assert response.status_code == 503
    assert "no link was sent" in response.content.decode()


@pytest.mark.parametrize("path", ["/account/login/", "/nothing-stands-here/"])
def test_every_answer_carries_the_policy(db, path):
    response = Client().get(path)

    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert response.headers["Referrer-Policy"] == "strict-origin"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
