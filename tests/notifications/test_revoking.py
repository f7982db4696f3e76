"""Links that leaked are shut, one or all; and whoever holds one that opens no more gets a fresh one by mail."""

import secrets
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from notifications import dispatch, links, revoking
from notifications.models import FreshLinkRequest, LinkRevocation, Mailing, ReaderLink, Recipient
from notifications.reading import fresh
from tests.factories import make_incident
from tests.notifications.arrange import make_another_recipient, make_mailing, make_recipient, queue
from tests.notifications.reader import OURS, _files_apart, open_link  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def letter():
    recipient = make_recipient(make_incident(), state="delivered")
    Mailing.objects.update(state="finished", finished_at=timezone.now())
    return recipient


def token_of(recipient: Recipient) -> str:
    return links.token(ReaderLink.objects.get(pk=recipient.link_id))


def press(token: str, client: Client | None = None):
    return (client or Client()).post(f"/notice/{token}/", **OURS)


def shut_all(incident, by):
    return revoking.revoke_all(incident, because="Seen in a log", by=by, at=timezone.now())


# One --------------------------------------------------------------------------------------------------------------


def test_one_link_is_shut_after_a_second_thought_and_the_open_notice_closes(letter, anton, as_user):
    reader = open_link(letter)
    url = f"/staff/api-keys-2018/affected/{letter.affected_account_id}/links/{letter.link_id}/"
    client = as_user(anton)
    assert "Shut this link of 1 mailbox" in client.get(f"{url}revoke/").content.decode()

    assert client.post(f"{url}revoke/", {"because": "On a screenshot"}).status_code == 302

    assert press(token_of(letter)).status_code == 410
    assert reader.get("/notice/").status_code == 403
    assert AuditEntry.objects.filter(act="link.revoked", by=anton, incident=letter.incident_id).count() == 1


@pytest.mark.parametrize("typed", ["", "of owner@northwind.example", "https://x.example/notice/abc"])
def test_a_reason_is_asked_for_that_may_stand_in_the_log(letter, anton, as_user, typed):
    url = f"/staff/api-keys-2018/affected/{letter.affected_account_id}/links/{letter.link_id}/revoke/"

    assert as_user(anton).post(url, {"because": typed}).status_code == 422
    assert press(token_of(letter)).status_code == 303


@pytest.mark.parametrize("path", ["links/", "affected/{account}/links/{link}/revoke/"])
def test_who_may_not_send_shuts_nothing(wanda, otto, letter, as_user, path):
    path = path.format(account=letter.affected_account_id, link=letter.link_id)

    for user in (wanda, otto):
        assert as_user(user).post(f"/staff/api-keys-2018/{path}", {"because": "x"}).status_code == 403
    assert press(token_of(letter)).status_code == 303


# All of an incident -----------------------------------------------------------------------------------------------


def test_all_are_shut_at_once_and_those_of_other_incidents_open(letter, anton, as_user):
    second = make_another_recipient(letter.incident, state="delivered")
    elsewhere = make_another_recipient(make_incident("other"), state="delivered")
    Mailing.objects.update(state="finished", finished_at=timezone.now())
    reader, client = open_link(letter), as_user(anton)
    assert "Shut the links of 2 mailboxes" in client.get("/staff/api-keys-2018/links/").content.decode()

    assert client.post("/staff/api-keys-2018/links/", {"because": "Seen in a log"}).status_code == 302

    assert [press(token_of(one)).status_code for one in (letter, second, elsewhere)] == [410, 410, 303]
    assert reader.get("/notice/").status_code == 403
    entry = AuditEntry.objects.get(act="link.all_revoked")
    assert (entry.by, '"links":2' in entry.body) == (anton, True)


def test_it_asks_to_pause_what_is_going_out(anton):
    recipient = make_recipient(make_incident())

    with pytest.raises(revoking.StillGoing, match="Pause it first"):
        shut_all(recipient.incident, anton)


def test_messages_that_wait_go_out_with_links_that_open(letter, anton):
    followup = make_mailing(letter.incident, [], kind="follow_up", state="paused", paused_at=timezone.now())
    queue(followup, [letter.affected_account])
    leaked = token_of(letter)

    shut = shut_all(letter.incident, anton)

    assert press(leaked).status_code == 410
    assert press(token_of(followup.recipients.get())).status_code == 303
    shut.refresh_from_db()
    assert shut.waiting_signed_at


def test_what_a_crash_left_unsigned_is_signed_by_beat(letter, anton):
    followup = make_mailing(letter.incident, [], kind="follow_up", state="paused", paused_at=timezone.now())
    queue(followup, [letter.affected_account])
    LinkRevocation.objects.create(incident=letter.incident, because="x", links=1, by=anton, at=timezone.now())

    revoking.finish_all(at=timezone.now())

    assert press(token_of(followup.recipients.get())).status_code == 303


def test_the_next_message_gets_a_new_link(letter, anton):
    leaked = token_of(letter)
    shut_all(letter.incident, anton)

    links.make_links([(letter.affected_account, letter.address)], at=timezone.now() + timedelta(seconds=1))

    assert press(token_of(letter)).status_code == 303
    assert press(leaked).status_code == 410


# A fresh one ------------------------------------------------------------------------------------------------------


def ask(token: str):
    return Client().post(f"/notice/{token}/fresh/", **OURS)


@pytest.fixture
def all_kinds(letter):
    """Tokens that are valid, expired, revoked and random."""
    expired, revoked = (make_another_recipient(letter.incident, state="delivered") for _ in range(2))
    Mailing.objects.update(state="finished", finished_at=timezone.now())
    tokens = [token_of(letter), token_of(expired), token_of(revoked), secrets.token_urlsafe(32)]
    ReaderLink.objects.filter(pk=expired.link_id).update(expires_at=timezone.now())
    ReaderLink.objects.filter(pk=revoked.link_id).update(revoked_at=timezone.now())
    return tokens


def test_asking_answers_the_same_to_every_token_and_looks_nothing_up(all_kinds, django_assert_num_queries):
    answers = set()
    for token in all_kinds:
        with django_assert_num_queries(1):
            response = ask(token)
        shown = Client().get(response["Location"])
        answers.add(repr((response.status_code, response.content, sorted(response.headers.items()), shown.content)))

    assert len(answers) == 1
    assert FreshLinkRequest.objects.count() == 4


def test_whoever_presses_continue_reads_the_same_of_every_token_that_does_not_open(all_kinds):
    answers = [press(token) for token in all_kinds[1:]]

    assert {(answer.status_code, answer.content) for answer in answers} == {(410, answers[0].content)}


def test_a_fresh_link_goes_to_the_same_mailbox_and_only_where_the_old_one_opens_no_more(all_kinds, letter):
    for token in all_kinds:
        ask(token)

    fresh.answer(at=timezone.now())

    again = Recipient.objects.filter(again=1)
    assert {one.address.value for one in again} == {"owner@account-2.example", "owner@account-3.example"}
    assert not FreshLinkRequest.objects.exists()
    for one, old in zip(again.order_by("pk"), all_kinds[1:3], strict=True):
        assert press(token_of(one)).status_code == 303
        assert press(old).status_code == 410


def test_the_message_that_comes_carries_the_fresh_link(all_kinds):
    ask(all_kinds[1])
    fresh.answer(at=timezone.now())

    dispatch.run_lane()

    body = mail.outbox[-1].body
    assert token_of(Recipient.objects.get(again=1)) in body and all_kinds[1] not in body


def test_at_most_one_a_day_goes_out(all_kinds):
    now = timezone.now()
    ask(all_kinds[1])
    fresh.answer(at=now)
    again = token_of(Recipient.objects.get(again=1))
    ReaderLink.objects.update(expires_at=now)

    ask(again)
    fresh.answer(at=now + timedelta(hours=1))

    assert Recipient.objects.filter(again__gt=0).count() == 1


def test_none_goes_to_an_address_that_was_withdrawn(all_kinds):
    ReaderLink.objects.select_related("address").get(
        sha256=links.sha256(all_kinds[1])
    ).address.__class__.objects.update(withdrawn_at=timezone.now())
    ask(all_kinds[1])

    fresh.answer(at=timezone.now())

    assert not Recipient.objects.filter(again__gt=0).exists()


def test_a_form_on_another_site_asks_for_none(all_kinds):
    response = Client().post(f"/notice/{all_kinds[1]}/fresh/", HTTP_SEC_FETCH_SITE="cross-site")

    assert response.status_code == 403
    assert not FreshLinkRequest.objects.exists()
