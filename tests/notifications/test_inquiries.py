""" "Was I affected?": one message a day to each address that was asked for, whatever the truth is, and only there."""

import logging
import secrets
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import approvals
from accounts.addresses import lookup_hash
from accounts.models import Organisation
from notifications import stopping, tasks
from notifications.evidence import asked
from notifications.inquiries import answering, holding, keys, later, sending, texts
from notifications.models import Inquiry, InquiryAnswer, InquiryMail, InquiryOutbox, Recipient, SentAgain
from tests.factories import make_account, make_address, make_affected, make_decision, make_incident, make_organisation
from tests.notifications.arrange import make_mailing
from tests.notifications.following import make_public, parts, through
from tests.notifications.inquiring import AFFECTED, UNAFFECTED, UNKNOWN, approve_answers, ask
from tests.notifications.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site(settings, tmp_path):
    settings.SITE_FOLDER = tmp_path
    make_organisation()


@pytest.fixture
def incident(wanda, anton):
    return make_public("api-keys", by=wanda, yes=anton)


@pytest.fixture
def answers(incident, wanda, anton):
    approve_answers(incident, by=wanda, yes=anton)


@pytest.fixture
def server(settings):
    with SmtpServer() as server:
        yield through(server, settings)


@pytest.fixture
def affected(incident):
    """Told by the first notice."""
    affected = make_affected(incident, make_account("northwind", AFFECTED))
    mailing = make_mailing(incident, [affected])
    tasks.dispatch.run_lane()
    mailing.refresh_from_db()
    return affected


def text_to(server: SmtpServer, address: str) -> str:
    messages = [one for one, reader in zip(server.accepted, server.readers, strict=True) if reader == address]
    return " ".join(parts(messages[-1])[0].split())


# The request ------------------------------------------------------------------------------------------------------


def test_the_request_writes_one_row_and_looks_nothing_up(incident, django_assert_max_num_queries):
    client = Client()
    with django_assert_max_num_queries(6) as captured:
        ask(AFFECTED, client=client)

    assert not any("accounts_address" in query["sql"] or "affected" in query["sql"] for query in captured)
    row = Inquiry.objects.get()
    assert row.outcome == "waiting"
    assert AFFECTED.encode() not in bytes(row.sealed)
    assert not client.cookies


def test_the_answer_on_the_page_is_the_same_for_every_address(incident, server, affected, answers):
    make_account("contoso", UNAFFECTED)
    seen = set()
    for address in (AFFECTED, UNAFFECTED, UNKNOWN):
        answer = ask(address)
        page = Client().get(answer["Location"])
        seen.add((answer.status_code, str(sorted(answer.headers.items())), answer.content,
                  page.status_code, str(sorted(page.headers.items())), page.content))  # fmt: skip
    assert len(seen) == 1


def test_a_page_elsewhere_cannot_ask_for_somebody(incident):
    answer = Client().post("/inquiry/api-keys/", {"address": UNKNOWN}, HTTP_ORIGIN="https://evil.example")
    assert answer.status_code == 403
    assert not Inquiry.objects.exists()


def test_what_is_no_address_is_said_to_be_none(incident):
    answer = ask("no address")
    assert answer.status_code == 422
    assert not Inquiry.objects.exists()


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ar"])
def test_the_page_speaks_its_language(incident, language):
    page = Client().get(f"/inquiry/api-keys/{language}/").content.decode()
    assert f'lang="{language}"' in page
    ask(UNKNOWN, language=language)
    assert Inquiry.objects.get().language == language


def test_of_an_incident_that_is_not_public_nothing_is_known(incident):
    make_incident("secret", visibility="private")
    make_incident("drill", drill=True, visibility="private")
    for slug in ("secret", "drill", "never-was"):
        assert Client().get(f"/inquiry/{slug}/").status_code == 404
        assert ask(UNKNOWN, slug).status_code == 404


@pytest.mark.parametrize("path", ["x.css", ";.js", "en/x.css", "xx/", "en/sent.css", "en/sent/x/"])
def test_no_path_beside_it_answers(incident, path):
    assert Client().get(f"/inquiry/api-keys/{path}").status_code == 404


def test_switched_off_it_says_so_to_everyone(incident, ada):
    texts.switch(incident, on=False, by=ada)
    assert "We do not answer this question by email" in ask(UNKNOWN).content.decode()
    texts.switch(incident, on=True, by=ada)
    Organisation.objects.update(inquiries_by_mail=False)
    assert "We do not answer this question by email" in ask(UNKNOWN).content.decode()
    assert not Inquiry.objects.exists()


def test_too_many_of_one_network_are_asked_to_wait(incident, settings):
    answers = []
    network = f"2001:db8:7:{secrets.token_hex(2)}"
    for n in range(settings.INQUIRIES_PER_NETWORK + 1):
        given = {"REMOTE_ADDR": f"{network}::{n:x}", "HTTP_SEC_FETCH_SITE": "same-origin"}
        answers.append(Client().post("/inquiry/api-keys/", {"address": UNKNOWN}, **given))

    assert {one.status_code for one in answers[:-1]} == {303}
    assert answers[-1].status_code == 429


# The answers ------------------------------------------------------------------------------------------------------


def test_each_asked_address_gets_one_message_with_its_truth(incident, server, affected, answers):
    make_account("contoso", UNAFFECTED)
    gone = make_affected(incident, make_account("gone", "owner@gone.example"), certainty="ruled_out")
    late = make_affected(incident, make_account("late", "owner@late.example"))
    taken = make_account("taken", "owner@taken.example")
    taken.addresses.update(trusted=False)
    make_affected(incident, taken)
    before = len(server.accepted)
    asked = [AFFECTED, UNAFFECTED, UNKNOWN, "owner@gone.example", "owner@late.example", "owner@taken.example"]
    for address in asked * 2:
        ask(address)

    tasks.answer_inquiries()
    tasks.dispatch.run_lane()  # the notice that goes again
    tasks.answer_inquiries()

    assert sorted(server.readers[before:]) == sorted(asked)
    assert "somebody read your key" in text_to(server, AFFECTED)
    assert "not on our list of affected accounts" in text_to(server, UNAFFECTED)
    assert "not on our list of affected accounts" in text_to(server, UNKNOWN)
    assert "is not affected" in text_to(server, "owner@gone.example")
    assert "is on our list of accounts that are, or may be, affected" in text_to(server, "owner@late.example")
    assert "We do not answer this question at this address" in text_to(server, "owner@taken.example")
    assert SentAgain.objects.get().because == "inquiry"
    assert Inquiry.objects.filter(outcome="answered").count() == len(asked)
    assert Inquiry.objects.filter(outcome="limited").count() == len(asked)
    assert gone.pk and late.pk


def test_another_day_it_is_answered_again(incident, server, answers):
    ask(UNKNOWN)
    tasks.answer_inquiries()
    Inquiry.objects.update(outcome_at=timezone.now() - timedelta(hours=25))
    ask(UNKNOWN.upper())
    tasks.answer_inquiries()
    assert len(server.accepted) == 2


def test_one_mailbox_is_no_target_of_many_incidents(incident, server, answers, wanda, anton):
    ask(UNKNOWN)
    for n in range(4):
        another = make_public(f"another-{n}", by=wanda, yes=anton)
        approve_answers(another, by=wanda, yes=anton)
        ask(UNKNOWN, another.slug)
    tasks.answer_inquiries()
    assert len(server.accepted) == answering.IN_A_DAY


def test_without_approved_answers_everyone_waits(incident, server, affected):
    before = len(server.accepted)
    ask(AFFECTED)
    ask(UNKNOWN)
    tasks.answer_inquiries()
    tasks.dispatch.run_lane()
    assert len(server.accepted) == before
    assert Inquiry.objects.filter(outcome="waiting").count() == 2


def test_while_law_enforcement_asks_to_wait_nobody_is_answered(incident, server, answers):
    make_decision(incident, "law_enforcement_hold")
    ask(UNKNOWN)
    tasks.answer_inquiries()
    assert not server.accepted


def test_answers_wait_for_every_notice_and_for_the_kill_switch(incident, server, answers, anton):
    ask(UNKNOWN)
    answering.take_up()
    make_mailing(incident, [make_affected(incident)])
    assert sending.run_lane() == 0
    tasks.dispatch.run_lane()
    stopping.stop(by=anton, because="Something is wrong")
    assert sending.run_lane() == 0
    assert UNKNOWN not in server.readers
    assert InquiryOutbox.objects.count() == 1


def test_paused_answers_hold_everybody_and_go_on(incident, server, affected, answers, anton):
    before = len(server.accepted)
    holding.pause(incident, by=anton)
    ask(AFFECTED)
    ask(UNKNOWN)
    tasks.answer_inquiries()
    tasks.dispatch.run_lane()
    assert len(server.accepted) == before
    holding.resume(incident, by=anton)
    tasks.answer_inquiries()
    tasks.dispatch.run_lane()
    tasks.answer_inquiries()
    assert len(server.accepted) == before + 2


def test_smtp_down_changes_nothing_for_whoever_asks(incident, answers, settings):
    settings.EMAIL_BACKEND = "notifications.smtp.PhasedBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert ask(UNKNOWN).status_code == 303
    tasks.answer_inquiries()
    row = Inquiry.objects.get()
    assert row.sealed is not None  # it is still to be handed over
    assert InquiryMail.objects.get().state == "queued"


def test_the_message_comes_in_the_language_of_the_page(incident, server, answers):
    for language, words in {"de": "steht nicht auf unserer Liste", "fr": "ne figure pas", "es": "no está en nuestra",
                            "ar": "ليس في قائمتنا"}.items():  # fmt: skip
        ask(f"{language}@nowhere.example", language=language)
        tasks.answer_inquiries()
        assert words in text_to(server, f"{language}@nowhere.example")


def test_the_subject_tells_nothing(incident, server, answers):
    drafts = texts.drafts(incident)
    assert len({notice.subject for notice in drafts.values()}) == 1


def test_new_texts_replace_the_old_ones_once_approved(incident, server, answers, wanda, anton):
    texts.draft_all(incident, by=wanda)
    first = texts.in_use(incident)
    approvals.answer(texts.ask(incident, by=wanda), yes=True, by=anton)
    texts.put_to_use(incident, by=anton)
    ask(UNKNOWN)
    tasks.answer_inquiries()
    assert InquiryMail.objects.get().mailing not in first
    assert set(InquiryAnswer.objects.filter(pk__in=[one.pk for one in first]).values_list("state", flat=True)) == {
        "finished"
    }


# Forgetting, and hearing of a change ------------------------------------------------------------------------------


def test_nothing_but_a_keyed_hash_stays(incident, server, answers, affected):
    for address in (UNKNOWN, AFFECTED):
        ask(address)
    tasks.answer_inquiries()
    tasks.dispatch.run_lane()
    tasks.answer_inquiries()
    assert not Inquiry.objects.filter(sealed__isnull=False).exists()
    assert not _tables_with(UNKNOWN)


def test_with_consent_the_address_is_kept_until_the_scope_is_final(incident, server, answers):
    ask(UNKNOWN, wants_news="on")
    tasks.answer_inquiries()
    tasks.answer_inquiries()
    assert "If that changes, we will write" in text_to(server, UNKNOWN)
    assert later.kept().count() == 1
    make_decision(incident, "scope_final")
    later.forget()
    assert not Inquiry.objects.filter(sealed__isnull=False).exists()


def test_consent_ends_by_itself(incident, server, answers, settings):
    ask(UNKNOWN, wants_news="on")
    tasks.answer_inquiries()
    later.forget(at=timezone.now() + settings.INQUIRY_NEWS_FOR + timedelta(days=1))
    assert not Inquiry.objects.filter(sealed__isnull=False).exists()


def test_a_later_wave_tells_them_by_its_own_notice(incident, server, answers):
    ask(UNAFFECTED, wants_news="on")
    tasks.answer_inquiries()
    affected = make_affected(incident, make_account("contoso", UNAFFECTED))
    tasks.answer_inquiries()
    assert later.kept().count() == 1  # nobody has been written to yet
    make_mailing(incident, [affected])
    tasks.dispatch.run_lane()
    tasks.answer_inquiries()
    assert server.readers.count(UNAFFECTED) == 2
    assert not Inquiry.objects.filter(sealed__isnull=False).exists()


def test_whom_the_wave_reaches_elsewhere_hears_that_it_changed(incident, server, answers):
    ask("billing@contoso.example", wants_news="on")
    tasks.answer_inquiries()
    account = make_account("contoso", UNAFFECTED)
    make_address(account, "billing@contoso.example", role="billing")
    make_mailing(incident, [make_affected(incident, account)])
    tasks.dispatch.run_lane()
    tasks.answer_inquiries()
    tasks.answer_inquiries()
    assert server.readers.count("billing@contoso.example") == 2
    assert "It has changed" in text_to(server, "billing@contoso.example")
    assert not Inquiry.objects.filter(sealed__isnull=False).exists()


def test_a_bounce_of_an_answer_stays_with_its_row(incident, server, answers):
    from notifications import tracking

    ask(UNKNOWN)
    tasks.answer_inquiries()
    mail = InquiryMail.objects.get()
    tracking.keep([tracking.Heard(
        provider="smtp", key="1", type="bounced", at=timezone.now(), message_id=mail.message_id,
    )])  # fmt: skip
    mail.refresh_from_db()
    assert mail.state == "bounced"


def test_no_canary_anywhere(incident, server, answers, caplog):
    canary = "canary-9f31@nowhere.example"
    with caplog.at_level(logging.DEBUG):
        ask(canary)
        tasks.answer_inquiries()
    assert server.readers == [canary]
    assert "canary-9f31" not in caplog.text
    assert not _tables_with("canary-9f31")
    assert not _redis_with(b"canary-9f31")


def test_a_row_whose_key_is_gone_is_named_not_lost(incident, server, answers, settings):
    ask(UNKNOWN)
    settings.INQUIRY_KEYS = {"new": "n" * 43}
    tasks.answer_inquiries()
    assert Inquiry.objects.get().outcome == "unreadable"
    assert not server.accepted


def test_an_address_cannot_be_moved_to_another_row():
    key_id, sealed = keys.seal(UNKNOWN, incident=1, lookup=b"a" * 32)
    assert keys.unseal(sealed, key_id=key_id, incident=1, lookup=b"a" * 32) == UNKNOWN
    with pytest.raises(keys.CannotOpen):
        keys.unseal(sealed, key_id=key_id, incident=1, lookup=b"b" * 32)
    assert len(keys.seal("a@b.example", incident=1, lookup=b"a" * 32)[1]) == len(sealed)


def test_one_row_that_fails_holds_nobody_up(incident, server, answers, monkeypatch):
    ask("bad@nowhere.example")
    ask(UNKNOWN)
    whole = answering.truth.of

    def of(incident, lookup):
        if lookup == bytes(Inquiry.objects.order_by("pk")[0].lookup):
            raise ValueError("broken")
        return whole(incident, lookup)

    monkeypatch.setattr(answering.truth, "of", of)
    tasks.answer_inquiries()
    assert server.readers == [UNKNOWN]


def _tables_with(words: str) -> list[str]:
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE %s', [f"%{words}%"])  # noqa: S608
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def _redis_with(words: bytes) -> bool:
    import redis
    from django.conf import settings

    store = redis.from_url(settings.REDIS_URL)
    return any(words in key or words in (store.dump(key) or b"") for key in store.scan_iter())


def test_recipients_of_the_ledger_stay_those_of_notices(incident, server, affected, answers):
    ask(UNKNOWN)
    tasks.answer_inquiries()
    assert Recipient.objects.count() == 1


def test_an_answer_is_genuine_and_names_nobody(incident, server, answers):
    ask(UNKNOWN)
    tasks.answer_inquiries()
    code = InquiryMail.objects.get().code
    page = Client().post("/genuine/", {"code": code}, HTTP_SEC_FETCH_SITE="same-origin").content.decode()
    assert "security@relaypost.example" in page
    assert code in page
    assert UNKNOWN not in page


def test_the_evidence_holds_each_inquiry_by_keyed_hash(incident, server, answers):
    ask(UNKNOWN)
    tasks.answer_inquiries()
    (record,) = asked.inquiries(incident)
    assert record["address"] == lookup_hash(UNKNOWN).hex()
    assert record["messages"][0]["case"] == "not_listed"
    assert record["messages"][0]["state"] == "accepted"
    assert len(record["message_attempts"][0]["sha256"]) == 64
    assert UNKNOWN not in str(record)
