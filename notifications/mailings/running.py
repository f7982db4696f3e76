"""Ask, start, pause, resume, cancel. Each compares and sets, so that of two people one wins and the other is told."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts import approvals, audit
from accounts.models import Approval, User
from incidents.models import AffectedAccount, Decision, Incident
from notifications import providers, self_check, tracking
from notifications.mailings import going, whom
from notifications.mailings.owing import silent
from notifications.mailings.preparing import problem_count, recipients_hash
from notifications.mailings.said_no import NotNow
from notifications.mailings.texts import draft
from notifications.models import Mailing, Outbox, Recipient

FRESH = timedelta(days=3)
"""A yes older than this asks a person again: a restored backup or a forgotten tab must not send."""
MUCH = 10  # one in so many of the list


def ask(mailing: Mailing, *, by: User, at: datetime | None = None) -> Approval:
    """Ask a second person for exactly this text to exactly these people. Raises NotNow."""
    _only_when(mailing, Mailing.State.PREPARED)
    problems = problem_count(mailing)
    if problems:
        messages = "1 message" if problems == 1 else f"{problems:,} messages"
        raise NotNow(f"{messages} cannot be written. Mend what is listed, then prepare again.")
    if draft(mailing.version.notice).sha256 != mailing.version.sha256:
        raise NotNow("The notice or the incident's guidance was changed since this was prepared. Prepare it again.")
    _refuse_before_the_page(mailing.incident)
    _refuse_stale_recipients(mailing)
    whom.refuse_while_it_still_goes_out(mailing.version.notice, whom.To.of(mailing))
    _refuse_exposed(mailing)
    _refuse_what_the_self_check_stops(mailing)
    return approvals.ask(
        act="mail", thing=mailing, hashes=_hashes(mailing), by=by, at=at, incident=mailing.incident_id,
        at_least=2 if _calls_off_much(mailing) else 1, summary=_summary(mailing),
        page=reverse("notifications:mailing", args=[mailing.incident.slug, mailing.number]),
        authors=_authors(mailing),
    )  # fmt: skip


def _summary(mailing: Mailing) -> str:
    people = f"{mailing.recipients_count:,} {'person' if mailing.recipients_count == 1 else 'people'}"
    said = f"Send “{mailing.version.notice.name}” (version {mailing.version.number}) to {people}: {mailing.whom_words}"
    return f"{said}. Evidence: {mailing.evidence}"[:500] if mailing.evidence else said[:500]


def _calls_off_much(mailing: Mailing) -> bool:
    """An all-clear to more than a tenth of the list takes two people, whatever the house asks for otherwise."""
    if mailing.whom != Mailing.Whom.RULED_OUT:
        return False
    return mailing.recipients_count * MUCH > mailing.incident.affected_accounts.count()


def _authors(mailing: Mailing) -> list[int]:
    """Whoever wrote the notice or froze this text of it."""
    return [pk for pk in (mailing.version.notice.created_by_id, mailing.version.made_by_id) if pk]


@transaction.atomic
def start(mailing: Mailing, *, by: User, at: datetime | None = None) -> Mailing:
    """Spend the approval and queue everyone. Raises NotNow, or approvals.NotApproved."""
    at = at or timezone.now()
    mailing = _locked(mailing)
    _only_when(mailing, Mailing.State.PREPARED)
    _refuse_before_the_page(mailing.incident)
    _refuse_stale_recipients(mailing)
    whom.refuse_while_it_still_goes_out(mailing.version.notice, whom.To.of(mailing))
    _refuse_exposed(mailing)
    approval = approvals.use(act="mail", thing=mailing, hashes=_hashes(mailing), at=at)
    if approval.given_at and at - approval.given_at > FRESH:
        raise NotNow(f"The approval is older than {FRESH.days} days. Prepare the mailing again and ask for a new one.")
    mailing.state, mailing.approval = Mailing.State.RUNNING, approval
    mailing.started_at, mailing.started_by, mailing.judged_from = at, by, at
    mailing.scheduled_for, mailing.scheduled_by, mailing.schedule_problem = None, None, ""
    mailing.save()
    queued = _queue(mailing, at) if mailing.channel == Mailing.Channel.EMAIL else _to_be_posted(mailing, at)
    audit.record(act="mailing.started", thing=mailing, by=by, at=at, incident=mailing.incident_id,
                 number=mailing.number, approval=approval.pk, hashes=approval.hashes, queued=queued)  # fmt: skip
    return mailing


def pause(mailing: Mailing, *, by: User, because: str, at: datetime | None = None) -> dict[str, int]:
    """Nothing more is handed over once the windows under way have ended. The counts of each state. Raises NotNow."""
    if mailing.channel == Mailing.Channel.POST:
        raise NotNow("Letters are posted by people: there is nothing here to pause. Cancel those that still wait.")
    return _move(
        mailing, "paused", [Mailing.State.RUNNING], Mailing.State.PAUSED, by=by, because=because, at=at,
        paused_at=at or timezone.now(), paused_because=because,
    )  # fmt: skip


@transaction.atomic
def resume(mailing: Mailing, *, by: User, at: datetime | None = None) -> dict[str, int]:
    """It goes on at its pace from now; the limits look at what happens from now on."""
    at = at or timezone.now()
    counts = _move(
        mailing, "resumed", [Mailing.State.PAUSED], Mailing.State.RUNNING, by=by, because="", at=at,
        paused_at=None, paused_because="", judged_from=at,
    )  # fmt: skip
    going.place_again(mailing, at=at)
    return counts


@transaction.atomic
def cancel(mailing: Mailing, *, by: User, because: str, at: datetime | None = None) -> dict[str, int]:
    """Whoever is still waiting is not written to; what is being sent ends as it ends. The counts of each state."""
    at = at or timezone.now()
    _locked(mailing)  # before the approval and the log, as in start
    approvals.void(act="mail", thing=mailing, because="the mailing was cancelled", by=by, at=at)
    living = [Mailing.State.PREPARED, Mailing.State.RUNNING, Mailing.State.PAUSED]
    if mailing.letters_wait:
        living.append(Mailing.State.FINISHED)
    return _move(
        mailing, "cancelled", living, Mailing.State.CANCELLED, by=by, because=because, at=at,
        finished_at=at, paused_because=because,
    )  # fmt: skip


def progress(mailing: Mailing) -> dict[str, int]:
    """How many messages stand in each state; states nobody is in are left out."""
    counts = messages(mailing).order_by().values_list("state").annotate(count=Count("pk"))
    return dict(counts)


def messages(mailing: Mailing) -> QuerySet[Recipient]:
    """Its emails, or its letters; not what was recorded by hand under it."""
    if mailing.channel == Mailing.Channel.EMAIL:
        return mailing.recipients.filter(channel=Recipient.Channel.EMAIL)
    return mailing.recipients.filter(channel=Recipient.Channel.POST, address__isnull=False)


# ----------------------------------------------------------------------------------------------------------------


@transaction.atomic
def _move(mailing: Mailing, verb: str, before: list[Mailing.State], after: Mailing.State, *, by: User, because: str,
          at: datetime | None, **fields) -> dict[str, int]:  # fmt: skip
    at = at or timezone.now()
    if not Mailing.objects.filter(pk=mailing.pk, state__in=before).update(state=after, **fields):
        mailing.refresh_from_db()
        _only_when(mailing, *before)
    if after == Mailing.State.CANCELLED:
        _cancel_waiting(mailing, at)
    mailing.refresh_from_db()
    counts = progress(mailing)
    audit.record(act=f"mailing.{verb}", thing=mailing, by=by, at=at, incident=mailing.incident_id,
                 number=mailing.number, because=because, counts=counts)  # fmt: skip
    return counts


def _locked(mailing: Mailing) -> Mailing:
    # Joins would show what stood there before the lock was waited for; who started it is asked for afterwards.
    rows = Mailing.objects.select_for_update(of=("self",), no_key=True).select_related("incident", "version__notice")
    return rows.get(pk=mailing.pk)


def _only_when(mailing: Mailing, *states: Mailing.State) -> None:
    if mailing.state in states:
        return
    if mailing.state == Mailing.State.RUNNING and mailing.started_by:
        who = f"{mailing.started_by.get_full_name()} started it at {mailing.started_at:%H:%M} UTC"
        raise NotNow(f"Mailing {mailing.number} is already going out: {who}.")
    raise NotNow(f"Mailing {mailing.number} cannot do this: it is {mailing.get_state_display().lower()}.")


def _hashes(mailing: Mailing) -> dict[str, str]:
    return {
        "text": mailing.version.sha256, "recipients": recipients_hash(mailing), "how": going.how_hash(mailing),
    }  # fmt: skip


def _refuse_before_the_page(incident: Incident) -> None:
    standing = set(incident.decisions.standing().values_list("kind", flat=True))
    if incident.drill:
        raise NotNow("This is a drill: its messages never leave the house.")
    if Decision.Kind.LAW_ENFORCEMENT_HOLD in standing:
        raise NotNow(
            "Law enforcement asked us to wait, and that decision stands. Record that it no longer holds first."
        )
    if incident.visibility == Incident.Visibility.TOLD_ONLY or Decision.Kind.TELL_FIRST in standing:
        return
    if incident.visibility != Incident.Visibility.PUBLIC or incident.first_published_at is None:
        raise NotNow(
            "The page is not public yet, so nobody could check this notice against it. "
            "Publish first, or record the decision to tell people before the page is public."
        )


def _refuse_exposed(mailing: Mailing) -> None:
    if mailing.channel == Mailing.Channel.POST:
        return
    try:
        providers.refuse_exposed(mailing.incident, sender=mailing.sender, provider=mailing.provider)
    except providers.Exposed as exposed:
        raise NotNow(str(exposed)) from exposed


def _refuse_what_the_self_check_stops(mailing: Mailing) -> None:
    found = self_check.stops(mailing.version, sender=mailing.sender, provider=mailing.provider)
    if found:
        of = f" (the text in {found[0].language})" if len(mailing.version.languages) > 1 and found[0].language else ""
        raise NotNow(f"The self-check stops it{of}: {found[0].words}")


def _refuse_stale_recipients(mailing: Mailing) -> None:
    """Between preparing and sending somebody may have been ruled out, or an address withdrawn."""
    ruled_out = Q(affected_account__certainty=AffectedAccount.Certainty.RULED_OUT)
    gone = mailing.recipients.filter(
        (~ruled_out if mailing.whom == Mailing.Whom.RULED_OUT else ruled_out)
        | Q(address__trusted=False)
        | Q(address__withdrawn_at__isnull=False)
        | Q(affected_account__in=AffectedAccount.objects.filter(silent(mailing.incident), incident=mailing.incident))
    ).count()
    if gone:
        since = "been put back on the list" if mailing.whom == Mailing.Whom.RULED_OUT else "been ruled out"
        raise NotNow(f"{gone:,} of its recipients have since {since}, or must not be written to. Prepare it again.")


def _queue(mailing: Mailing, at: datetime) -> int:
    """Recipients and outbox in two statements, however many there are."""
    waiting = mailing.recipients.filter(state=Recipient.State.PREPARED)
    queued = waiting.update(state=Recipient.State.QUEUED, state_at=at)
    going.queue(mailing, at=at)
    # Taken over from a cancelled mailing, and an event has said since that the message got there after all.
    told = mailing.recipients.filter(state=Recipient.State.QUEUED, events__isnull=False).distinct()
    for recipient in told.values_list("pk", flat=True):
        tracking.settle(recipient)
    return queued


def _to_be_posted(mailing: Mailing, at: datetime) -> int:
    """Letters have no outbox: people post them, and put each on record."""
    waiting = mailing.recipients.filter(state=Recipient.State.PREPARED)
    return waiting.update(state=Recipient.State.LETTER, state_at=at)


def _cancel_waiting(mailing: Mailing, at: datetime) -> None:
    waiting = [Recipient.State.PREPARED]
    if mailing.channel == Mailing.Channel.POST:  # one that was posted meanwhile is put on record all the same
        waiting.append(Recipient.State.LETTER)
    mailing.recipients.filter(state__in=waiting).update(state=Recipient.State.CANCELLED, state_at=at)
    with connection.cursor() as cursor:
        # A row being claimed this moment is waited for and then seen as leased: it is sent, and says so.
        cursor.execute(
            """WITH gone AS (
                 DELETE FROM notifications_outbox WHERE mailing_id = %s AND state = %s RETURNING recipient_id)
               UPDATE notifications_recipient SET state = %s, state_at = %s
               FROM gone WHERE id = gone.recipient_id AND state = %s""",
            [mailing.pk, Outbox.State.READY, Recipient.State.CANCELLED, at, Recipient.State.QUEUED],
        )
