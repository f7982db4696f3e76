"""The sets a mailing can go to: who is in, who is not, and that nobody gets one twice."""

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import approvals
from incidents.models import AffectedAccount, Incident, StepState
from notifications import dispatch, mailing_states, mailings, next_address, resending
from notifications.mailings import To, settling, sums
from notifications.mailings.preparing import recipients_hash
from notifications.models import Mailing, Notice, NoticeVersion, Outbox, Recipient
from tests.factories import (
    NOON,
    make_account,
    make_address,
    make_affected,
    make_incident,
    make_notice,
    make_organisation,
    make_segment,
    make_step,
)
from tests.notifications.arrange import make_mailing

State = Recipient.State
Whom = Mailing.Whom
STATES = ["delivered", "accepted", "unknown", "bounced", "failed", "queued"]


@pytest.fixture
def told(wanda) -> dict[str, AffectedAccount]:
    """An incident whose first notice went out: one account in each state, by its state, and one nobody wrote to."""
    incident = make_incident(first_published_at=NOON)
    accounts = {state: make_affected(incident, make_account(state, f"owner@{state}.example")) for state in STATES}
    mailing = make_mailing(incident, list(accounts.values()))
    for state, affected in accounts.items():
        Recipient.objects.filter(affected_account=affected).update(state=state)
    Outbox.objects.exclude(recipient__state="queued").delete()
    Mailing.objects.filter(pk=mailing.pk).update(state="finished")
    return accounts | {"nobody": make_affected(incident, make_account("nobody", "owner@nobody.example"))}


def notice_of(told, kind="follow_up", **fields) -> Notice:
    return make_notice(told["delivered"].incident, kind=kind, name="More", **fields)


def names(mailing) -> set[str]:
    return set(mailing.recipients.values_list("account__external_id", flat=True))


def test_a_follow_up_goes_to_whoever_may_have_the_first_notice(told, wanda):
    mailing = mailings.prepare(notice_of(told), by=wanda)

    assert mailing.whom == Whom.TOLD and mailing.whom_words == "everyone who was told"
    assert names(mailing) == {"delivered", "accepted", "unknown"}


def test_whoever_said_they_have_read_it_was_told(told, wanda):
    AffectedAccount.objects.filter(pk=told["bounced"].pk).update(acknowledged_at=NOON)

    assert "bounced" in names(mailings.prepare(notice_of(told), by=wanda))


def test_a_correction_goes_to_those_who_were_told_that_version(told, wanda):
    first = NoticeVersion.objects.get()
    make_mailing(first.notice.incident, [told["nobody"]])
    Recipient.objects.filter(affected_account=told["nobody"]).update(state="delivered")
    told_otherwise = names(mailings.prepare(notice_of(told), by=wanda))
    first.mailings.update(state="finished")

    mailing = mailings.prepare(notice_of(told, "correction"), by=wanda, to=To(whom=Whom.VERSION, version=first))

    assert "nobody" in told_otherwise
    assert names(mailing) == {"delivered", "accepted", "unknown"}
    assert mailing.whom_words == "those who were told version 1 of “First”"


def test_nobody_is_corrected_while_others_still_get_the_wrong_words(told, wanda):
    first = NoticeVersion.objects.get()
    first.mailings.update(state="paused")

    with pytest.raises(mailings.NotNow, match="still sends what you correct"):
        mailings.prepare(notice_of(told, "correction"), by=wanda, to=To(whom=Whom.VERSION, version=first))


@pytest.mark.parametrize("state", ["running", "paused"])
def test_everyone_who_was_told_is_corrected_once_nothing_goes_out_any_more(told, wanda, state):
    NoticeVersion.objects.get().mailings.update(state=state)

    with pytest.raises(mailings.NotNow, match="Mailing 1 still sends what you correct"):
        mailings.prepare(notice_of(told, "correction"), by=wanda, to=To(whom=Whom.TOLD))


def test_a_correction_does_not_start_while_its_text_goes_out_again(told, wanda, anton):
    make_organisation()
    mailing = mailings.prepare(notice_of(told, "correction"), by=wanda, to=To(whom=Whom.TOLD))
    approvals.answer(mailings.ask(mailing, by=wanda), yes=True, by=anton)
    Mailing.objects.filter(number=1).update(state="running")

    with pytest.raises(mailings.NotNow, match="still sends what you correct"):
        mailings.start(mailing, by=anton)


def test_letters_with_the_wrong_words_are_cancelled_before_the_correction(told, wanda):
    Recipient.objects.filter(affected_account=told["failed"]).update(state="letter")

    with pytest.raises(mailings.NotNow, match="still sends what you correct"):
        mailings.prepare(notice_of(told, "correction"), by=wanda, to=To(whom=Whom.TOLD))


@pytest.mark.parametrize("whom", [Whom.TOLD, Whom.VERSION])
def test_nobody_gets_a_text_after_its_correction(told, wanda, anton, whom):
    make_organisation()
    first = NoticeVersion.objects.get()
    version = first if whom == Whom.VERSION else None
    mailing = mailings.prepare(notice_of(told, "correction"), by=wanda, to=To(whom=whom, version=version))
    approvals.answer(mailings.ask(mailing, by=wanda), yes=True, by=anton)
    mailings.start(mailing, by=anton)
    make_address(told["bounced"].account, "second@bounced.example", created_at=NOON)
    sent_first = Mailing.objects.get(number=1)

    with transaction.atomic(), pytest.raises(mailing_states.NotOpen, match="Mailing 2 has corrected this text"):
        mailing_states.keep_open(sent_first.pk, by=anton)
    assert next_address.queue_all() == 0
    with pytest.raises(mailing_states.NotOpen):
        settling.settle(sent_first, settling.Answer.RESEND, by=anton)
    old = told["bounced"].account.addresses.order_by("pk").first()
    with pytest.raises(resending.Held, match="was corrected by mailing 2"):
        resending.send_again(affected=told["bounced"], address=old, because="support", by=anton, at=timezone.now())
    sent_first.refresh_from_db()
    assert sent_first.state == "finished"


def test_whoever_has_the_correction_gets_it_again(told, wanda, anton):
    make_organisation()
    mailing = mailings.prepare(notice_of(told, "correction"), by=wanda, to=To(whom=Whom.TOLD))
    approvals.answer(mailings.ask(mailing, by=wanda), yes=True, by=anton)
    mailings.start(mailing, by=anton)

    again = resending.send_again(
        affected=told["delivered"], address=told["delivered"].account.addresses.get(), because="support", by=anton,
        at=timezone.now(),
    )  # fmt: skip

    assert again.kind == "correction"


def test_a_reminder_goes_to_those_who_have_the_step_open(told, wanda):
    step = make_step(told["delivered"].incident)
    StepState.objects.create(affected_account=told["accepted"], step=step, state="ticked", at=NOON)
    StepState.objects.create(affected_account=told["unknown"], step=step, state="open", at=NOON)

    mailing = mailings.prepare(notice_of(told, "reminder"), by=wanda, to=To(whom=Whom.STEP, step=step))

    assert names(mailing) == {"delivered", "unknown"}
    assert mailing.whom_words == "those who were told and have the step “Rotate your API keys” open"


def test_whoever_does_the_step_before_their_turn_gets_no_reminder(told, wanda, anton):
    incident = told["delivered"].incident
    Incident.objects.filter(pk=incident.pk).update(visibility="public")
    make_organisation()
    step = make_step(incident)
    mailing = mailings.prepare(notice_of(told, "reminder"), by=wanda, to=To(whom=Whom.STEP, step=step))
    approvals.answer(mailings.ask(mailing, by=wanda), yes=True, by=anton)
    StepState.objects.create(affected_account=told["accepted"], step=step, state="ticked", at=NOON)
    mailings.start(mailing, by=anton)
    StepState.objects.create(
        affected_account=told["unknown"], step=make_step(incident, "Another"), state="ticked", at=NOON
    )

    while dispatch.run_window(1):
        pass

    ends = dict(mailing.recipients.values_list("account__external_id", "state"))
    assert ends["accepted"] == "cancelled" and "cancelled" not in {ends["delivered"], ends["unknown"]}
    assert mailing.recipients.get(state="cancelled").reason == "The step was done before their turn came"
    assert {line.name: line.count for line in sums.lines(mailing)} == {"sent": 2, "cancelled": 1}
    assert not Outbox.objects.filter(mailing=mailing).exists()


def test_a_step_of_one_segment_is_nothing_to_the_others(told, wanda):
    segment = make_segment(told["delivered"].incident)
    told["delivered"].segments.add(segment)
    step = make_step(told["delivered"].incident, segment=segment)

    mailing = mailings.prepare(notice_of(told, "reminder"), by=wanda, to=To(whom=Whom.STEP, step=step))

    assert names(mailing) == {"delivered"}


def test_a_segment_alone_gets_its_own_first_notice(told, wanda):
    segment = make_segment(told["nobody"].incident)
    for name in ("nobody", "delivered"):
        told[name].segments.add(segment)

    mailing = mailings.prepare(notice_of(told, "first"), by=wanda, to=To(whom=Whom.SEGMENT, segment=segment))

    assert names(mailing) == {"nobody"}  # the other has it


def test_unreached_are_those_the_overview_counts(told, wanda):
    mailing = mailings.prepare(notice_of(told), by=wanda, to=To(whom=Whom.UNREACHED))

    assert names(mailing) == {"bounced", "failed", "nobody"}


def test_an_all_clear_goes_to_those_ruled_out_after_they_were_told(told, wanda, anton):
    AffectedAccount.objects.filter(pk__in=[told["delivered"].pk, told["nobody"].pk]).update(certainty="ruled_out")
    notice = notice_of(told, "all_clear")

    with pytest.raises(mailings.NotNow, match="needs evidence"):
        mailings.prepare(notice, by=wanda)
    mailing = mailings.prepare(notice, by=wanda, to=To(whom=Whom.RULED_OUT, evidence="Log 7 shows no access."))

    assert names(mailing) == {"delivered"}
    approval = mailings.ask(mailing, by=wanda)
    assert "Evidence: Log 7 shows no access." in approval.summary
    assert approval.needs == 2  # one of seven is more than a tenth of the list


def test_an_all_clear_starts_and_stops_where_somebody_is_affected_again(told, wanda, anton, ada):
    AffectedAccount.objects.filter(pk=told["delivered"].pk).update(certainty="ruled_out")
    mailing = mailings.prepare(notice_of(told, "all_clear"), by=wanda, to=To(evidence="Log 7."))
    for by in (anton, ada):
        approvals.answer(approval_of(mailing, wanda), yes=True, by=by)
    AffectedAccount.objects.filter(pk=told["delivered"].pk).update(certainty="confirmed")

    with pytest.raises(mailings.NotNow, match="put back on the list"):
        mailings.start(mailing, by=anton)
    AffectedAccount.objects.filter(pk=told["delivered"].pk).update(certainty="ruled_out")
    assert mailings.start(mailing, by=anton).state == Mailing.State.RUNNING


def approval_of(mailing, wanda):
    return approvals.living("mail", mailing) or mailings.ask(mailing, by=wanda)


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        ("first", To(whom=Whom.TOLD)),
        ("reminder", To(whom=Whom.OWED)),
        ("all_clear", To(whom=Whom.OWED, evidence="x")),
        ("correction", To(whom=Whom.VERSION)),
        ("reminder", To(whom=Whom.STEP)),
    ],
)
def test_a_set_that_makes_no_sense_is_refused(told, wanda, kind, to):
    with pytest.raises(mailings.NotNow, match="Choose another|Say which"):
        mailings.prepare(notice_of(told, kind), by=wanda, to=to)


def test_an_empty_set_says_so_in_words(told, wanda):
    segment = make_segment(told["nobody"].incident, "empty", name="Nobody yet")

    with pytest.raises(mailings.NotNow, match="Nobody is left to be told this: those in the segment “Nobody yet”"):
        mailings.prepare(notice_of(told), by=wanda, to=To(whom=Whom.SEGMENT, segment=segment))


def test_the_set_in_words_is_part_of_the_hash(told, wanda):
    mailing = mailings.prepare(notice_of(told), by=wanda)
    assert recipients_hash(mailing) == mailing.recipients_hash

    mailing.whom_words = "everyone who asked"

    assert recipients_hash(mailing) != mailing.recipients_hash


def test_two_follow_ups_at_once_are_two_and_each_reaches_everybody(told, wanda):
    one, other = notice_of(told), notice_of(told)

    first, second = mailings.prepare(one, by=wanda), mailings.prepare(other, by=wanda)

    assert (first.sequence, second.sequence) == (1, 2)
    first.refresh_from_db()
    assert first.state == Mailing.State.PREPARED and names(first) == names(second)


def test_nobody_gets_the_same_reminder_twice_except_in_a_new_round(told, wanda, anton):
    notice = notice_of(told, "reminder")
    mailing = mailings.prepare(notice, by=wanda, to=To(whom=Whom.TOLD))
    approvals.answer(mailings.ask(mailing, by=wanda), yes=True, by=anton)
    mailings.start(mailing, by=anton)
    Recipient.objects.filter(mailing=mailing).update(state="delivered")
    Outbox.objects.filter(mailing=mailing).delete()
    Mailing.objects.filter(pk=mailing.pk).update(state="finished")

    with pytest.raises(mailings.NotNow, match="has it already"):
        mailings.prepare(notice, by=wanda, to=To(whom=Whom.TOLD))
    again = mailings.prepare(notice, by=wanda, to=To(whom=Whom.TOLD, again=True))

    assert (again.sequence, names(again)) == (2, names(mailing))


# By letter ------------------------------------------------------------------------------------------------------


@pytest.fixture
def lettered(told):
    """Post addresses: of one whose email came back, one who has it, one whose email was not tried, one without any."""
    for name in ("bounced", "delivered", "nobody"):
        make_address(told[name].account, f"1 {name} Street", kind="post")
    lost = make_affected(told["nobody"].incident, make_account("lost", None))
    make_address(lost.account, "2 Lost Lane", kind="post")
    make_affected(told["nobody"].incident, make_account("nowhere", None))
    return told


def test_letters_go_to_those_with_a_post_address_whom_no_email_reaches(lettered, wanda):
    mailing = mailings.prepare(notice_of(lettered, "first"), by=wanda, to=To(whom=Whom.OWED, channel="post"))

    assert names(mailing) == {"bounced", "lost"}  # nobody has an email address to try
    assert {row.channel for row in mailing.recipients.all()} == {"post"}
    assert mailing.whom_words.endswith(", by letter")


def test_letters_have_no_outbox_and_wait_to_be_put_on_record(lettered, wanda, anton):
    mailing = mailings.prepare(notice_of(lettered, "first"), by=wanda, to=To(whom=Whom.OWED, channel="post"))
    approvals.answer(mailings.ask(mailing, by=wanda), yes=True, by=anton)

    mailings.start(mailing, by=anton)

    assert mailings.progress(mailing) == {"letter": 2}
    assert not Outbox.objects.filter(mailing=mailing).exists()


def test_an_incident_without_any_email_address_can_have_letters_only(wanda):
    make_organisation()
    incident = make_incident(first_published_at=NOON)
    lost = make_affected(incident, make_account("lost", None))
    make_address(lost.account, "2 Lost Lane", kind="post")

    with pytest.raises(mailings.NotNow, match="no one can be reached by email"):
        mailings.prepare(make_notice(incident), by=wanda)

    assert mailings.prepare(make_notice(incident), by=wanda, to=To(channel="post")).recipients_count == 1
