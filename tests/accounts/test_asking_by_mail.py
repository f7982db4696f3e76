"""A request for a yes reaches whoever may answer it, and says nothing of what it is about."""

import smtplib

import pytest
from django.core import mail
from django.utils import timezone

from accounts import approvals, asking_by_mail
from accounts.models import Organisation
from tests.factories import make_organisation, make_user


@pytest.fixture
def request_of_wanda(wanda, anton, ada, otto):
    make_organisation()
    return approvals.ask(
        act="publish", thing=Organisation(pk=1), hashes={"content": "a" * 64}, summary="Keys of 18,204", by=wanda
    )  # fmt: skip


def tell() -> int:
    return asking_by_mail.tell_approvers(at=timezone.now())


def test_everyone_who_may_answer_is_told_once(request_of_wanda, anton, ada):
    assert tell() == 1
    assert tell() == 0

    assert sorted(to for message in mail.outbox for to in message.to) == [ada.email, anton.email]


def test_the_mail_names_who_asks_and_the_act_and_nothing_else(request_of_wanda):
    tell()

    body = mail.outbox[0].body
    assert "Wanda Writer asks" in body
    assert "Publish to everyone" in body
    assert "/staff/approvals/" in body
    assert "18,204" not in body + mail.outbox[0].subject


def test_what_is_answered_or_void_by_then_is_not_mailed(request_of_wanda, anton):
    approvals.answer(request_of_wanda, yes=False, by=anton)

    assert tell() == 0
    assert not mail.outbox


def test_a_mail_server_that_is_away_is_tried_again(request_of_wanda, monkeypatch):
    def away(self, fail_silently=False):
        raise smtplib.SMTPServerDisconnected

    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.EmailMessage.send", away)
        assert tell() == 0

    assert tell() == 1


def test_one_mailbox_that_is_refused_keeps_nobody_waiting(request_of_wanda, ada, monkeypatch):
    send = mail.EmailMessage.send

    def refuse_one(self, fail_silently=False):
        if self.to == [ada.email]:
            raise smtplib.SMTPRecipientsRefused({ada.email: (550, b"no")})
        return send(self)

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse_one)

    assert tell() == 1
    assert tell() == 0
    assert len(mail.outbox) == 1


def test_where_nobody_else_may_answer_the_request_is_done_with(db):
    make_organisation()
    lone = make_user("lone@relaypost.example", role="Administrator")
    approvals.ask(act="publish", thing=Organisation(pk=1), hashes={"content": "a" * 64}, summary="x", by=lone)

    assert tell() == 1
    assert not mail.outbox
