"""The link in the message: a neutral page for whoever follows it, and a pass for whoever presses Continue."""

import secrets
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from notifications import links
from notifications.models import ReaderLink
from tests.factories import make_account, make_affected, make_incident
from tests.notifications.arrange import make_recipient
from tests.notifications.reader import OURS, _files_apart, open_link  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def recipient():
    return make_recipient(make_incident(), state="accepted")


@pytest.fixture
def url(recipient):
    return f"/notice/{links.token(recipient.link)}/"


def expire(link):
    ReaderLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def revoke(link):
    ReaderLink.objects.filter(pk=link.pk).update(revoked_at=timezone.now())


def test_the_neutral_page_is_the_same_byte_for_byte_whatever_the_token(client, recipient, url):
    def answer(path):
        response = client.get(path)
        return response.status_code, response.content, sorted(response.headers.items()), dict(client.cookies)

    living = answer(url)
    expire(recipient.link)
    expired = answer(url)
    revoke(recipient.link)
    revoked = answer(url)
    random = answer(f"/notice/{secrets.token_urlsafe(32)}/")

    assert living == expired == revoked == random
    assert living[0] == 200
    assert b"Continue" in living[1]


def test_following_the_link_looks_nothing_up_and_changes_nothing(client, recipient, url, django_assert_num_queries):
    before = ReaderLink.objects.values().get()
    recipient.mailing.incident.refresh_from_db()

    with django_assert_num_queries(1):  # the organisation's name
        client.get(url)
    client.head(url)

    assert ReaderLink.objects.values().get() == before
    assert not client.cookies


def test_the_neutral_page_is_neither_kept_nor_indexed_nor_compressed(client, url):
    response = client.get(url, headers={"Accept-Encoding": "gzip, br"})

    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "strict-origin"
    assert "noindex" in response["X-Robots-Tag"]
    assert not response.has_header("Content-Encoding")
    assert not response.has_header("Set-Cookie")


def test_head_is_answered_like_get(client, url):
    response = client.head(url)

    assert (response.status_code, response.content) == (200, b"")


def test_continue_gives_a_pass_and_leads_to_an_address_without_the_token(client, recipient, url):
    response = client.post(url, **OURS)

    assert (response.status_code, response["Location"]) == (HTTPStatus.SEE_OTHER, "/notice/")
    cookie = response.cookies["notice"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/" and cookie["max-age"] == 1800
    assert links.token(recipient.link) not in response.serialize().decode()
    assert client.get("/notice/").status_code == 200


def test_a_link_may_be_opened_again_and_opens_are_counted(recipient, url):
    for _ in range(3):
        Client().post(url, **OURS)

    link = ReaderLink.objects.get()
    assert link.opens == 3
    assert link.first_opened_at < timezone.now()


def test_pressing_continue_acknowledges_nothing(client, recipient, url):
    client.post(url, **OURS)

    recipient.affected_account.refresh_from_db()
    assert recipient.affected_account.acknowledged_at is None


@pytest.mark.parametrize("close", [revoke, ReaderLink.delete], ids=["revoked", "never made"])
def test_a_revoked_link_answers_like_one_that_never_was(client, recipient, url, close):
    unknown = client.post(f"/notice/{secrets.token_urlsafe(32)}/", **OURS)
    recipient.__class__.objects.update(link=None)
    close(recipient.link)

    answer = client.post(url, **OURS)

    assert (answer.status_code, answer.content) == (unknown.status_code, unknown.content) == (410, unknown.content)
    assert client.get("/notice/").status_code == 403


def test_an_expired_link_says_so_to_whoever_holds_it_and_how_to_get_a_fresh_one(client, recipient, url):
    expire(recipient.link)

    response = client.post(url, **OURS)

    assert response.status_code == 410
    assert "no longer opens" in response.content.decode()
    assert "security@relaypost.example" in response.content.decode()
    assert ReaderLink.objects.get().opens == 0


def test_a_link_to_a_withdrawn_address_is_closed(client, recipient, url):
    recipient.address.withdrawn_at = timezone.now()
    recipient.address.save()

    assert client.post(url, **OURS).status_code == 410


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_REFERER": "https://evil.example/"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_ORIGIN": "http://testserver"},
    ],
)
@pytest.mark.parametrize("path", ["", "/genuine/"])
def test_a_button_on_another_site_opens_nothing(client, url, headers, path):
    response = client.post(path or url, {"code": "7K3M-9QPA-XC4T"}, **headers)

    assert response.status_code == 403
    assert "did not come from our page" in response.content.decode()
    assert not response.cookies
    assert ReaderLink.objects.get().opens == 0


@pytest.mark.parametrize("headers", [{"HTTP_ORIGIN": "http://testserver"}, {"HTTP_REFERER": "http://testserver/x"}])
def test_a_browser_that_says_only_its_origin_gets_in(client, url, headers):
    assert client.post(url, **headers).status_code == 303


def test_no_csrf_token_is_asked_of_the_neutral_page(url):
    assert Client(enforce_csrf_checks=True).post(url, **OURS).status_code == 303


@pytest.mark.parametrize(
    "tail",
    ["x.css", ";.js", "%2fx.css", "%2Fx.css", "..", "./", ".css", "%00", "%0a", "%3bx.css", "%3fx.css", "%23.js"],
)
@pytest.mark.parametrize("opened", [False, True])
def test_an_address_that_looks_like_a_file_is_never_answered_with_a_notice(recipient, url, tail, opened):
    client = open_link(recipient) if opened else Client()

    for path in (f"/notice/{tail}", f"{url}{tail}", f"{url[:-1]}{tail}", f"/genuine/{tail}", f"/notice/steps/{tail}"):
        response = client.get(path)
        assert response.status_code == 404, path
        assert b"northwind" not in response.content


@pytest.mark.parametrize("token", ["x", "x" * 42, "x" * 44, "ü" * 43, "<script>alert(1)</script>", "x" * 5000, "a.b"])
def test_what_cannot_be_a_token_is_nothing_in_words_and_is_not_repeated(client, token):
    response = client.get(f"/notice/{token}/")

    assert response.status_code == 404
    assert "Nothing stands at this address" in response.content.decode()
    assert token not in response.content.decode() or token == "x"


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_other_methods_are_refused(client, url, method):
    assert getattr(client, method)(url).status_code == 405


# The pass -------------------------------------------------------------------------------------------------------


def test_a_pass_is_good_for_half_an_hour(recipient, monkeypatch):
    client = open_link(recipient)
    real = signing.time.time
    monkeypatch.setattr(signing.time, "time", lambda: real() + 1790)
    assert client.get("/notice/").status_code == 200

    monkeypatch.setattr(signing.time, "time", lambda: real() + 1810)
    response = client.get("/notice/")

    assert response.status_code == 403
    assert "open the link in our message" in response.content.decode()


@pytest.mark.parametrize("close", [expire, revoke])
def test_a_pass_ends_with_its_link(recipient, close):
    client = open_link(recipient)

    close(recipient.link)

    assert client.get("/notice/").status_code == 403


def test_a_pass_ends_when_the_link_gets_a_new_serial(recipient):
    client = open_link(recipient)
    revoke(recipient.link)

    links.make_links([(recipient.affected_account, recipient.address)])

    assert client.get("/notice/").status_code == 403


@pytest.mark.parametrize("forged", ["", "x", "x:y:z", "é:1:2"])
def test_a_forged_pass_opens_nothing(client, recipient, forged):
    client.cookies["notice"] = forged

    assert client.get("/notice/").status_code == 403


def test_something_signed_for_another_purpose_is_no_pass(client, recipient):
    client.cookies["notice"] = signing.TimestampSigner(salt="something else").sign("x" * 43)

    assert client.get("/notice/").status_code == 403


def test_a_pass_shows_its_own_notice_and_no_other(recipient):
    incident = recipient.incident
    other = make_affected(incident, make_account("contoso", "owner@contoso.example"))
    client = open_link(recipient)

    assert b"contoso" not in client.get("/notice/").content
    assert other.links.count() == 0


def test_the_notice_can_be_closed(recipient):
    client = open_link(recipient)

    assert client.post("/notice/close/", **OURS).status_code == 200

    assert client.get("/notice/").status_code == 403


def test_staff_are_not_signed_in_or_out_by_a_notice(as_user, wanda, recipient):
    client = open_link(recipient, as_user(wanda))

    assert list(open_link(recipient).cookies) == ["notice"]
    assert client.get("/staff/").status_code == 200
