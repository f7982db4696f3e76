"""Signing in with two factors, confirming another address, a lost password; and nobody signs up."""

import re
import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from tests.factories import PASSWORD, TOTP_SECRET, make_organisation, make_user


@pytest.fixture(autouse=True)
def mail_and_limits(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.PUBLIC_BASE_URL = "https://status.relaypost.example"
    cache.clear()


def code_now() -> str:
    return format_hotp_value(hotp_value(TOTP_SECRET, int(time.time()) // 30))


def link_in(message) -> str:
    return re.search(r"https://status\.relaypost\.example(/account/\S+)", message.body).group(1)


def test_staff_sign_in_with_password_and_code(anton):
    client = Client()

    first = client.post("/account/login/", {"login": anton.email, "password": PASSWORD}, follow=True)
    assert "Your second factor" in first.content.decode()
    assert client.get("/staff/approvals/").status_code == 302, "the password alone must not be enough"

    second = client.post("/account/2fa/authenticate/", {"code": code_now()})

    assert second.headers["Location"] == "/staff/"
    assert client.get("/staff/approvals/").status_code == 200


def test_a_wrong_code_lets_nobody_in(anton):
    client = Client()
    client.post("/account/login/", {"login": anton.email, "password": PASSWORD})

    client.post("/account/2fa/authenticate/", {"code": "000000" if code_now() != "000000" else "111111"})

    assert client.get("/staff/approvals/").status_code == 302


def test_nobody_signs_up_whatever_the_address(db, mailoutbox):
    """Readers show that a mailbox is theirs by a code, staff are invited: a password of one's own opens neither."""
    make_organisation()
    make_user("known@example.com")
    form = {"password1": PASSWORD, "password2": PASSWORD}

    known = Client().post("/account/signup/", {"email": "known@example.com", **form})
    unknown = Client().post("/account/signup/", {"email": "unknown@example.com", **form})

    assert known.content == unknown.content
    assert "/your-notices/sign-in/" in known.content.decode()
    assert (User.objects.count(), mailoutbox) == (1, [])


@pytest.fixture
def adding(db, mailoutbox) -> Client:
    """A reader who has just said that another mailbox is theirs, too."""
    make_organisation()
    client = Client()
    client.force_login(make_user("known@example.com"))
    client.post("/account/email/", {"action_add": "", "email": "new@example.com"}, headers={"host": "127.0.0.1"})
    return client


def test_the_confirmation_carries_our_name_our_sender_and_a_link_from_the_settings(adding, mailoutbox):
    message = mailoutbox[0]
    assert message.from_email == "Relaypost Security <security@relaypost.example>"
    assert message.subject == "Relaypost: is this your address?"
    assert "https://status.relaypost.example/account/confirm-email/" in message.body
    assert "127.0.0.1" not in message.body
    assert "Candor" not in message.body and "example.com" not in message.subject


def test_an_unknown_host_is_refused_before_any_mail(db, mailoutbox):
    response = Client().post("/account/password/reset/", {"email": "a@b.example"}, headers={"host": "evil.example"})

    assert response.status_code == 400
    assert mailoutbox == []


def test_opening_the_confirmation_link_alone_changes_nothing(adding, mailoutbox):
    adding.get(link_in(mailoutbox[0]))

    assert not EmailAddress.objects.get(email="new@example.com").verified


def test_asking_for_a_new_password_looks_the_same_for_an_unknown_address(db, mailoutbox):
    make_user("known@example.com")

    known = Client().post("/account/password/reset/", {"email": "known@example.com"})
    unknown = Client().post("/account/password/reset/", {"email": "unknown@example.com"})

    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert "We\nhold no account for it" in mailoutbox[1].body


def test_a_new_password_does_not_replace_the_second_factor(anton, mailoutbox):
    client = Client()
    client.post("/account/password/reset/", {"email": anton.email})
    page = client.get(link_in(mailoutbox[0]), follow=True)
    new = "another long passphrase"

    client.post(page.request["PATH_INFO"], {"password1": new, "password2": new})
    client.post("/account/login/", {"login": anton.email, "password": new})

    anton.refresh_from_db()
    assert anton.check_password(new)
    assert client.get("/staff/approvals/").status_code == 302


@pytest.mark.parametrize(
    "address",
    [
        "/account/login/",
        "/account/signup/",
        "/account/password/reset/",
        "/account/password/reset/done/",
        "/account/password/reset/key/1-nonsense/",
        "/account/password/reset/key/done/",
        "/account/confirm-email/",
        "/account/confirm-email/nonsense/",
        "/account/inactive/",
    ],
)
def test_pages_before_signing_in_are_in_our_look_and_name_nobody_else(db, address):
    make_organisation()

    page = Client().get(address, follow=True).content.decode()

    assert '<body class="account">' in page
    assert "Relaypost" in page
    assert "Candor" not in page and "testserver" not in page and "Menu:" not in page


@pytest.mark.parametrize(
    "address",
    [
        "/account/2fa/",
        "/account/2fa/totp/activate/",
        "/account/2fa/webauthn/",
        "/account/2fa/webauthn/add/",
        "/account/2fa/recovery-codes/generate/",
        "/account/sessions/",
        "/account/password/change/",
        "/account/email/",
        "/account/logout/",
        "/account/reauthenticate/",
    ],
)
def test_pages_of_whoever_is_signed_in_are_in_our_look(db, address):
    make_organisation()
    make_user("reader@example.com")
    client = Client()
    client.post("/account/login/", {"login": "reader@example.com", "password": PASSWORD})

    page = client.get(address, follow=True).content.decode()

    assert '<body class="account">' in page
    assert "Candor" not in page and "Menu:" not in page


def test_recovery_codes_can_be_made_seen_and_used_once(anton):
    client = Client()
    client.post("/account/login/", {"login": anton.email, "password": PASSWORD})
    client.post("/account/2fa/authenticate/", {"code": code_now()})
    cache.clear()  # the code of this half minute counts once; here it has to do twice
    client.post("/account/2fa/reauthenticate/", {"code": code_now()})

    page = client.post("/account/2fa/recovery-codes/generate/", follow=True).content.decode()

    assert "10 of 10 are unused" in page
    codes = re.findall(r"<li>([0-9a-zA-Z-]+)</li>", page)
    assert len(codes) == 10
    for attempt, welcome in ((1, True), (2, False)):
        other = Client()
        other.post("/account/login/", {"login": anton.email, "password": PASSWORD})
        other.post("/account/2fa/authenticate/", {"code": codes[0]})
        assert (other.get("/staff/approvals/").status_code == 200) is welcome, f"attempt {attempt}"


def test_a_change_holds_although_the_message_about_it_could_not_be_mailed(anton, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    client = Client()
    client.force_login(anton)
    new = "another long passphrase"

    response = client.post(
        "/account/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new}, follow=True
    )

    anton.refresh_from_db()
    assert response.status_code == 200
    assert anton.check_password(new)


def test_too_many_tries_get_words(anton):
    client = Client()
    for _ in range(12):
        response = client.post("/account/login/", {"login": anton.email, "password": "wrong"})

    page = response.content.decode()
    assert response.status_code == 429 or "Too many failed" in page


def test_a_stranger_who_signs_in_lands_on_the_public_page(stranger):
    response = Client().post("/account/login/", {"login": stranger.email, "password": PASSWORD})

    assert response.headers["Location"] == "/"
