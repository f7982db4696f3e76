"""Staff join, change and leave: by command, by invitation, at once."""

import io
import re
import sys

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import audit, people
from accounts.models import AuditEntry, User
from tests.factories import PASSWORD, make_organisation, make_user

ADD = ("add_staff", "Ada@Relaypost.example", "--name", "Ada Lovelace", "--role", "Administrator")


@pytest.fixture(autouse=True)
def our_address(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.PUBLIC_BASE_URL = "https://status.relaypost.example"


def sign_in_path(text: str) -> str:
    return re.search(r"https://status\.relaypost\.example(/account/password/reset/key/\S+)", text).group(1)


def set_password(path: str, password: str) -> None:
    client = Client()
    page = client.get(path, follow=True)
    client.post(page.request["PATH_INFO"], {"password1": password, "password2": password})


def test_the_command_makes_the_first_person_and_says_the_next_step(db, capsys):
    call_command(*ADD)

    user = User.objects.get()
    said = capsys.readouterr().out
    assert (user.email, user.name, user.is_staff, people.role_of(user)) == (
        "ada@relaypost.example", "Ada Lovelace", True, "Administrator",
    )  # fmt: skip
    assert EmailAddress.objects.get().verified
    assert not user.has_usable_password()
    assert "Then sign in at https://status.relaypost.example/account/login/ and set up a second factor." in said
    set_password(sign_in_path(said), PASSWORD)
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_the_link_works_once(db, capsys):
    call_command(*ADD)
    path = sign_in_path(capsys.readouterr().out)
    set_password(path, PASSWORD)

    set_password(path, "somebody else's passphrase")

    assert User.objects.get().check_password(PASSWORD)


def test_a_password_can_come_by_standard_input(db, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD + "\n"))

    call_command(*ADD, "--password-stdin")

    assert User.objects.get().check_password(PASSWORD)
    assert "/password/reset/" not in capsys.readouterr().out


def test_a_weak_password_changes_nothing(db, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))

    with pytest.raises(CommandError, match="too short"):
        call_command(*ADD, "--password-stdin")

    assert User.objects.count() == 0


def test_what_is_no_address_changes_nothing(db):
    with pytest.raises(CommandError, match="no email address"):
        call_command("add_staff", "ada", "--role", "Writer")

    assert User.objects.count() == 0


def test_the_same_command_again_changes_nothing_and_says_so(db, capsys):
    call_command(*ADD)
    capsys.readouterr()

    call_command(*ADD)

    assert "already; nothing was changed" in capsys.readouterr().out
    assert User.objects.count() == 1
    assert AuditEntry.objects.filter(act="staff.added").count() == 1


def test_adding_somebody_is_in_the_log_without_the_address(db):
    call_command(*ADD)

    entry = AuditEntry.objects.get(act="staff.added")
    assert entry.by is None
    assert "Administrator" in entry.body
    assert "relaypost.example" not in entry.body and "Lovelace" not in entry.body
    assert audit.verify() == 1


def test_whoever_squatted_an_address_does_not_become_staff_with_his_own_password(db):
    squatter = make_user("wanda@relaypost.example")
    EmailAddress.objects.update(verified=False)
    Authenticator.objects.create(user=squatter, type="totp", data={"secret": "x"})

    people.add(email="wanda@relaypost.example", name="Wanda", role="Writer", by=None)

    user = User.objects.get()
    assert not user.has_usable_password()
    assert Authenticator.objects.count() == 0


def test_a_reader_who_showed_that_the_address_is_hers_keeps_her_password(db):
    make_user("wanda@relaypost.example")

    user, changed = people.add(email="WANDA@relaypost.example", name="Wanda", role="Writer", by=None)

    assert changed and user.is_staff and user.check_password(PASSWORD)


def test_an_administrator_invites_by_mail(ada, as_user, mailoutbox):
    make_organisation()

    page = as_user(ada).post(
        "/staff/people/", {"email": "new@relaypost.example", "name": "Nora", "role": "Writer"}, follow=True
    )

    message = mailoutbox[0]
    assert "Nora has access now, as writer. The invitation is on its way." in page.content.decode()
    assert (message.to, message.subject) == (["new@relaypost.example"], "Relaypost: your access to the staff room")
    assert "Ada Administrator gives you access" in message.body and "as writer" in message.body
    set_password(sign_in_path(message.body), PASSWORD)
    assert User.objects.get(email="new@relaypost.example").check_password(PASSWORD)


def test_an_invitation_that_could_not_be_mailed_is_said_and_can_be_sent_again(ada, as_user, settings, mailoutbox):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    client = as_user(ada)

    page = client.post("/staff/people/", {"email": "n@relaypost.example", "name": "N", "role": "Writer"}, follow=True)
    assert "did not take the invitation" in page.content.decode()

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    client.post(f"/staff/people/{User.objects.get(email='n@relaypost.example').pk}/invite/")
    assert len(mailoutbox) == 1
    assert AuditEntry.objects.get(act="staff.invited_again").by == ada


def test_an_invitation_that_is_not_complete_says_what_is_missing(ada, as_user):
    response = as_user(ada).post("/staff/people/", {"email": "nobody", "name": "", "role": "King"})

    page = response.content.decode()
    assert response.status_code == 422
    assert "3 things need your eye" in page
    assert "This does not look like an address" in page
    assert 'aria-describedby="id_email_helptext id_email_error"' in page
    assert 'id="id_email_error"' in page
    assert User.objects.count() == 1


def test_a_new_role_holds_with_the_next_click(ada, wanda, as_user):
    writer = as_user(wanda)
    assert writer.get("/staff/people/").status_code == 403

    as_user(ada).post(f"/staff/people/{wanda.pk}/", {"name": "Wanda Writer", "role": "Administrator"})

    assert writer.get("/staff/people/").status_code == 200
    assert '"role":"Administrator","role_before":"Writer"' in AuditEntry.objects.get(act="staff.role_changed").body


def test_nobody_changes_their_own_role_or_closes_their_own_access(ada, as_user):
    client = as_user(ada)

    role = client.post(f"/staff/people/{ada.pk}/", {"name": "Ada", "role": "Writer"}, follow=True)
    close = client.post(f"/staff/people/{ada.pk}/close/", follow=True)

    ada.refresh_from_db()
    assert "You cannot change your own role" in role.content.decode()
    assert "You cannot close your own access" in close.content.decode()
    assert ada.is_active and people.role_of(ada) == "Administrator"


def test_closing_asks_first_and_names_the_person(ada, wanda, as_user):
    page = as_user(ada).get(f"/staff/people/{wanda.pk}/close/").content.decode()

    assert "Close the access of Wanda Writer</button>" in page
    wanda.refresh_from_db()
    assert wanda.is_active


def test_closing_ends_every_session_at_once(ada, wanda, as_user):
    phone, laptop = as_user(wanda), as_user(wanda)
    for client in (phone, laptop):
        assert client.get("/staff/approvals/").status_code == 200
    assert UserSession.objects.filter(user=wanda).count() == 2

    page = as_user(ada).post(f"/staff/people/{wanda.pk}/close/", follow=True).content.decode()

    assert "Wanda Writer has no access any more. Sessions ended: 2." in page
    assert not UserSession.objects.filter(user=wanda).exists()
    assert not Session.objects.filter(pk__in=[phone.session.session_key, laptop.session.session_key]).exists()
    for client in (phone, laptop):
        assert client.get("/staff/approvals/").status_code == 302
    assert '"sessions_ended":2' in AuditEntry.objects.get(act="staff.closed").body


def test_whoever_was_closed_cannot_sign_in_and_is_told_why_only_with_the_right_password(ada, wanda, as_user):
    people.close(wanda, by=ada)

    response = Client().post("/account/login/", {"login": wanda.email, "password": PASSWORD}, follow=True)

    assert "_auth_user_id" not in response.client.session


def test_access_can_be_given_again_in_the_role_held_before(ada, wanda, as_user):
    people.close(wanda, by=ada)

    as_user(ada).post(f"/staff/people/{wanda.pk}/reopen/")

    wanda.refresh_from_db()
    assert wanda.is_active and people.role_of(wanda) == "Writer"
    assert AuditEntry.objects.filter(act="staff.reopened").count() == 1


def test_the_list_says_who_has_no_second_factor(ada, as_user):
    make_user("new@relaypost.example", role="Writer", mfa=False, name="Nora")

    page = as_user(ada).get("/staff/people/").content.decode()

    assert "none yet: cannot enter" in page
    assert page.count('data-label="Second factor">app<') == 1


def test_the_list_takes_the_same_number_of_queries_however_many_people(ada, as_user):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/staff/people/")
        return len(captured)

    client = as_user(ada)
    client.get("/staff/people/")  # makes the session's row
    few = queries()
    for number in range(12):
        make_user(f"w{number}@relaypost.example", role="Writer", name=f"W {number}")

    assert queries() == few
