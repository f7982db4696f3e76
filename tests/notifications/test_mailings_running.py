"""Asking, starting, stopping: two people, exactly these hashes, and one winner."""

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts import approvals
from accounts.models import Address, Approval, AuditEntry
from incidents.models import AffectedAccount, Incident
from notifications import dispatch, links, mailings, tracking
from notifications.composing import CannotCompose
from notifications.handover import Outcome, Result
from notifications.mailings.going import how_hash
from notifications.models import DeliveryEvent, Mailing, Outbox, Recipient
from tests.factories import (
    NOON,
    make_account,
    make_affected,
    make_decision,
    make_incident,
    make_many_affected,
    make_notice,
    make_organisation,
    make_segment,
)

State = Recipient.State


@pytest.fixture
def prepared(db, wanda):
    make_organisation()
    incident = make_incident(first_published_at=NOON)
    make_many_affected(incident, 4)
    return mailings.prepare(make_notice(incident, wanda), by=wanda)


def test_a_writer_cannot_approve_her_own_notice(prepared, ada):
    approval = mailings.ask(prepared, by=ada)

    with pytest.raises(approvals.NotAllowed):
        approvals.answer(approval, yes=True, by=ada)
    with pytest.raises(approvals.NotApproved):
        mailings.start(prepared, by=ada)


def test_what_is_asked_names_text_people_and_page(prepared, wanda):
    approval = mailings.ask(prepared, by=wanda)

    assert approval.hashes == {
        "text": prepared.version.sha256,
        "recipients": prepared.recipients_hash,
        "how": how_hash(prepared),
    }
    assert approval.summary == (
        "Send “First notice” (version 1) to 4 people: everyone owed a notice who does not have this one yet"
    )
    assert approval.page == "/staff/api-keys-2018/mailings/1/"


def test_starting_queues_everyone_and_spends_the_approval(approved, anton):
    mailing = mailings.start(approved, by=anton)

    assert (mailing.state, mailing.started_by) == (Mailing.State.RUNNING, anton)
    assert mailings.progress(mailing) == {"queued": 4}
    assert Outbox.objects.filter(mailing=mailing, state="ready", attempt_no=0).count() == 4
    assert Approval.objects.get().state == "used"
    entry = AuditEntry.objects.get(act="mailing.started")
    assert '"queued":4' in entry.body and approved.recipients_hash in entry.body and "@" not in entry.body


def test_nothing_starts_without_a_yes(prepared, wanda, anton):
    with pytest.raises(approvals.NotApproved, match="Nobody has been asked"):
        mailings.start(prepared, by=anton)
    mailings.ask(prepared, by=wanda)
    with pytest.raises(approvals.NotApproved, match="has not approved"):
        mailings.start(prepared, by=anton)

    assert not Outbox.objects.exists()


def test_an_edit_voids_the_approval(approved, wanda, anton):
    ended = mailings.edit(approved.version.notice, by=wanda, edits=0, body="Other words {{ link }}")

    assert ended == 1
    with pytest.raises(approvals.NotApproved):
        mailings.start(approved, by=anton)
    with pytest.raises(mailings.NotNow, match="was changed since this was prepared"):
        mailings.ask(Mailing.objects.get(), by=wanda)


def test_another_address_after_the_yes_voids_it(approved, anton):
    Address.objects.filter(recipients__mailing=approved).update(value="elsewhere@evil.test")

    with pytest.raises(approvals.NotApproved, match="changed after it was approved"):
        mailings.start(approved, by=anton)

    assert Approval.objects.get().state == "given"


def test_one_recipient_less_after_the_yes_voids_it(approved, anton):
    approved.recipients.first().delete()

    with pytest.raises(approvals.NotApproved):
        mailings.start(approved, by=anton)


@pytest.mark.parametrize("change", ["ruled_out", "withdrawn", "untrusted", "decided"])
def test_somebody_who_must_not_be_written_to_any_more_stops_the_start(approved, anton, change):
    affected = AffectedAccount.objects.first()
    match change:
        case "ruled_out":
            AffectedAccount.objects.filter(pk=affected.pk).update(certainty="ruled_out")
        case "withdrawn":
            affected.account.addresses.update(withdrawn_at=NOON)
        case "untrusted":
            affected.account.addresses.update(trusted=False)
        case "decided":
            segment = make_segment(approved.incident)
            affected.segments.add(segment)
            make_decision(approved.incident, segment=segment)

    with pytest.raises(mailings.NotNow, match="1 of its recipients"):
        mailings.start(approved, by=anton)


def test_an_old_yes_asks_a_person_first(approved, anton):
    with pytest.raises(mailings.NotNow, match="older than 3 days"):
        mailings.start(approved, by=anton, at=timezone.now() + timedelta(days=4))

    assert Approval.objects.get().state == "given"


@pytest.mark.parametrize(
    ("fields", "decision", "allowed"),
    [
        ({"first_published_at": None}, None, False),
        ({"first_published_at": None}, "tell_first", True),
        ({"visibility": "private"}, None, False),
        ({"visibility": "told_only", "first_published_at": None}, None, True),
        ({}, None, True),
        ({}, "law_enforcement_hold", False),
        ({"visibility": "private", "drill": True}, "tell_first", False),
        ({"exposed_channels": ["relaypost.example"]}, None, False),
    ],
)
def test_people_are_told_before_the_page_only_by_decision(prepared, wanda, fields, decision, allowed):
    Incident.objects.update(**fields)
    if decision:
        make_decision(prepared.incident, decision)
    mailing = Mailing.objects.get()
    if allowed and fields.get("visibility") == "told_only":
        mailing = mailings.prepare(mailing.version.notice, by=wanda)  # its guidance names no public page now

    if allowed:
        assert mailings.ask(mailing, by=wanda).state == "open"
    else:
        with pytest.raises(mailings.NotNow):
            mailings.ask(mailing, by=wanda)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_press_start_one_wins_and_the_other_is_told(approved, anton, ada):
    said, barrier = [], threading.Barrier(2)

    def press(by):
        barrier.wait()
        try:
            mailings.start(approved, by=by)
            said.append("started")
        except mailings.NotNow as error:
            said.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=[by]) for by in (anton, ada)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert said.count("started") == 1
    assert any("is already going out" in words and "started it at" in words for words in said)
    assert Outbox.objects.count() == 4
    assert AuditEntry.objects.filter(act="mailing.started").count() == 1


# Pause, resume, cancel ------------------------------------------------------------------------------------------


def test_pause_and_resume_compare_and_set(running, anton):
    counts = mailings.pause(running, by=anton, because="support is full")

    assert (running.state, running.paused_because, counts) == (Mailing.State.PAUSED, "support is full", {"queued": 4})
    with pytest.raises(mailings.NotNow, match="it is paused"):
        mailings.pause(running, by=anton, because="again")
    mailings.resume(running, by=anton)
    assert (running.state, running.paused_because) == (Mailing.State.RUNNING, "")
    with pytest.raises(mailings.NotNow):
        mailings.resume(running, by=anton)


def test_cancelling_drops_those_who_wait_and_lets_the_rest_end(running, anton):
    batch = dispatch.claim(1)

    counts = mailings.cancel(running, by=anton, because="wrong text")

    assert counts == {"cancelled": 3, "sending": 1}
    assert list(Outbox.objects.values_list("recipient", flat=True)) == list(batch.numbers)
    assert running.state == Mailing.State.CANCELLED
    with pytest.raises(mailings.NotNow):
        mailings.resume(running, by=anton)


def test_cancelling_what_was_only_prepared_voids_its_approval(approved, anton):
    assert mailings.cancel(approved, by=anton, because="not now") == {"cancelled": 4}
    assert Approval.objects.get().state == "void"


# The test message -----------------------------------------------------------------------------------------------


@pytest.fixture
def outbox(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    return mail.outbox


def test_whom_an_event_told_between_cancelling_and_starting_again_is_not_told_twice(running, wanda, anton):
    """The server said "later" and had taken it: its event comes when the next mailing has taken them over."""
    batch = dispatch.claim(1)
    [recipient] = batch.numbers
    dispatch.mark(batch, {recipient: "f" * 64})
    dispatch.record(batch, {recipient: Result(Outcome.RETRY)})
    mailings.cancel(running, by=anton, because="wrong hour")
    again = mailings.prepare(running.version.notice, by=wanda)
    DeliveryEvent.objects.create(provider="Test", key="late", recipient_id=recipient, type="delivered", at=NOON)
    tracking.settle(recipient)

    approvals.answer(mailings.ask(again, by=wanda), yes=True, by=anton)
    mailings.start(again, by=anton)

    assert mailings.progress(again) == {"delivered": 1, "queued": 3}
    assert not Outbox.objects.filter(recipient=recipient).exists()


def test_a_test_message_goes_to_oneself_with_sample_data_and_no_row(prepared, wanda, outbox):
    notice = make_notice(prepared.incident, body="{{ account }} {{ api_key }} {{ code }} {{ link }}")
    rows = Recipient.objects.count()

    mailings.test_send(notice, by=wanda)

    (email,) = outbox
    assert email.to == [wanda.email]
    assert email.subject.startswith("[Test] ")
    assert "SAMPLE-ACCOUNT [sample api_key] TEST-TEST-TEST" in email.body
    assert Recipient.objects.count() == rows
    assert AuditEntry.objects.filter(act="notice.test_sent", by=wanda).count() == 1


def test_a_sample_code_and_link_are_never_genuine(prepared, wanda, outbox):
    message = mailings.test_send(make_notice(prepared.incident), by=wanda)

    assert links.normalise_code("TEST-TEST-TEST") is None
    with pytest.raises(links.NoSuchLink):
        links.find(message.text.split("/notice/")[1].split("/")[0])


def test_a_test_message_nobody_takes_is_said(prepared, wanda, settings):
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "notifications.smtp.PhasedBackend", 1

    with pytest.raises(mailings.NotSent, match="did not take"):
        mailings.test_send(make_notice(prepared.incident), by=wanda)

    assert not AuditEntry.objects.filter(act="notice.test_sent").exists()


def test_a_preview_is_their_message_without_their_link(prepared):
    affected = make_affected(prepared.incident, make_account("northwind", "o@northwind.example"))
    notice = make_notice(prepared.incident, body="{{ name }} {{ api_key }} {{ code }}\n\n{{ link }}")

    message = mailings.preview(notice, affected=affected, address=affected.account.addresses.get())

    assert message.text.startswith("Northwind Traders key-…4f2 TEST-TEST-TEST")
    assert not affected.links.exists()
    with pytest.raises(CannotCompose):
        mailings.preview(make_notice(prepared.incident, body="{{ other }}"), affected=affected, address=None)


def test_the_facts_anybody_has_are_the_variables_there_are(prepared):
    make_affected(prepared.incident, make_account("northwind", None), facts={"smtp_user": "x", "calls": 3})

    assert list(mailings.facts_known(prepared.incident)) == ["api_key", "calls", "smtp_user"]
