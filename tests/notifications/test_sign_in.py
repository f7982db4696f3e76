"""Anyone may show that a mailbox is theirs, and reads what was written to it. Asking tells a stranger nothing."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import sealing
from accounts.models import Address, AuditEntry, User
from incidents.models import AffectedAccount, ImportBatch
from notifications.models import MailboxCode, Mailing, Recipient
from notifications.reading import signing_in
from tests.factories import (
    NOON,
    make_account,
    make_address,
    make_affected,
    make_incident,
    make_organisation,
    make_update,
    make_user,
)
from tests.notifications.arrange import make_recipient
from tests.notifications.reader import OURS, _files_apart, make_letter, make_story, publish  # noqa: F401

pytestmark = pytest.mark.django_db

OWNER = "owner@northwind.example"


@pytest.fixture(autouse=True)
def organisation():
    return make_organisation()


@pytest.fixture
def letter(wanda, anton):
    incident = make_story()
    publish(incident, by=wanda, yes=anton)
    return make_letter(incident)


def ask(address: str, client: Client | None = None) -> Client:
    client = client or Client()
    response = client.post("/your-notices/sign-in/", {"address": address}, **OURS)
    assert (response.status_code, response["Location"]) == (303, "/your-notices/code/")
    return client


def mailed(address: str) -> str:
    """The code in the newest message to this mailbox."""
    signing_in.send_waiting(at=timezone.now())
    message = next(one for one in reversed(mail.outbox) if one.to == [address])
    return re.search(r"^    (\S+)$", message.body, re.MULTILINE)[1]


def type_code(client: Client, code: str):
    return client.post("/your-notices/code/", {"code": code}, **OURS)


def sign_in(address: str, client: Client | None = None) -> Client:
    client = ask(address, client)
    response = type_code(client, mailed(address))
    assert (response.status_code, response["Location"]) == (303, "/your-notices/")
    return client


def listed(client: Client) -> str:
    response = client.get("/your-notices/")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# What it shows ----------------------------------------------------------------------------------------------------


def test_whoever_types_the_code_reads_what_was_written_to_that_mailbox(letter):
    client = sign_in(OWNER)

    assert "northwind" in listed(client)
    opened = client.post("/your-notices/open/", {"code": letter.code})
    assert (opened.status_code, opened["Location"]) == (303, "/notice/")
    assert "Rotate your API keys" in client.get("/notice/").content.decode()


def test_every_account_of_one_mailbox_and_every_incident_stand_there(letter, wanda, anton):
    second = make_account("contoso", "Owner@Northwind.example")
    make_recipient(letter.incident, make_affected(letter.incident, second), state="delivered", message_id="2@x.example")
    older = make_incident("older-2019", title="Invoices were read")
    make_update(older)
    publish(older, by=wanda, yes=anton)
    make_recipient(older, make_affected(older, letter.account), state="delivered", message_id="3@x.example")

    notices = listed(sign_in(OWNER))

    assert "There are 3 notices" in notices
    assert "contoso" in notices and "Invoices were read" in notices


def test_somebody_else_sees_nothing_of_it_and_that_it_is_no_proof(letter):
    nothing = listed(sign_in("stranger@elsewhere.example"))

    assert "we hold no notice for this mailbox" in nothing
    assert "northwind" not in nothing
    assert "API keys of some customers were exposed</a>: there is no list yet" in nothing


def test_whoever_has_no_notice_reads_as_of_which_list(letter):
    for number in (1, 2):
        ImportBatch.objects.create(
            incident=letter.incident, number=number, source="room", file_name="x.csv", state="confirmed",
            confirmed_at=NOON,
        )  # fmt: skip

    nothing = listed(sign_in("stranger@elsewhere.example"))

    assert "none for this mailbox by list version 2, as of <time" in nothing
    assert "12:00 UTC, 14 March 2026" in nothing


def test_who_has_notices_and_who_has_none_get_pages_of_one_status_and_one_size(letter):
    pages = [sign_in(address).get("/your-notices/") for address in (OWNER, "stranger@elsewhere.example")]

    assert [page.status_code for page in pages] == [200, 200]
    assert len(pages[0].content) == len(pages[1].content) == 16384
    assert sorted(pages[0].headers) == sorted(pages[1].headers)


@pytest.mark.parametrize("state", ["prepared", "cancelled"])
def test_nobody_learns_it_here_before_they_are_told(letter, state):
    Recipient.objects.update(state=state)

    assert "we hold no notice" in listed(sign_in(OWNER))


def test_whoever_is_being_written_to_this_minute_reads_it_but_not_while_it_is_paused(letter):
    Recipient.objects.update(state="queued")
    client = sign_in(OWNER)
    assert "northwind" in listed(client)

    Mailing.objects.update(state="paused", paused_at=timezone.now())

    assert "we hold no notice" in listed(client)


def test_whoever_is_on_the_list_and_was_not_told_is_told_nothing_untrue(letter):
    make_affected(letter.incident, make_account("contoso", "it@contoso.example"))

    notices = listed(sign_in("it@contoso.example"))

    assert "we hold no notice" in notices and "not affected" not in notices


@pytest.mark.parametrize("end", [{"trusted": False}, {"withdrawn_at": timezone.now()}])
def test_a_mailbox_that_is_not_trusted_or_was_withdrawn_opens_nothing(letter, end):
    client = sign_in(OWNER)
    client.post("/your-notices/open/", {"code": letter.code})
    assert client.get("/notice/").status_code == 200

    Address.objects.update(**end)

    assert "we hold no notice" in listed(client)
    assert client.get("/notice/").status_code == 403


def test_a_drill_is_no_notice(letter):
    letter.incident.__class__.objects.update(drill=True, visibility="told_only")

    assert "we hold no notice" in listed(sign_in(OWNER))


def test_whoever_was_ruled_out_reads_so(letter):
    AffectedAccount.objects.update(certainty="ruled_out")

    assert "is not affected after all" in listed(sign_in(OWNER))


def test_a_notice_of_somebody_else_cannot_be_opened(letter):
    client = sign_in("stranger@elsewhere.example")

    assert client.post("/your-notices/open/", {"code": letter.code})["Location"] == "/your-notices/"
    assert client.get("/notice/").status_code == 403


def test_signing_out_shuts_the_open_notice_too(letter):
    client = sign_in(OWNER)
    client.post("/your-notices/open/", {"code": letter.code})
    kept = client.cookies["notice"].value

    assert "You are signed out" in client.post("/your-notices/sign-out/").content.decode()

    client.cookies["notice"] = kept
    assert client.get("/notice/").status_code == 403
    assert client.get("/your-notices/").status_code == 303


# Asking tells nothing ---------------------------------------------------------------------------------------------


def test_every_address_gets_the_same_answer_and_exactly_one_mail(letter, wanda, stranger):
    asked = {OWNER: None, wanda.email: None, stranger.email: None, "nobody@elsewhere.example": None}
    for address in asked:
        client = Client()
        response = client.post("/your-notices/sign-in/", {"address": address}, **OURS)
        shown = client.get("/your-notices/code/")
        cookie = response.cookies.pop("mailbox")
        asked[address] = (
            response.status_code, response.content, sorted(response.headers.items()), len(cookie.value),
            str(cookie).replace(cookie.value, "").split("expires")[0], list(response.cookies), shown.status_code,
            shown.content, sorted(shown.headers.items()), list(shown.cookies),
        )  # fmt: skip

    assert len({repr(answer) for answer in asked.values()}) == 1
    signing_in.send_waiting(at=timezone.now())
    assert sorted(message.to[0] for message in mail.outbox) == sorted(asked)
    code = re.compile(r"^    \S+$", re.MULTILINE)
    assert len({(message.subject, code.sub("", message.body)) for message in mail.outbox}) == 1


def test_asking_looks_nothing_up(letter, django_assert_num_queries):
    client = Client()
    with django_assert_num_queries(1) as captured:
        client.post("/your-notices/sign-in/", {"address": OWNER}, **OURS)

    assert captured[0]["sql"].startswith("INSERT")
    assert OWNER not in captured[0]["sql"]


def test_no_address_is_in_the_table_once_the_code_was_used_and_none_in_the_clear_before(letter):
    client = ask(OWNER)
    row = MailboxCode.objects.get()
    assert OWNER not in row.sealed

    type_code(client, mailed(OWNER))

    row.refresh_from_db()
    assert row.sealed == ""


def test_what_is_no_address_is_said_without_looking():
    response = Client().post("/your-notices/sign-in/", {"address": "not one"}, **OURS)

    assert response.status_code == 422
    assert not MailboxCode.objects.exists()


def test_a_form_on_another_site_asks_for_nothing():
    response = Client().post("/your-notices/sign-in/", {"address": OWNER}, HTTP_SEC_FETCH_SITE="cross-site")

    assert response.status_code == 403
    assert not MailboxCode.objects.exists()


def test_one_mailbox_gets_ten_an_hour_and_the_page_says_the_same_of_the_eleventh(letter):
    for _ in range(11):
        ask(OWNER)

    signing_in.send_waiting(at=timezone.now())

    assert len(mail.outbox) == 10


# The code ---------------------------------------------------------------------------------------------------------


def test_a_code_works_in_any_spelling_and_once_only(letter):
    client = ask(OWNER)
    code = mailed(OWNER)
    handle = client.cookies["mailbox"].value
    assert type_code(client, f" {code.lower().replace('-', ' ')} ").status_code == 303

    again = Client()
    again.cookies["mailbox"] = handle

    assert "works no more" in type_code(again, code).content.decode()


def test_five_wrong_tries_end_a_code(letter):
    client = ask(OWNER)
    code = mailed(OWNER)
    answers = [type_code(client, "ZZZZ-ZZZZ").content.decode() for _ in range(5)]

    assert "You can try 4 more times" in answers[0] and "You can try 1 more time." in answers[3]
    assert "works no more" in answers[4]
    assert "works no more" in type_code(client, code).content.decode()
    assert not User.objects.filter(email=OWNER).exists()


def test_a_code_is_good_for_ten_minutes_and_in_its_own_browser(letter):
    client = ask(OWNER)
    code = mailed(OWNER)

    assert "not the code we sent" in type_code(ask("other@elsewhere.example"), code).content.decode()
    assert "works no more" in type_code(Client(), code).content.decode()
    MailboxCode.objects.update(asked_at=timezone.now() - timedelta(minutes=10, seconds=1))
    assert "works no more" in type_code(client, code).content.decode()


def test_codes_are_forgotten_after_an_hour(letter):
    ask(OWNER)

    signing_in.send_waiting(at=timezone.now() + timedelta(hours=1, seconds=1))

    assert not MailboxCode.objects.exists()


def test_while_the_mail_server_is_away_a_code_waits(letter, settings):
    ask(OWNER)
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert signing_in.send_waiting(at=timezone.now()) == 0

    settings.EMAIL_BACKEND = working

    assert mailed(OWNER)


# Never a way into the staff room ----------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [True, False])
def test_the_mailbox_of_staff_signs_nobody_in(factor):
    user = make_user("wanda@relaypost.example", role="Writer", mfa=factor)
    client = ask(user.email)

    response = type_code(client, mailed(user.email))

    assert response.status_code == 403
    assert "second factor" in response.content.decode()
    assert "_auth_user_id" not in client.session
    assert client.get("/staff/").status_code == 302


def test_nor_does_that_of_somebody_who_worked_here(otto):
    User.objects.filter(pk=otto.pk).update(is_active=False)
    client = ask(otto.email)

    assert type_code(client, mailed(otto.email)).status_code == 403
    assert "_auth_user_id" not in client.session


def test_nor_a_second_mailbox_of_somebody_who_works_here(wanda):
    EmailAddress.objects.create(user=wanda, email="wanda@home.example", verified=True, primary=False)
    client = ask("wanda@home.example")

    assert type_code(client, mailed("wanda@home.example")).status_code == 403
    assert EmailAddress.objects.get(email="wanda@home.example").user == wanda


def test_a_reader_gets_no_role_and_no_staff_page(letter):
    client = sign_in(OWNER)

    user = User.objects.get(email=OWNER)
    assert not (user.is_staff or user.is_superuser or user.groups.exists() or user.has_usable_password())
    assert client.get("/staff/").status_code == 403
    assert client.get("/api/incidents").status_code in {401, 403}
    assert not AuditEntry.objects.filter(act__startswith="staff.").exists()


def test_staff_who_signed_in_for_work_read_their_own_notices(letter, as_user):
    worker = make_user(OWNER, role="Writer")

    assert "northwind" in listed(as_user(worker))


def test_staff_without_a_second_factor_get_no_further(letter, as_user):
    worker = make_user(OWNER, role="Writer", mfa=False)

    assert as_user(worker).get("/your-notices/").status_code == 302


def test_whoever_has_a_passkey_is_asked_for_it_after_the_code(letter):
    sign_in(OWNER)
    user = User.objects.get(email=OWNER)
    Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "x", "credential": {}})
    client = ask(OWNER)

    response = type_code(client, mailed(OWNER))

    assert response.status_code == 303
    assert "/account/2fa/authenticate/" in response["Location"]
    assert client.get("/your-notices/").status_code == 303


def test_whoever_took_the_mailbox_for_theirs_before_without_showing_it_loses_it(letter):
    squatter = User.objects.create_user(OWNER, password="a passphrase of somebody else")
    EmailAddress.objects.create(user=squatter, email=OWNER, verified=False, primary=True)

    sign_in(OWNER)

    squatter.refresh_from_db()
    assert not squatter.has_usable_password()


def test_it_can_be_switched_off(letter, settings):
    client = sign_in(OWNER)
    settings.READERS_SIGN_IN = False

    for path in ("", "sign-in/", "code/"):
        response = client.get(f"/your-notices/{path}")
        assert response.status_code == 404
        assert "Nobody signs in here" in response.content.decode()


def test_what_was_sealed_for_one_purpose_opens_nothing_else():
    sealed = sealing.seal("x", purpose="one")

    with pytest.raises(sealing.Unreadable):
        sealing.unseal(sealed, purpose="another", good_for=timedelta(minutes=1))
    with pytest.raises(sealing.Unreadable):
        sealing.unseal("forged", purpose="one", good_for=timedelta(minutes=1))


def test_an_address_of_two_people_shows_both(letter):
    make_address(make_account("contoso", None), OWNER)

    assert "northwind" in listed(sign_in(OWNER))


# The wire ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", ["x.css", ";.js", "%2fx.css", "sign-in/x.css", ".css", "..", "open/.js", "code.", "."])
def test_an_address_that_looks_like_a_file_is_never_answered_with_a_notice(letter, tail):
    client = sign_in(OWNER)

    response = client.get(f"/your-notices/{tail}")

    assert response.status_code == 404
    assert b"northwind" not in response.content


@pytest.mark.parametrize("path", ["", "sign-in/", "code/", "open/", "sign-out/"])
def test_every_page_is_neither_kept_nor_indexed_nor_compressed_nor_named_to_others(letter, path):
    client = sign_in(OWNER)
    post = path in {"open/", "sign-out/"}

    response = (client.post if post else client.get)(f"/your-notices/{path}", headers={"Accept-Encoding": "gzip, br"})

    assert response["Cache-Control"] == "private, no-store"
    assert "noindex" in response["X-Robots-Tag"]
    assert response["Referrer-Policy"] == "strict-origin"
    assert not response.has_header("Content-Encoding")


def test_what_signing_in_says_does_not_turn_up_on_the_notice(letter):
    client = sign_in(OWNER)
    client.get("/your-notices/")
    client.post("/your-notices/open/", {"code": letter.code})

    assert OWNER not in client.get("/notice/").content.decode()


def test_a_reader_is_signed_out_after_an_hour_and_staff_are_not(letter, as_user, wanda):
    client, worker = sign_in(OWNER), as_user(wanda)
    for one in (client, worker):
        one.get("/your-notices/")

    assert client.session.get_expiry_age() <= 3600 < worker.session.get_expiry_age()


def test_a_reader_can_make_a_passkey_without_a_password(letter):
    response = sign_in(OWNER).get("/account/2fa/webauthn/add/")

    assert response.status_code == 200
