"""How a mailing goes out: a few first, spread over hours, at a set time, and held by itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import approvals
from accounts.models import AuditEntry
from notifications import dispatch, mailing_states, mailings
from notifications.mailings import going, watching
from notifications.models import Mailing, Outbox, Recipient, SendingPulse
from tests.factories import NOON, make_incident, make_many_affected, make_notice, make_organisation

State = Recipient.State
HOUR = timedelta(hours=1)
EVENING = datetime(2026, 3, 14, 22, 30, tzinfo=UTC)


@pytest.fixture
def prepared(wanda):
    make_organisation()
    incident = make_incident(first_published_at=NOON)
    make_many_affected(incident, 10)
    return mailings.prepare(make_notice(incident, wanda), by=wanda)


@pytest.fixture
def start(prepared, wanda, anton):
    """start(canary=3, at=…): approved with this pace, and started."""

    def go(*, at=None, **how) -> Mailing:
        mailings.say_how(prepared, by=wanda, **how)
        approvals.answer(mailings.ask(prepared, by=wanda), yes=True, by=anton)
        return mailings.start(prepared, by=anton, at=at)

    return go


def moments(mailing) -> list[datetime]:
    return sorted(Outbox.objects.filter(mailing=mailing).values_list("not_before", flat=True))


def hand_over(mailing, **counts) -> None:
    """So many of those who are due end in each state."""
    due = list(Outbox.objects.filter(mailing=mailing, not_before__lt=going.HELD).order_by("not_before", "pk"))
    for state, count in counts.items():
        rows, due = due[:count], due[count:]
        Recipient.objects.filter(outbox__in=rows).update(state=state, state_at=timezone.now())
        Outbox.objects.filter(pk__in=[row.pk for row in rows]).delete()


# Said beforehand ------------------------------------------------------------------------------------------------


def test_how_it_goes_out_is_part_of_what_is_approved(prepared, wanda, anton):
    approval = mailings.ask(prepared, by=wanda)
    approvals.answer(approval, yes=True, by=anton)

    assert mailings.say_how(prepared, by=wanda, canary=3)

    with pytest.raises(approvals.NotApproved):
        mailings.start(prepared, by=anton)
    assert mailings.ask(prepared, by=wanda).hashes != approval.hashes


def test_the_same_pace_said_again_ends_no_approval(prepared, wanda):
    mailings.ask(prepared, by=wanda)

    assert not mailings.say_how(prepared, by=wanda, canary=0)
    assert approvals.living("mail", prepared)


def test_what_goes_out_keeps_its_pace(start, wanda):
    with pytest.raises(mailings.NotNow, match="is going out: how it goes out is settled"):
        mailings.say_how(start(), by=wanda, an_hour=5)


@pytest.mark.parametrize(("people", "first"), [(10, 0), (199, 0), (200, 50), (5000, 50), (1_000_000, 10_000)])
def test_the_first_ones_are_fifty_or_one_in_a_hundred(people, first):
    assert going.proposed_canary(people) == first


# A few first ----------------------------------------------------------------------------------------------------


def test_only_the_first_few_are_due(start):
    mailing = start(canary=3)

    assert len(dispatch.claim(25).numbers) == 3
    assert mailings.waits_for_the_first(mailing)
    assert dispatch.claim(25) is None


def test_the_rest_follows_by_itself_after_the_wait(start):
    mailing = start(canary=3, canary_wait=timedelta(minutes=30))
    mailings.watch()
    mailing.refresh_from_db()
    assert mailing.canary_ends_at is None  # nobody has it yet

    hand_over(mailing, accepted=3)
    now = timezone.now()
    mailings.watch(at=now)
    mailings.watch(at=now + timedelta(minutes=29))
    assert dispatch.claim(25) is None
    mailings.watch(at=now + timedelta(minutes=30))

    Outbox.objects.update(not_before=now)  # the moment it was released at is to come, by the database's clock
    assert len(dispatch.claim(25).numbers) == 7
    mailing.refresh_from_db()
    assert mailing.canary_passed_at and AuditEntry.objects.get(act="mailing.rest_released").by is None


@pytest.mark.parametrize(
    ("counts", "words"),
    [({"bounced": 1, "accepted": 2}, "1 were refused or came back"), ({"unknown": 1, "accepted": 2}, "1 are unknown")],
)
def test_it_holds_where_the_first_ones_come_back(start, counts, words):
    mailing = start(canary=3)
    hand_over(mailing, **counts)
    now = timezone.now()

    mailings.watch(at=now)
    mailings.watch(at=now + HOUR - timedelta(seconds=1))

    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.PAUSED and words in mailing.paused_because
    assert len(moments(mailing)) == 7 and set(moments(mailing)) == {going.HELD}


def test_one_complaint_among_the_first_ones_holds_it(start):
    mailing = start(canary=3)
    hand_over(mailing, delivered=3)
    first = Recipient.objects.filter(state="delivered").first()
    Recipient.objects.filter(pk=first.pk).update(complained_at=timezone.now())
    now = timezone.now()

    mailings.watch(at=now)
    mailings.watch(at=now + HOUR - timedelta(seconds=1))

    mailing.refresh_from_db()
    assert "1 complained" in mailing.paused_because


def test_a_person_ends_the_wait_also_where_it_holds(start, anton):
    mailing = start(canary=3)
    hand_over(mailing, bounced=3)
    now = timezone.now()
    mailings.watch(at=now)
    mailings.watch(at=now + timedelta(minutes=31))

    assert mailings.end_the_wait(mailing, by=anton) == 7

    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.RUNNING
    assert len(dispatch.claim(25).numbers) == 7
    with pytest.raises(mailings.NotNow):
        mailings.end_the_wait(mailing, by=anton)


def test_a_mailing_smaller_than_its_first_ones_goes_at_once(start):
    start(canary=10)

    assert len(dispatch.claim(25).numbers) == 10


# Spread over hours ----------------------------------------------------------------------------------------------


def test_so_many_an_hour(start):
    mailing = start(at=NOON, an_hour=4)

    assert [(at - NOON) / HOUR for at in moments(mailing)] == [number / 4 for number in range(10)]


def test_only_between_two_hours_of_the_day(start):
    mailing = start(at=NOON + 5 * HOUR, an_hour=2, from_hour=8, to_hour=18)  # at 17:00, an hour is left

    assert [at.strftime("%d %H:%M") for at in moments(mailing)] == [
        "14 17:00", "14 17:30", "15 08:00", "15 08:30", "15 09:00", "15 09:30", "15 10:00", "15 10:30", "15 11:00",
        "15 11:30",
    ]  # fmt: skip


def test_hours_over_midnight(start):
    mailing = start(at=EVENING, an_hour=2, from_hour=22, to_hour=1)

    assert [at.strftime("%d %H:%M") for at in moments(mailing)][:6] == [
        "14 22:30", "14 23:00", "14 23:30", "15 00:00", "15 00:30", "15 22:00",
    ]  # fmt: skip


def test_outside_its_hours_it_waits_for_the_next_day(start):
    mailing = start(at=NOON + 9 * HOUR, from_hour=8, to_hour=18)

    assert set(moments(mailing)) == {datetime(2026, 3, 15, 8, tzinfo=UTC)}


def test_whoever_is_still_waiting_when_its_hours_end_waits_for_the_next_day(start):
    mailing = start(at=NOON, from_hour=8, to_hour=18)
    hand_over(mailing, accepted=4)

    watching.keep_the_pace(mailing, at=NOON + 7 * HOUR)

    assert moments(mailing) == [datetime(2026, 3, 15, 8, tzinfo=UTC)] * 6


def test_after_a_pause_the_rest_keeps_its_pace(start, anton):
    mailing = start(at=NOON, an_hour=2)
    hand_over(mailing, accepted=4)
    mailings.pause(mailing, by=anton, because="lunch", at=NOON + 2 * HOUR)

    mailings.resume(mailing, by=anton, at=NOON + 10 * HOUR)

    assert [(at - NOON) / HOUR for at in moments(mailing)] == [10, 10.5, 11, 11.5, 12, 12.5]


def test_an_outage_is_not_made_good_in_one_burst(start):
    mailing = start(at=NOON, an_hour=2)

    watching.keep_the_pace(mailing, at=NOON + 24 * HOUR)

    assert [(at - NOON) / HOUR for at in moments(mailing)][:3] == [24, 24.5, 25]


def test_the_rest_after_the_first_ones_is_spread_too(start, anton):
    mailing = start(at=NOON, canary=2, an_hour=2)
    hand_over(mailing, accepted=2)

    mailings.end_the_wait(mailing, by=anton, at=NOON + HOUR)

    assert [(at - NOON) / HOUR for at in moments(mailing)] == [1 + number / 2 for number in range(8)]


# Held by itself -------------------------------------------------------------------------------------------------


@pytest.fixture
def of_five(monkeypatch):
    """The limits judge from five hand-overs on."""
    monkeypatch.setattr(watching, "BOUNCES_OF", 5)
    monkeypatch.setattr(watching, "COMPLAINTS_OF", 5)


def test_too_many_that_come_back_hold_it(of_five, start):
    mailing = start(bounce_limit=Decimal(20))
    hand_over(mailing, bounced=1, accepted=4)
    mailings.watch()
    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.RUNNING  # a fifth is not more than a fifth

    hand_over(mailing, failed=1)
    mailings.watch()

    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.PAUSED
    assert mailing.paused_because == "2 of 6 were refused or came back: more than 20 %."
    assert AuditEntry.objects.get(act="mailing.held").by is None


def test_a_few_are_too_few_to_judge_by(start):
    mailing = start()
    hand_over(mailing, bounced=10)

    mailings.watch()

    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.RUNNING


def test_complaints_hold_it(of_five, start):
    mailing = start()
    hand_over(mailing, delivered=6)
    Recipient.objects.filter(pk=Recipient.objects.filter(state="delivered").first().pk).update(complained_at=NOON)
    Mailing.objects.update(judged_from=NOON - HOUR)

    mailings.watch()

    mailing.refresh_from_db()
    assert mailing.paused_because == "1 of 6 complained: more than 0.1 %."


def test_after_a_person_lets_it_go_on_it_judges_anew(of_five, start, anton):
    mailing = start()
    hand_over(mailing, bounced=6)
    mailings.watch()

    mailings.resume(mailing, by=anton)
    mailings.watch()

    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.RUNNING


# At a set time --------------------------------------------------------------------------------------------------


@pytest.fixture
def scheduled(prepared, wanda, anton):
    approvals.answer(mailings.ask(prepared, by=wanda), yes=True, by=anton)
    mailings.schedule(prepared, start_at=timezone.now() + HOUR, by=anton)
    return prepared


def test_it_starts_by_itself_at_its_time(scheduled, anton):
    mailings.watch()
    assert Mailing.objects.get().state == Mailing.State.PREPARED

    mailings.watch(at=scheduled.scheduled_for)

    scheduled.refresh_from_db()
    assert (scheduled.state, scheduled.started_by, scheduled.scheduled_for) == (Mailing.State.RUNNING, anton, None)


def test_long_overdue_it_asks_a_person(scheduled):
    mailings.watch(at=scheduled.scheduled_for + timedelta(minutes=16))

    scheduled.refresh_from_db()
    assert scheduled.state == Mailing.State.PREPARED and "nobody was there" in scheduled.schedule_problem


def test_without_an_approval_it_does_not_start_and_says_why(prepared, anton):
    mailings.schedule(prepared, start_at=timezone.now() + HOUR, by=anton)

    mailings.watch(at=prepared.scheduled_for)

    prepared.refresh_from_db()
    assert prepared.state == Mailing.State.PREPARED and "Nobody has been asked" in prepared.schedule_problem


def test_whoever_set_the_time_must_still_be_allowed_to_send(scheduled, anton):
    anton.groups.clear()

    mailings.watch(at=scheduled.scheduled_for)

    scheduled.refresh_from_db()
    assert scheduled.state == Mailing.State.PREPARED and "may not send any more" in scheduled.schedule_problem


def test_a_time_can_be_taken_back(scheduled, anton):
    mailings.unschedule(scheduled, by=anton)

    mailings.watch(at=timezone.now() + 2 * HOUR)

    assert Mailing.objects.get().state == Mailing.State.PREPARED


def test_a_moment_that_has_passed_is_refused(prepared, anton):
    with pytest.raises(mailings.NotNow, match="has passed"):
        mailings.schedule(prepared, start_at=timezone.now(), by=anton)


def test_a_restored_copy_goes_on_with_nothing(start):
    mailing = start()
    mailings.watch()
    SendingPulse.objects.update(at=timezone.now() - timedelta(hours=14))

    mailings.watch()

    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.PAUSED and "restored copy" in mailing.paused_because


def test_a_copy_of_a_minute_ago_goes_on_with_nothing_either(start):
    mailing = start()
    mailings.watch()
    SendingPulse.objects.update(database="another/one/00000001")

    mailings.watch()

    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.PAUSED and "restored copy" in mailing.paused_because
    assert SendingPulse.objects.get().since is not None


def test_a_restart_of_the_database_holds_nothing(start):
    mailing = start()
    mailings.watch()
    known = SendingPulse.objects.get().database

    mailings.watch()

    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.RUNNING and SendingPulse.objects.get().database == known != ""


def test_a_pulse_from_before_databases_were_told_apart_holds_nothing(start):
    mailing = start()
    mailings.watch()
    SendingPulse.objects.update(database="")

    mailings.watch()

    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.RUNNING


def test_a_short_silence_is_nothing(start):
    mailing = start()
    mailings.watch()
    mailings.watch(at=timezone.now() + timedelta(minutes=59))

    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.RUNNING


# What has finished ----------------------------------------------------------------------------------------------


def finished(start, **fields) -> Mailing:
    mailing = start()
    Mailing.objects.filter(pk=mailing.pk).update(state="finished", **{"finished_at": timezone.now(), **fields})
    return mailing


@transaction.atomic
def run_again(mailing, by=None) -> Mailing:
    return mailing_states.keep_open(mailing.pk, by=by)


def test_a_late_bounce_lets_a_mailing_run_again(start):
    assert run_again(finished(start)).state == Mailing.State.RUNNING


def test_long_after_its_end_only_a_person_lets_it_run_again(start, anton):
    mailing = finished(start, finished_at=timezone.now() - timedelta(days=8))

    with pytest.raises(mailing_states.NotOpen, match="a person has to decide"):
        run_again(mailing)
    assert run_again(mailing, by=anton).state == Mailing.State.RUNNING


def test_what_finished_before_an_outage_does_not_run_again_by_itself(start):
    mailing = finished(start)
    mailings.watch()
    SendingPulse.objects.update(at=timezone.now() - timedelta(hours=14))
    mailings.watch()

    with pytest.raises(mailing_states.NotOpen):
        run_again(mailing)


def test_after_an_outage_no_time_that_was_set_before_starts_anything(scheduled):
    mailings.watch()
    SendingPulse.objects.update(at=timezone.now() - timedelta(hours=14))
    due = scheduled.scheduled_for

    mailings.watch()
    mailings.watch(at=due)

    scheduled.refresh_from_db()
    assert scheduled.state == Mailing.State.PREPARED and "restored copy" in scheduled.schedule_problem
