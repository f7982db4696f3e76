"""The company's provider opens the door for staff who show their second factor here; and one switch shuts it."""

import time
from urllib.parse import urlsplit

import pytest
import requests
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.socialaccount.models import SocialAccount
from django.core.cache import cache
from django.test import Client

from accounts import approvals, organisations, single_sign_on
from accounts.models import Approval, AuditEntry, Organisation, User
from tests.accounts.identity_provider import CLIENT, SECRET, Provider
from tests.factories import PASSWORD, TOTP_SECRET, make_user

pytestmark = pytest.mark.django_db
LOGIN, SWITCH = "/account/oidc/company/login/", "/staff/single-sign-on/"


@pytest.fixture
def provider(settings):
    running = Provider()
    settings.OIDC_ISSUER, settings.OIDC_NAME, settings.OIDC_ORIGINS = running.issuer, "Example ID", [running.issuer]
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [{
        "provider_id": "company", "name": "Example ID", "client_id": CLIENT, "secret": SECRET,
        "settings": {"server_url": running.issuer},
    }]}}  # fmt: skip
    cache.clear()
    yield running
    running.close()


def come(client: Client):
    """To the provider and back; the answer to the way back."""
    away = client.post(LOGIN)
    back = requests.get(away.headers["Location"], allow_redirects=False, timeout=5).headers["Location"]
    parts = urlsplit(back)
    return client.get(f"{parts.path}?{parts.query}", follow=True)


def show_code(client: Client):
    return client.post(
        "/account/2fa/authenticate/", {"code": format_hotp_value(hotp_value(TOTP_SECRET, int(time.time()) // 30))}
    )


def signed_in_by_it() -> Client:
    client = Client()
    come(client)
    show_code(client)
    assert client.get("/staff/approvals/").status_code == 200
    return client


def test_staff_come_in_by_single_sign_on_and_show_their_second_factor_here(provider, anton):
    client = Client()

    answer = come(client)

    assert "Your second factor" in answer.content.decode()
    assert client.get("/staff/approvals/").status_code == 302, "the provider alone must not be enough"
    assert show_code(client).headers["Location"] == "/staff/"
    assert client.get("/staff/approvals/").status_code == 200
    assert not SocialAccount.objects.exists(), "nothing of the provider is kept"


def test_staff_without_a_second_factor_get_no_further_than_setting_one_up(provider):
    make_user("anton@relaypost.example", role="Approver", mfa=False)
    client = Client()
    come(client)

    assert client.get("/staff/approvals/").headers["Location"] == "/account/2fa/"


@pytest.mark.parametrize("says", [
    {"email_verified": False}, {"email_verified": "false"}, {"email_verified": None},
    {"email": "nobody@relaypost.example"},
])  # fmt: skip
def test_an_address_that_is_unknown_or_not_verified_opens_nothing(provider, anton, says):
    provider.person |= says
    client = Client()

    answer = come(client)

    assert "did not open anything" in answer.content.decode()
    assert "_auth_user_id" not in client.session
    assert User.objects.count() == 1


def test_whoever_is_not_staff_or_was_shut_out_does_not_come_in(provider, anton, stranger):
    for email in (stranger.email, anton.email):
        User.objects.filter(email=anton.email).update(is_active=False)
        provider.person["email"] = email

        assert "did not open anything" in come(Client()).content.decode()


@pytest.mark.parametrize("says", [{"aud": "another"}, {"iss": "https://evil.example"}, {"exp": 1}])
def test_a_token_for_somebody_else_from_elsewhere_or_too_late_opens_nothing(provider, anton, says):
    provider.token_says = says

    assert "Single sign-on did not work" in come(Client()).content.decode()


def test_what_the_userinfo_page_says_of_another_subject_counts_for_nothing(provider, anton):
    provider.page_says = {"sub": "43"}

    assert "did not open anything" in come(Client()).content.decode()


def test_an_answer_nobody_here_asked_for_opens_nothing(provider, anton):
    answer = Client().get("/account/oidc/company/login/callback/?code=stolen&state=invented")

    assert "Single sign-on did not work" in answer.content.decode()


def test_signed_in_staff_cannot_connect_an_identity_to_their_account(provider, anton, as_user):
    client = as_user(anton)
    assert client.get("/account/3rdparty/").headers["Location"] == "/account/2fa/"
    away = client.post(LOGIN + "?process=connect")
    back = urlsplit(requests.get(away.headers["Location"], allow_redirects=False, timeout=5).headers["Location"])

    answer = client.get(f"{back.path}?{back.query}", follow=True)

    assert "did not open anything" in answer.content.decode()
    assert not SocialAccount.objects.exists()


def test_the_sign_in_page_has_the_button_and_names_the_provider_in_its_policy(provider, anton):
    page = Client().get("/account/login/")

    assert "Sign in with Example ID" in page.content.decode()
    assert f"form-action 'self' {provider.issuer}" in page.headers["Content-Security-Policy"]
    assert Client().get(LOGIN).status_code == 200, "a link alone begins nothing"


def test_without_a_provider_there_is_no_button_and_no_door(anton):
    assert "oidc" not in Client().get("/account/login/").content.decode()
    assert Client().post(LOGIN).status_code == 404


def test_one_switch_ends_what_came_by_single_sign_on_and_nothing_else(provider, ada, anton, as_user):
    by_it, halfway = signed_in_by_it(), Client()
    cache.clear()
    come(halfway)
    with_password = Client()
    with_password.post("/account/login/", {"login": anton.email, "password": PASSWORD})
    show_code_again(with_password)
    admin = as_user(ada)
    assert "Switch single sign-on off and end 1 session" in admin.get(SWITCH).content.decode()

    answer = admin.post(SWITCH, follow=True)

    assert "Sessions ended: 1" in answer.content.decode()
    assert by_it.get("/staff/approvals/").headers["Location"].startswith("/account/login/")
    assert with_password.get("/staff/approvals/").status_code == 200
    assert show_code_again(halfway).headers["Location"] == "/account/login/"
    assert halfway.get("/staff/approvals/").status_code == 302, "whoever was half-way in gets no further"
    assert "is switched off" in come(Client()).content.decode()
    assert "Example ID" not in Client().get("/account/login/").content.decode()
    assert AuditEntry.objects.filter(act="single_sign_on.off", by=ada).count() == 1


def show_code_again(client: Client):
    cache.clear()  # allauth takes each code once
    return show_code(client)


def test_switching_it_off_asks_for_the_second_factor_again(provider, ada, as_user):
    answer = as_user(ada, minutes_ago=30).post(SWITCH)

    assert answer.headers["Location"].startswith("/account/2fa/reauthenticate/")
    assert single_sign_on.is_on()


def test_switching_it_on_again_needs_a_second_person(provider, ada, anton, as_user):
    single_sign_on.switch_off(by=ada)

    as_user(ada).post(SWITCH)

    assert not single_sign_on.is_on()
    approvals.answer(Approval.objects.get(), yes=True, by=anton)
    organisations.carry_out(organisations.waiting()[0], by=ada)
    assert Organisation.get().single_sign_on


def test_only_administrators_see_the_switch(provider, anton, otto, stranger, as_user):
    for user in (anton, otto, stranger):
        assert as_user(user).get(SWITCH).status_code == 403
        assert as_user(user).post(SWITCH).status_code == 403
