"""What beat looks at while mailings go out: their time has come, the first ones were harmless, too much comes back."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import approvals, audit
from accounts.models import User
from notifications import telling
from notifications.awake import SILENCE, which_database
from notifications.inquiries import holding
from notifications.mailings import going
from notifications.mailings.running import messages, resume, start
from notifications.mailings.said_no import NotNow
from notifications.models import Mailing, Outbox, Recipient, SendingPulse
from notifications.subscriptions import announcing

State = Recipient.State

OVERDUE = timedelta(minutes=15)
"""A start that is later than this asks a person: nobody may be there any more who expected it."""
LATE = timedelta(minutes=10)
"""Whoever is due for longer than this, at a chosen pace, gets a new moment: no outage is made good in one burst."""
BOUNCES_OF, COMPLAINTS_OF = 200, 1000
"""Hand-overs before the limits judge: of fewer a share says little."""
HANDED_OVER = [State.ACCEPTED, State.DELIVERED, State.BOUNCED, State.FAILED, State.UNKNOWN, State.UNCONFIRMED]
REFUSED = [State.BOUNCED, State.FAILED]


def watch(*, at: datetime | None = None) -> None:
    """Beat's. Every step asks for what is, so that one more beat or one less changes nothing."""
    at = at or timezone.now()
    hold_after_silence(at=at)
    for mailing in Mailing.objects.filter(state=Mailing.State.PREPARED, scheduled_for__lte=at):
        start_scheduled(mailing, at=at)
    for mailing in Mailing.objects.filter(state=Mailing.State.RUNNING).order_by("pk"):
        if not hold_above_limits(mailing, at=at):
            mind_the_first(mailing, at=at)
            keep_the_pace(mailing, at=at)


# Its time -------------------------------------------------------------------------------------------------------


@transaction.atomic
def schedule(mailing: Mailing, *, start_at: datetime, by: User, at: datetime | None = None) -> None:
    """It starts by itself at this moment, if it is approved by then. Raises NotNow."""
    at = at or timezone.now()
    if start_at <= at:
        raise NotNow("This moment has passed. Choose one that is still to come, or start it now.")
    _set_schedule(mailing, scheduled_for=start_at, scheduled_by=by)
    audit.record(act="mailing.scheduled", thing=mailing, by=by, at=at, incident=mailing.incident_id,
                 number=mailing.number, start_at=start_at.isoformat())  # fmt: skip


@transaction.atomic
def unschedule(mailing: Mailing, *, by: User, at: datetime | None = None) -> None:
    _set_schedule(mailing, scheduled_for=None, scheduled_by=None)
    audit.record(act="mailing.unscheduled", thing=mailing, by=by, at=at, incident=mailing.incident_id,
                 number=mailing.number)  # fmt: skip


def _set_schedule(mailing: Mailing, **fields) -> None:
    prepared = Mailing.objects.filter(pk=mailing.pk, state=Mailing.State.PREPARED)
    if not prepared.update(schedule_problem="", **fields):
        raise NotNow(f"Mailing {mailing.number} is {mailing.get_state_display().lower()}: it waits for no moment.")
    mailing.refresh_from_db()


def start_scheduled(mailing: Mailing, *, at: datetime) -> bool:
    """Whether it started. What kept it from starting stands on its page; long overdue, a person has to start it."""
    assert mailing.scheduled_for is not None and mailing.scheduled_by is not None
    problem = ""
    if at - mailing.scheduled_for > OVERDUE:
        problem = mailing.schedule_problem or (
            f"It was to start at {mailing.scheduled_for:%H:%M} UTC and nobody was there to do it. Start it now, or "
            "choose another time."
        )
    elif not mailing.scheduled_by.has_perm("accounts.send"):
        problem = f"{mailing.scheduled_by.get_full_name()}, who set the time, may not send any more."
    else:
        try:
            start(mailing, by=mailing.scheduled_by, at=at)
        except (NotNow, approvals.NotApproved) as no:
            problem = str(no)
        else:
            telling.push(mailing.incident)
            return True
    if problem != mailing.schedule_problem:
        Mailing.objects.filter(pk=mailing.pk).update(schedule_problem=problem[:300])
    return False


@transaction.atomic  # no lane may see the new pulse before what it holds is paused
def hold_after_silence(*, at: datetime) -> int:
    """Mailings that were going out when beat was last seen long ago, or in another database, are paused; how many.

    What was to start at a time does not: in a restored copy that time may have been taken back since.
    """
    pulse, here = SendingPulse.objects.filter(pk=1).first(), which_database()
    is_copy = pulse is not None and pulse.database not in ("", here)
    is_silent = pulse is not None and at - pulse.at >= SILENCE
    if is_silent or is_copy:  # before there is a pulse again: the lane of updates rests as long as there is none
        announcing.hold_after_silence(at=at)
        holding.hold_after_silence(at=at)
    SendingPulse.objects.update_or_create(
        pk=1, defaults={"at": at, "database": here} | ({"since": at} if is_silent or is_copy else {})
    )
    if pulse is None or not (is_silent or is_copy):
        return 0
    seen = f"{pulse.at:%d %B, %H:%M}"
    because = (
        f"This is a restored copy of the database, or a stand-by that took over: it knows what happened until {seen} "
        "UTC, and may lack the last moments."
        if is_copy
        else f"Nothing ran here from {seen} to {at:%d %B, %H:%M} UTC: an outage, or a restored copy of the database."
    ) + " Compare with the provider’s log who was written to meanwhile, then go on."
    timed = Mailing.objects.filter(state=Mailing.State.PREPARED, scheduled_for__isnull=False)
    timed.update(scheduled_for=going.HELD, schedule_problem=because[:300])  # a person sets the time anew
    return sum(hold(mailing, because, at=at) for mailing in Mailing.objects.filter(state=Mailing.State.RUNNING))


# Too much comes back --------------------------------------------------------------------------------------------


def hold_above_limits(mailing: Mailing, *, at: datetime) -> bool:
    judged, complaints = messages(mailing), mailing.recipients.filter(complained_at__isnull=False)
    if mailing.judged_from and mailing.judged_from != mailing.started_at:  # else all of it is since the start
        judged = judged.filter(state_at__gte=mailing.judged_from)
        complaints = complaints.filter(complained_at__gte=mailing.judged_from)
    refused, complained = judged.filter(state__in=REFUSED).count(), complaints.count()
    handed_over = judged.filter(state__in=HANDED_OVER)
    for count, limit, least, word in (
        (refused, mailing.bounce_limit, BOUNCES_OF, "were refused or came back"),
        (complained, mailing.complaint_limit, COMPLAINTS_OF, "complained"),
    ):
        # Counted no further than it takes: above this many hand-overs the share is within the limit.
        enough = int(count * 100 / limit) + 1 if limit else 0
        if count * 100 <= limit * least:
            continue
        of = handed_over.order_by()[: max(enough, least)].count()
        if of >= least and count * 100 > limit * of:
            return hold(mailing, f"{count:,} of {of:,} {word}: more than {limit.normalize():f} %.", at=at)
    return False


@transaction.atomic
def hold(mailing: Mailing, because: str, *, at: datetime) -> bool:
    """Pause it in the system's name. False where somebody has stopped it already."""
    held = Mailing.objects.filter(pk=mailing.pk, state=Mailing.State.RUNNING).update(
        state=Mailing.State.PAUSED, paused_at=at, paused_because=because[:300]
    )
    if held:
        audit.record(act="mailing.held", thing=mailing, by=None, at=at, incident=mailing.incident_id,
                     number=mailing.number, because=because)  # fmt: skip
    return bool(held)


# The first ones -------------------------------------------------------------------------------------------------


def waits_for_the_first(mailing: Mailing) -> bool:
    return bool(mailing.canary) and mailing.canary_passed_at is None and _held(mailing).exists()


def the_rest(mailing: Mailing) -> int:
    """How many wait for the first ones."""
    return _held(mailing).count()


def _held(mailing: Mailing):
    return Outbox.objects.filter(mailing=mailing, not_before__gte=going.HELD)


def mind_the_first(mailing: Mailing, *, at: datetime) -> None:
    """Once the first ones are handed over the wait begins; after it the rest follows, or the mailing holds."""
    if not mailing.canary or mailing.canary_passed_at:
        return
    if mailing.canary_ends_at is None:
        under_way = Outbox.objects.filter(Q(attempt_no=0) | Q(state=Outbox.State.LEASED), mailing=mailing)
        if not under_way.filter(not_before__lt=going.HELD).exists() and _held(mailing).exists():
            Mailing.objects.filter(pk=mailing.pk, canary_ends_at=None).update(canary_ends_at=at + mailing.canary_wait)
    elif at >= mailing.canary_ends_at:
        because = what_the_first_say(mailing)
        if because:
            hold(mailing, because, at=at)
        else:
            _let_the_rest_follow(mailing, by=None, at=at)


def what_the_first_say(mailing: Mailing) -> str:
    """Why the rest must not follow by itself; empty where all is well."""
    first = messages(mailing).filter(state__in=HANDED_OVER)
    of = first.count()
    counts = (
        (first.filter(state__in=REFUSED).count(), mailing.bounce_limit, "were refused or came back"),
        (first.filter(complained_at__isnull=False).count(), mailing.complaint_limit, "complained"),
        (first.filter(state__in=[State.UNKNOWN, State.UNCONFIRMED]).count(), mailing.bounce_limit, "are unknown"),
    )
    said = [f"{count:,} {words}" for count, limit, words in counts if count * 100 > limit * of]
    return f"Of the first {of:,}, {', '.join(said)}. The rest waits for a person." if said else ""


@transaction.atomic
def end_the_wait(mailing: Mailing, *, by: User, at: datetime | None = None) -> int:
    """A person lets the rest follow now, also where the first ones made it hold; how many. Raises NotNow."""
    at = at or timezone.now()
    mailing.refresh_from_db()
    if mailing.state not in {Mailing.State.RUNNING, Mailing.State.PAUSED} or not waits_for_the_first(mailing):
        raise NotNow(f"Nobody of mailing {mailing.number} waits for the first ones.")
    if mailing.state == Mailing.State.PAUSED:
        resume(mailing, by=by, at=at)
    return _let_the_rest_follow(mailing, by=by, at=at)


@transaction.atomic
def _let_the_rest_follow(mailing: Mailing, *, by: User | None, at: datetime) -> int:
    passed = Mailing.objects.filter(pk=mailing.pk, canary_passed_at=None).update(canary_passed_at=at)
    if not passed:
        return 0
    count = going.release_held(mailing, at=at)
    audit.record(act="mailing.rest_released", thing=mailing, by=by, at=at, incident=mailing.incident_id,
                 number=mailing.number, count=count)  # fmt: skip
    return count


# Its pace -------------------------------------------------------------------------------------------------------


def keep_the_pace(mailing: Mailing, *, at: datetime) -> None:
    """Whoever is long overdue, or due outside the hours of the day that were chosen, gets a moment again."""
    if not (mailing.an_hour or mailing.from_hour is not None):
        return
    due = Outbox.objects.filter(mailing=mailing, state=Outbox.State.READY, attempt_no=0)
    late = due.filter(not_before__lt=at - LATE).exists() if mailing.an_hour else False
    if late or (not going.is_open(mailing, at) and due.filter(not_before__lte=at).exists()):
        going.place_again(mailing, at=at)
