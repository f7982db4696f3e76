"""How often a token or a code may be tried, and what happens while nobody can count."""

import secrets

import pytest
import redis
from django.test import Client, RequestFactory
from limits import RateLimitItemPerMinute

from notifications import limits, links
from notifications.models import ReaderLink
from tests.factories import make_incident
from tests.notifications.arrange import make_recipient
from tests.notifications.reader import OURS

pytestmark = pytest.mark.django_db


@pytest.fixture
def few():
    """Three a minute from one network; of codes five in total."""
    before = {limit: dict(vars(limit)) for limit in (limits.OPENING, limits.GENUINE)}
    for limit in before:
        vars(limit)["per_network"] = RateLimitItemPerMinute(3)
        vars(limit)["in_total"] = limit.in_total and RateLimitItemPerMinute(5)
    yield
    for limit, fields in before.items():
        vars(limit).update(fields)


@pytest.fixture
def redis_away(monkeypatch):
    def refuse(*args, **kwargs):
        raise redis.ConnectionError("Connection refused.")

    monkeypatch.setattr(redis.connection.AbstractConnection, "connect", refuse)
    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", refuse)


@pytest.fixture
def url():
    recipient = make_recipient(make_incident(), state="accepted")
    return f"/notice/{links.token(recipient.link)}/"


def open_(url, **headers):
    return Client().post(url, **OURS, **headers)


def check_code(**headers):
    return Client().post("/genuine/", {"code": links.new_code()}, **OURS, **headers)


def test_too_many_tries_are_told_so_in_words_and_open_nothing(few, url):
    for _ in range(3):
        open_(f"/notice/{secrets.token_urlsafe(32)}/")

    response = open_(url)

    assert response.status_code == 429
    assert int(response["Retry-After"]) == 60
    assert "Wait a minute" in response.content.decode()
    assert not response.cookies
    assert ReaderLink.objects.get().opens == 0


def test_reading_the_neutral_page_is_not_counted(few, url, client):
    for _ in range(10):
        assert client.get(url).status_code == 200

    assert open_(url).status_code == 303


def test_one_network_does_not_stop_another(few, url):
    for _ in range(4):
        open_(f"/notice/{secrets.token_urlsafe(32)}/", REMOTE_ADDR="198.51.100.1")

    assert open_(url, REMOTE_ADDR="198.51.100.2").status_code == 303


def test_strangers_together_never_keep_anybody_from_their_notice(few, url):
    for number in range(10):
        open_(f"/notice/{secrets.token_urlsafe(32)}/", REMOTE_ADDR=f"198.51.100.{number}")

    assert open_(url, REMOTE_ADDR="203.0.113.1").status_code == 303


def test_codes_are_limited_in_total_too(few):
    make_recipient(make_incident())
    answers = [check_code(REMOTE_ADDR=f"198.51.100.{number}").status_code for number in range(6)]

    assert answers == [200] * 5 + [429]


def test_one_household_of_ipv6_is_one_network(few, url):
    for number in range(3):
        open_(f"/notice/{secrets.token_urlsafe(32)}/", REMOTE_ADDR=f"2001:db8:1:1::{number:x}")

    assert open_(url, REMOTE_ADDR="2001:db8:1:1:ffff::1").status_code == 429
    assert open_(url, REMOTE_ADDR="2001:db8:1:2::1").status_code == 303


def test_without_redis_a_token_opens_nothing_and_the_answer_is_in_words(redis_away, url):
    limits._limiter.cache_clear()

    response = open_(url)

    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    assert "<h1>We cannot answer this at the moment</h1>" in response.content.decode()
    assert not response.cookies
    assert ReaderLink.objects.get().opens == 0


def test_without_redis_no_code_is_answered(redis_away, url, client):
    limits._limiter.cache_clear()

    assert check_code().status_code == 503
    assert client.get("/genuine/").status_code == 200
    assert client.get(url).status_code == 200


def test_redis_holds_no_address_and_no_token(url, broker):
    token = url.split("/")[2]
    open_(url, REMOTE_ADDR="198.51.100.77")

    keys = [key.decode() for key in broker.scan_iter()]

    assert keys
    assert not [key for key in keys if "198.51" in key or token in key]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, " , ,", "192.0.2.1"),
    ],
)
def test_the_client_is_counted_from_the_right(settings, proxies, forwarded, address):
    settings.TRUSTED_PROXY_COUNT = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)

    assert limits.client_address(request) == address


def test_an_ipv4_address_inside_ipv6_is_the_same_network():
    both = [RequestFactory().get("/", REMOTE_ADDR=address) for address in ("192.0.2.1", "::ffff:192.0.2.1")]

    assert len({limits.network_of(request) for request in both}) == 1


@pytest.mark.parametrize("odd", ["", "unix:", "1.2.3.4:80", "x" * 1000])
def test_an_address_that_is_none_is_counted_all_the_same(odd):
    assert len(limits.network_of(RequestFactory().get("/", REMOTE_ADDR=odd))) == 32
