"""What would make the house weaker takes two people; and passkeys can be demanded."""

import time

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from django.urls import reverse

from accounts import approvals, organisations
from accounts.models import AuditEntry, Organisation
from tests.accounts.test_pages import form_of
from tests.factories import make_organisation

PAGE = "/staff/organisation/"


@pytest.fixture
def house(db) -> Organisation:
    return make_organisation(sign_offs=1, import_limit=1000)


def save(client, **changes):
    return client.post(PAGE, form_of(Organisation.get(), fewer_eyes="on", **changes), follow=True).content.decode()


def carry_out(client) -> str:
    waiting, _ = organisations.waiting()
    return client.post(reverse("accounts:carry_out", args=[waiting.pk]), follow=True).content.decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sign_offs": 0}, "0 instead of 1 other people must say yes."),
        ({"import_limit": 50_000}, "One person may import 50,000 instead of 1,000 accounts."),
        ({"link_hosts": "login.example.net"}, "Notices and steps may link to login.example.net."),
    ],
)
def test_what_weakens_the_house_waits_and_is_done_after_a_yes(house, ada, anton, as_user, changes, said):
    client = as_user(ada)

    assert said in save(client, **changes)
    assert organisations.weakening(Organisation.get(), house) == []
    assert "A second person has not approved this yet" in carry_out(client)

    _, approval = organisations.waiting()
    assert approval.summary == said
    approvals.answer(approval, yes=True, by=anton)
    assert "Saved, as approved" in carry_out(client)

    for name, value in changes.items():
        assert getattr(Organisation.get(), name) == ([value] if name == "link_hosts" else value)
    assert organisations.waiting() is None


def test_what_makes_it_stronger_needs_nobody(house, ada, as_user):
    assert "Saved." in save(as_user(ada), sign_offs=2, import_limit=10, passkeys_demanded="on")

    assert (Organisation.get().sign_offs, Organisation.get().import_limit) == (2, 10)


def test_a_house_of_one_person_changes_at_once_and_the_log_says_so(ada, as_user):
    make_organisation(sign_offs=0, import_limit=1000)

    assert "Saved." in save(as_user(ada), import_limit=9000)

    assert '"import_limit":[1000,9000]' in AuditEntry.objects.get(act="organisation.changed").body


def test_whoever_asked_cannot_say_yes(house, ada, as_user):
    save(as_user(ada), sign_offs=0)
    _, approval = organisations.waiting()

    with pytest.raises(approvals.NotAllowed):
        approvals.answer(approval, yes=True, by=ada)


def test_a_newer_request_ends_the_earlier(house, ada, anton, as_user):
    client = as_user(ada)
    save(client, sign_offs=0)
    _, earlier = organisations.waiting()
    approvals.answer(earlier, yes=True, by=anton)

    save(client, import_limit=5000)

    earlier.refresh_from_db()
    assert earlier.state == "void"
    assert "has not approved" in carry_out(client)
    assert Organisation.get().sign_offs == 1


def test_a_field_that_changed_meanwhile_stops_it(house, ada, anton, as_user):
    client = as_user(ada)
    save(client, import_limit=5000)
    _, approval = organisations.waiting()
    approvals.answer(approval, yes=True, by=anton)
    save(client, import_limit=500)

    assert "somebody changed the same field" in carry_out(client)
    assert Organisation.get().import_limit == 500
    approval.refresh_from_db()
    assert approval.state == "given", "nothing was spent"


def test_a_host_that_is_none_is_named(house, ada, as_user):
    page = save(as_user(ada), link_hosts="https://login.example.net/x")

    assert "This is no name of a host: https://login.example.net/x" in page


def demand(house) -> None:
    Organisation.objects.update(passkeys_demanded=True)


def test_where_passkeys_are_demanded_an_app_is_not_enough(house, ada, as_user):
    demand(house)

    response = as_user(ada).get("/staff/", follow=True)

    assert response.redirect_chain[0][0] == reverse("mfa_index")
    assert "set up a passkey" in response.content.decode()


def test_a_session_that_came_by_a_code_shows_the_passkey_once(house, ada, as_user):
    demand(house)
    Authenticator.objects.create(user=ada, type=Authenticator.Type.WEBAUTHN, data={})
    client = as_user(ada)

    assert client.get("/staff/people/").url == f"{reverse('mfa_reauthenticate_webauthn')}?next=%2Fstaff%2Fpeople%2F"

    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "type": "webauthn", "at": time.time()}]
    session.save()
    assert client.get("/staff/people/").status_code == 200


def test_an_old_passkey_and_a_new_code_do_not_publish_where_passkeys_are_demanded(house, ada, otto, as_user):
    demand(house)
    Authenticator.objects.create(user=ada, type=Authenticator.Type.WEBAUTHN, data={})
    client = as_user(ada)
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "mfa", "type": "webauthn", "at": time.time() - 3600},
        {"method": "mfa", "type": "totp", "at": time.time()},
    ]
    session.save()

    response = client.post(reverse("accounts:close", args=[otto.pk]))

    assert response.url == reverse("mfa_reauthenticate_webauthn")


def test_demanding_passkeys_less_has_to_be_meant(house, ada, as_user):
    demand(house)
    before = Organisation.get()
    after = Organisation.get()
    after.passkeys_demanded = False

    assert organisations.weakening(before, after) == ["Passkeys are no longer demanded of staff."]


def test_what_somebody_made_stronger_meanwhile_is_not_undone_alone(house, ada):
    as_it_was = Organisation.get()
    Organisation.objects.update(sign_offs=2)

    changed, because = organisations.save(as_it_was, by=ada)

    assert not changed
    assert because == ["1 instead of 2 other people must say yes."]
    assert Organisation.get().sign_offs == 2
