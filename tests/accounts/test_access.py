"""Nobody gets into the staff room who does not belong there, by any of its addresses."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from tests.factories import PASSWORD, make_affected, make_incident, make_user

VALUES = {"slug": "api-keys-2018", "int": "1", "str": "x", "path": "x", "uuid": "0" * 32}


def patterns(resolver: URLResolver | None = None, prefix: str = ""):
    """(address with its parameters filled in, pattern) of every route of ours."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            if entry.app_name not in {"admin", "djdt"}:
                yield from patterns(entry, route)
        elif isinstance(entry, URLPattern):
            yield "/" + re.sub(r"<(?:(\w+):)?(\w+)>", _value, route), entry


def _value(match: re.Match) -> str:
    kind, name = match.groups()
    return VALUES["slug"] if name == "slug" else VALUES[kind or "str"]


STAFF = [(address, pattern) for address, pattern in patterns() if address.startswith("/staff/")]


def test_there_are_staff_addresses_to_test():
    assert len(STAFF) >= 10


@pytest.mark.parametrize("pattern", [pattern for _, pattern in STAFF], ids=[address for address, _ in STAFF])
def test_every_staff_view_names_its_permissions(pattern):
    known = {codename for codename, _ in User._meta.permissions}

    named = set(getattr(pattern.callback, "permissions", ()))
    assert named
    assert named <= known


def test_a_signed_in_stranger_gets_nowhere(stranger, as_user):
    make_incident()
    client = as_user(stranger)

    for address, _ in STAFF:
        for response in (client.get(address), client.post(address)):
            assert response.status_code in {403, 405}, address
            assert b"API keys of some customers" not in response.content, address


def test_whoever_is_not_signed_in_is_asked_to_sign_in(db):
    for address, _ in STAFF:
        response = Client().get(address)

        assert response.status_code == 405 or response.headers["Location"].startswith("/account/login/?next=/staff/")


def test_staff_without_a_second_factor_get_no_further_than_setting_one_up(db, as_user):
    client = as_user(make_user("new@relaypost.example", role="Administrator", mfa=False))

    for address, _ in STAFF:
        for response in (client.get(address), client.post(address)):
            assert (response.status_code, response.headers["Location"]) == (302, "/account/2fa/"), address


def test_recovery_codes_alone_are_no_second_factor(db, as_user):
    novice = make_user("new@relaypost.example", role="Administrator", mfa=False)
    Authenticator.objects.create(user=novice, type="recovery_codes", data={"seed": "x", "used_mask": 0})

    assert as_user(novice).get("/staff/people/").headers["Location"] == "/account/2fa/"


def test_the_page_for_setting_one_up_says_why(db, as_user):
    novice = make_user("new@relaypost.example", role="Writer", mfa=False)

    page = as_user(novice).get("/staff/people/", follow=True).content.decode()

    assert "Before you go on, set up a second factor." in page
    assert "Set one up to go on." in page


@pytest.mark.parametrize("prefix", ["/admin/", "/api/docs"])
def test_the_rule_holds_for_admin_and_api_too(db, as_user, prefix):
    novice = make_user("new@relaypost.example", role="Administrator", mfa=False)

    assert as_user(novice).get(prefix).headers["Location"] == "/account/2fa/"


def test_the_admin_has_no_sign_in_of_its_own(db):
    response = Client().get("/admin/", follow=True)

    assert response.redirect_chain[-1][0].startswith("/account/login/")


def test_a_password_posted_to_the_admin_lets_nobody_in(db):
    user = make_user("ada@relaypost.example", role="Administrator")
    client = Client()

    client.post("/admin/login/?next=/admin/", {"username": user.email, "password": PASSWORD})

    assert "_auth_user_id" not in client.session


def test_a_stranger_does_not_see_the_admin(stranger, as_user):
    assert as_user(stranger).get("/admin/").status_code in {302, 403}


@pytest.mark.parametrize(
    ("who", "address"),
    [
        ("wanda", "/staff/people/"),
        ("anton", "/staff/people/"),
        ("otto", "/staff/people/"),
        ("wanda", "/staff/organisation/"),
        ("otto", "/staff/organisation/"),
    ],
)
def test_a_role_without_the_permission_gets_words(request, as_user, who, address):
    response = as_user(request.getfixturevalue(who)).get(address)

    assert response.status_code == 403
    assert "does not include it" in response.content.decode()


# What the page said on a day is public, and support asks for corrections of addresses; here there is neither.
OPEN_TO_SUPPORT = {
    "/staff/": 302, "/staff/look-up/": 200,
    "/staff/api-keys-2018/versions/1/": 404, "/staff/api-keys-2018/affected/1/corrections/1/": 404,
}  # fmt: skip


def test_support_gets_the_look_up_and_nothing_else(db, as_user):
    make_affected(make_incident(), pk=1)
    client = as_user(make_user("sam@relaypost.example", role="Support"))

    for address, _ in STAFF:
        response = client.get(address)
        assert response.status_code in ({OPEN_TO_SUPPORT[address]} if address in OPEN_TO_SUPPORT else {403, 405}), (
            address
        )
        if address != "/staff/look-up/":
            assert client.post(address).status_code in {OPEN_TO_SUPPORT.get(address, 403), 403, 405}, address


def test_support_starts_at_the_look_up(db, as_user):
    page = as_user(make_user("sam@relaypost.example", role="Support")).get("/staff/", follow=True)

    assert page.redirect_chain == [("/staff/look-up/", 302)]
    assert "Find one person" in page.text
    assert "/staff/approvals/" not in page.text


def test_access_that_was_closed_is_closed_with_the_next_click(wanda, as_user):
    client = as_user(wanda)
    assert client.get("/staff/approvals/").status_code == 200

    User.objects.filter(pk=wanda.pk).update(is_active=False)

    assert client.get("/staff/approvals/").headers["Location"].startswith("/account/login/")
