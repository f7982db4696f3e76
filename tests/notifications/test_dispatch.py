"""A window: claim, write, mark, wire, record; and what the reaper makes of one that ended in the middle."""

from datetime import timedelta
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Address, AuditEntry
from incidents.models import AffectedAccount
from notifications import composing, dispatch, providers, tracking
from notifications.dispatch import retrying, windows
from notifications.handover import Outcome, Result
from notifications.mailings import sums
from notifications.models import Attempt, DeliveryEvent, Mailing, Outbox, Recipient, SendBatch
from tests.factories import (
    make_account,
    make_affected,
    make_decision,
    make_incident,
    make_many_affected,
    make_organisation,
    make_segment,
)
from tests.notifications.arrange import make_mailing, make_recipient
from tests.notifications.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings):
    settings.EMAIL_BACKEND = "notifications.smtp.PhasedBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 1
    with SmtpServer() as server:
        settings.EMAIL_PORT = server.port
        yield server


@pytest.fixture
def mailing(server) -> Mailing:
    incident = make_incident()
    return make_mailing(incident, make_many_affected(incident, 5))


def states(mailing: Mailing) -> list[str]:
    return list(mailing.recipients.order_by("pk").values_list("state", flat=True))


def expire_leases() -> None:
    Outbox.objects.filter(state="leased").update(lease_until=Now() - timedelta(seconds=1))


# The whole way -------------------------------------------------------------------------------------------------


def test_a_lane_sends_everything_once_and_leaves_the_ledger_complete(mailing, server):
    assert dispatch.run_lane() == 5

    assert states(mailing) == ["accepted"] * 5
    assert sorted(server.message_ids) == sorted(mailing.recipients.values_list("message_id", flat=True))
    assert not Outbox.objects.exists()
    for attempt in Attempt.objects.all():
        assert (attempt.number, attempt.outcome, attempt.smtp_code, len(attempt.sha256)) == (1, "accepted", 250, 64)
    batch = SendBatch.objects.get()
    assert batch.claimed_at <= batch.handed_over_at <= batch.done_at


def test_each_reader_gets_a_message_of_their_own(mailing, server):
    dispatch.run_lane()

    for message in server.accepted:
        assert message["To"] == message["X-Envelope-To"]
        assert message["Cc"] is None
        assert message["Auto-Submitted"] == "auto-generated"
        number = message["To"].removeprefix("owner@acme-").removesuffix(".example")
        text = message.get_payload(0).get_payload(decode=True).decode()
        assert f"key-…{number}" in text
        assert text.count("key-…") == 1


@pytest.mark.parametrize(
    "name", ["Relaypost, Inc.", "Security: Relaypost", 'The "R" team', "Team (security)", "Sécurité; équipe", "R\\P"]
)
def test_whatever_the_sender_is_called_its_messages_leave_with_that_name(server, name):
    """The name is the company's; every message of the mailing would fail of a comma in it."""
    incident = make_incident()
    mailing = make_mailing(incident, [make_affected(incident)])
    Mailing.objects.update(sender=make_organisation(sender_name=name).sender)

    dispatch.run_lane()

    assert states(mailing) == ["accepted"]
    shown, address = parseaddr(server.accepted[0]["From"])
    assert (str(make_header(decode_header(shown))), address) == (name, "security@relaypost.example")
    mailing.refresh_from_db()
    assert providers.domain_of(mailing.sender) == "relaypost.example"


def test_a_second_lane_finds_nothing_to_do(mailing, server):
    dispatch.run_lane()

    assert dispatch.run_lane() == 0
    assert len(server.accepted) == 5


@pytest.mark.parametrize("state", [Mailing.State.PAUSED, Mailing.State.CANCELLED, Mailing.State.PREPARED])
def test_only_running_mailings_are_claimed(mailing, server, state):
    Mailing.objects.update(state=state)

    assert dispatch.claim(25) is None


def test_a_pause_holds_within_one_window(mailing, server, settings):
    settings.SENDING_WINDOW = 2
    dispatch.run_window(2)
    Mailing.objects.update(state=Mailing.State.PAUSED)

    assert dispatch.run_lane() == 0
    assert len(server.accepted) == 2


def test_a_row_waits_for_its_time(mailing):
    Outbox.objects.update(not_before=Now() + timedelta(minutes=1))

    assert dispatch.claim(25) is None


def test_the_longest_waiting_go_first(mailing):
    last = mailing.recipients.order_by("pk").last()
    Outbox.objects.filter(recipient=last).update(not_before=Now() - timedelta(hours=1))

    assert list(dispatch.claim(1).numbers) == [last.pk]


def test_a_claim_takes_no_more_than_its_size(mailing):
    assert len(dispatch.claim(2).numbers) == 2
    assert sorted(states(mailing)) == ["queued"] * 3 + ["sending"] * 2


# Writing -------------------------------------------------------------------------------------------------------


def test_a_message_that_cannot_be_composed_fails_and_the_rest_goes_on(mailing, server):
    poison = mailing.recipients.order_by("pk")[2]
    Recipient.objects.filter(pk=poison.pk).update(merge={})

    dispatch.run_lane()

    poison.refresh_from_db()
    assert poison.state == "failed"
    assert "name" in poison.reason
    assert sorted(states(mailing)) == ["accepted"] * 4 + ["failed"]
    assert poison.attempts.get().outcome == "failed"


def test_any_error_in_writing_fails_that_row_alone(mailing, server, monkeypatch):
    real = composing.compose
    poison = mailing.recipients.order_by("pk").first()

    def compose(recipient):
        if recipient.pk == poison.pk:
            raise RecursionError("owner@acme-0001.example")
        return real(recipient)

    monkeypatch.setattr(composing, "compose", compose)
    dispatch.run_lane()

    poison.refresh_from_db()
    assert poison.state == "failed"
    assert poison.reason == "The message could not be written: RecursionError"
    assert states(mailing).count("accepted") == 4


def test_writing_asks_the_database_a_fixed_number_of_times(mailing, django_assert_num_queries):
    batch = dispatch.claim(25)

    with django_assert_num_queries(1):  # the text, kept from then on
        dispatch.write(batch)
        dispatch.write(batch)


# Mark ----------------------------------------------------------------------------------------------------------


def test_a_batch_is_marked_once(mailing):
    batch = dispatch.claim(25)

    assert dispatch.mark(batch, dict.fromkeys(batch.numbers, "f" * 64)) == set(batch.numbers)
    assert dispatch.mark(batch, dict.fromkeys(batch.numbers, "f" * 64)) is None


def test_nothing_is_sent_when_the_lease_is_nearly_over(mailing, server, monkeypatch):
    real = dispatch.write

    def slowly(batch):
        Outbox.objects.update(lease_until=Now() + timedelta(seconds=5))
        return real(batch)

    monkeypatch.setattr(windows, "write", slowly)
    dispatch.run_window(25)

    assert not server.accepted
    assert SendBatch.objects.get().handed_over_at is None


# Record --------------------------------------------------------------------------------------------------------


def test_a_result_that_comes_after_the_reaper_changes_nothing(mailing):
    batch = dispatch.claim(25)
    dispatch.mark(batch, {})
    expire_leases()
    dispatch.reap()

    dispatch.record(batch, {pk: Result(Outcome.RETRY) for pk in batch.numbers})

    assert states(mailing) == ["unknown"] * 5
    assert not Outbox.objects.exists()


def test_recording_twice_is_recording_once(mailing):
    batch = dispatch.claim(25)
    results = {pk: Result(Outcome.ACCEPTED) for pk in batch.numbers}

    dispatch.record(batch, results)
    dispatch.record(batch, {pk: Result(Outcome.UNKNOWN) for pk in batch.numbers})

    assert states(mailing) == ["accepted"] * 5


def test_an_event_that_came_before_our_commit_is_not_undone(mailing):
    batch = dispatch.claim(1)
    (pk,) = batch.numbers
    Recipient.objects.filter(pk=pk).update(state="delivered")

    dispatch.record(batch, {pk: Result(Outcome.RETRY)})

    assert Recipient.objects.get(pk=pk).state == "delivered"
    assert not Outbox.objects.filter(pk=pk).exists()


def test_a_no_for_now_waits_longer_each_time(server):
    recipient = make_recipient(make_incident())
    waits = []

    for _ in range(3):
        Outbox.objects.update(not_before=Now())
        dispatch.record(dispatch.claim(1), {recipient.pk: Result(Outcome.RETRY, 451, "later")})
        waits.append(round((Outbox.objects.get().not_before - timezone.now()).total_seconds() / 60))

    assert waits == [1, 5, 15]
    assert Recipient.objects.get().state == "queued"


def test_retry_after_is_honoured(server):
    recipient = make_recipient(make_incident())

    dispatch.record(dispatch.claim(1), {recipient.pk: Result(Outcome.RETRY, 429, retry_after=timedelta(hours=2))})

    assert Outbox.objects.get().not_before > timezone.now() + timedelta(minutes=119)


def test_after_eight_tries_it_has_failed_and_says_why(server):
    recipient = make_recipient(make_incident())

    for _ in range(8):
        Outbox.objects.update(not_before=Now())
        dispatch.record(dispatch.claim(1), {recipient.pk: Result(Outcome.RETRY, 450, "mailbox busy")})

    recipient.refresh_from_db()
    assert (recipient.state, recipient.reason) == ("failed", "Given up after many tries. mailbox busy")
    assert not Outbox.objects.exists()


def test_after_a_day_of_trying_it_has_failed(server, monkeypatch):
    recipient = make_recipient(make_incident())
    monkeypatch.setattr(retrying, "TRY_FOR", timedelta(microseconds=1))
    dispatch.record(dispatch.claim(1), {recipient.pk: Result(Outcome.RETRY, 450, "mailbox busy")})
    Outbox.objects.update(not_before=Now())

    dispatch.record(dispatch.claim(1), {recipient.pk: Result(Outcome.RETRY, 450, "mailbox busy")})

    recipient.refresh_from_db()
    assert recipient.state == "failed"


def test_a_released_row_does_not_count_as_a_try(server):
    recipient = make_recipient(make_incident())

    for _ in range(20):
        dispatch.record(dispatch.claim(1), {recipient.pk: Result(Outcome.RELEASED)})

    recipient.refresh_from_db()
    assert recipient.state == "queued"
    assert Outbox.objects.get().attempt_no == 20


def test_after_a_break_on_the_wire_one_is_unknown_and_the_rest_goes_at_once(mailing, server):
    server.faults["dot"] = {"owner": "drop"}  # every message, but only one in each window

    dispatch.run_window(25)

    assert sorted(states(mailing)) == ["queued"] * 4 + ["unknown"]
    assert Outbox.objects.filter(state="ready", not_before__lte=Now()).count() == 4
    assert len(server.accepted) == 1


def test_a_refused_password_pauses_the_mailing_and_says_why(mailing, server, settings):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "relaypost", "wrong"
    server.auth, server.faults["auth"] = True, {"*": "535 bad credentials"}

    dispatch.run_lane()

    mailing.refresh_from_db()
    assert mailing.state == "paused"
    assert "refused our user name or password" in mailing.paused_because
    assert states(mailing) == ["queued"] * 5
    assert AuditEntry.objects.filter(act="mailing.paused", by=None).count() == 1


@pytest.mark.parametrize("channel", ["smtp", "Relaypost.example"])
def test_a_channel_that_is_part_of_the_breach_sends_nothing(mailing, server, channel):
    mailing.incident.exposed_channels = [channel]
    mailing.incident.save()

    dispatch.run_lane()

    mailing.refresh_from_db()
    assert (mailing.state, server.accepted) == ("paused", [])
    assert "is part of this incident" in mailing.paused_because


def test_a_server_that_is_away_uses_up_one_window_and_then_rests(mailing, server, settings):
    settings.SENDING_WINDOW = 2
    settings.EMAIL_PORT = 1  # nobody listens there

    dispatch.run_lane(seconds=0.5)

    assert Attempt.objects.filter(outcome="retry").count() == 2
    assert Outbox.objects.filter(not_before__lte=Now()).count() == 3


# The reaper ----------------------------------------------------------------------------------------------------


def test_a_lease_that_ended_before_the_mark_goes_back(mailing, server):
    dispatch.claim(25)
    expire_leases()

    assert dispatch.reap() == (5, 0)

    assert states(mailing) == ["queued"] * 5
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {"released"}
    dispatch.run_lane()
    assert len(server.accepted) == 5


def test_a_lease_that_ended_after_the_mark_is_unknown_and_never_sent_again(mailing, server):
    batch = dispatch.claim(25)
    dispatch.mark(batch, dict.fromkeys(batch.numbers, "f" * 64))
    expire_leases()

    assert dispatch.reap() == (0, 5)

    assert states(mailing) == ["unknown"] * 5
    assert set(Attempt.objects.values_list("outcome", "sha256")) == {("unknown", "f" * 64)}
    assert dispatch.run_lane() == 0
    assert not server.accepted


def test_a_living_lease_is_left_alone(mailing):
    dispatch.mark(dispatch.claim(25), {})

    assert dispatch.reap() == (0, 0)
    assert states(mailing) == ["sending"] * 5


def test_whom_an_event_settled_while_the_worker_died_is_not_written_to_again(mailing, server):
    """An earlier try had got there after all, and its event came between the claim and the worker's death."""
    dispatch.claim(25)
    settled = mailing.recipients.first()
    DeliveryEvent.objects.create(provider="Test", key="late", recipient=settled, type="delivered", at=timezone.now())
    tracking.settle(settled.pk)
    expire_leases()

    assert dispatch.reap() == (4, 0)

    dispatch.run_lane()
    assert states(mailing) == ["delivered", *["accepted"] * 4]
    assert settled.message_id not in server.message_ids
    assert not Outbox.objects.exists()


def test_what_comes_back_to_a_cancelled_mailing_is_cancelled(mailing):
    dispatch.claim(25)
    Mailing.objects.update(state=Mailing.State.CANCELLED)
    expire_leases()

    dispatch.reap()

    assert states(mailing) == ["cancelled"] * 5
    assert not Outbox.objects.exists()


# Finishing -----------------------------------------------------------------------------------------------------


def test_a_mailing_finishes_when_nothing_is_left_to_hand_over(mailing):
    assert dispatch.finish_mailings() == 0
    dispatch.run_lane()

    assert dispatch.finish_mailings() == 1

    mailing.refresh_from_db()
    assert mailing.state == "finished"
    assert mailing.finished_at
    assert '"counts":{"accepted":5}' in AuditEntry.objects.get(act="mailing.finished").body
    assert dispatch.finish_mailings() == 0


def test_the_unknown_are_listed_when_a_mailing_finishes(mailing, server):
    server.faults["dot"] = {"owner": "drop"}
    for _ in range(5):
        dispatch.run_window(25)

    dispatch.finish_mailings()

    listed = ",".join(str(recipient.pk) for recipient in mailing.recipients.order_by("pk"))
    assert f'"unknown":[{listed}]' in AuditEntry.objects.get(act="mailing.finished").body


def test_a_mailing_with_a_message_on_the_wire_is_not_finished(mailing):
    dispatch.claim(25)

    assert dispatch.finish_mailings() == 0


# The sum -------------------------------------------------------------------------------------------------------


def test_every_recipient_is_in_the_outbox_exactly_while_it_is_queued_or_sending(mailing, server):
    server.faults = {"rcpt": {"owner": "450 later"}}
    extra = make_affected(mailing.incident, make_account("gone", "gone@x.example"))
    make_mailing(mailing.incident, [extra], kind="follow_up")
    server.faults["rcpt"]["gone"] = "550 gone"

    dispatch.run_lane()

    waiting = set(Outbox.objects.values_list("recipient", flat=True))
    assert waiting == set(Recipient.objects.filter(state__in=["queued", "sending"]).values_list("pk", flat=True))
    assert Recipient.objects.get(address__value="gone@x.example").state == "failed"


def test_no_event_is_made_up_by_sending(mailing):
    dispatch.run_lane()

    assert not DeliveryEvent.objects.exists()


def test_a_killed_workers_window_is_back_within_a_minute_and_no_answer_takes_longer(settings):
    until_it_is_seen = settings.SENDING_LEASE.total_seconds() + 3  # beat's tick
    longest_answer = max(settings.EMAIL_TIMEOUT, sum(settings.ANYMAIL["REQUESTS_TIMEOUT"]))

    assert until_it_is_seen < 60
    assert settings.SENDING_LEASE.total_seconds() / 2 > longest_answer


# Who was to get it, and must not any more -------------------------------------------------------------------------


def _rule_out(recipient: Recipient) -> None:
    AffectedAccount.objects.filter(pk=recipient.affected_account_id).update(certainty="ruled_out")


def _withdraw(recipient: Recipient) -> None:
    Address.objects.filter(pk=recipient.address_id).update(withdrawn_at=timezone.now())


def _distrust(recipient: Recipient) -> None:
    Address.objects.filter(pk=recipient.address_id).update(trusted=False)


def _decide_not_to_write(recipient: Recipient) -> None:
    segment = make_segment(recipient.incident)
    recipient.affected_account.segments.add(segment)
    make_decision(recipient.incident, segment=segment)


def _leave_out_their_group(recipient: Recipient) -> None:
    recipient.affected_account.segments.add(make_segment(recipient.incident, receives_notice=False))


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (_rule_out, "Ruled out before their turn came"),
        (_withdraw, "Their address was withdrawn before their turn came"),
        (_distrust, "Their address was no longer trusted when their turn came"),
        (_decide_not_to_write, "A decision not to write to them stood when their turn came"),
        (_leave_out_their_group, "A decision not to write to them stood when their turn came"),
    ],
)
def test_whoever_must_not_get_it_any_more_is_cancelled_at_their_turn(mailing, server, what, reason):
    third = mailing.recipients.order_by("pk")[2]
    what(third)

    dispatch.run_lane()
    dispatch.finish_mailings()

    assert states(mailing) == ["accepted", "accepted", "cancelled", "accepted", "accepted"]
    third.refresh_from_db()
    assert third.reason == reason
    assert third.message_id not in server.message_ids and len(server.message_ids) == 4
    assert not Outbox.objects.exists()
    assert {line.name: line.count for line in sums.lines(mailing)} == {"sent": 4, "cancelled": 1}
    assert third.attempts.get().sha256 == ""
    mailing.refresh_from_db()
    assert mailing.state == "finished"


def test_whoever_is_in_a_group_that_is_told_as_well_still_gets_it(mailing, server):
    third = mailing.recipients.order_by("pk")[2]
    _decide_not_to_write(third)
    third.affected_account.segments.add(make_segment(mailing.incident, "more"))

    dispatch.run_lane()

    assert states(mailing) == ["accepted"] * 5


def test_a_decision_that_no_longer_stands_stops_nobody(mailing, server):
    decided = make_decision(mailing.incident)
    make_decision(mailing.incident, "no_longer", supersedes=decided)

    dispatch.run_lane()

    assert states(mailing) == ["accepted"] * 5


def test_an_all_clear_is_not_for_whoever_is_back_on_the_list(server):
    incident = make_incident()
    affected = make_many_affected(incident, 3)
    AffectedAccount.objects.update(certainty="ruled_out")
    mailing = make_mailing(incident, affected, kind="all_clear")
    AffectedAccount.objects.filter(pk=affected[0].pk).update(certainty="confirmed")

    dispatch.run_lane()

    assert states(mailing) == ["cancelled", "accepted", "accepted"]
    assert mailing.recipients.get(state="cancelled").reason == "Back on the list before their turn came"
