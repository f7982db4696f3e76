"""Who gets the message: picked, frozen, and every row composed dry before anybody is asked."""

from dataclasses import replace
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max, Q
from django.utils import timezone

from accounts import approvals, audit
from accounts.models import Organisation, User
from incidents.models import Incident
from notifications import providers
from notifications.mailings import going, sealing, texts, whom
from notifications.mailings.freezing import WINDOW, Counted, freeze_window
from notifications.mailings.owing import with_address
from notifications.mailings.said_no import NotNow
from notifications.mailings.whom import To, in_words
from notifications.models import Mailing, Notice, NoticeVersion, Recipient

PREPARING_LOCK = 0x4D41494C  # advisory, with the incident's id beside it: one prepares at a time


@transaction.atomic
def prepare(notice: Notice, *, by: User, to: To | None = None, at: datetime | None = None) -> Mailing:
    """Freeze text and recipients, make links and codes, and compose every row dry.

    to: the set; the one proposed for this kind of notice where none is given. What was prepared for them before and
    never started is discarded. Raises NotNow where the same text is still going out, or the set is empty.
    """
    at = at or timezone.now()
    incident = notice.incident
    to = to or To()
    to = to if to.whom else replace(to, whom=whom.ALLOWED[Notice.Kind(notice.kind)][0])
    whom.refuse_what_makes_no_sense(notice, to)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [PREPARING_LOCK, incident.pk])
    version, is_new = texts.frozen(notice, by=by, at=at)
    sequence = _sequence(notice, again=to.again)
    discarded = _discard_earlier(notice, sequence, to, at=at)
    _refuse_while_going_out(version)
    mailing = _new_mailing(version, sequence, to, by=by, at=at)
    # Read whole before the first row is written: the planner knows nothing yet of what this transaction adds.
    owed = list(with_address(incident, notice.kind, sequence, to).order_by("pk").values_list("pk", "address_id"))
    reachable = [(affected, address) for affected, address in owed if address]
    counted = Counted(seal=sealing.Seal(mailing))
    for start in range(0, len(reachable), WINDOW):
        freeze_window(mailing, dict(reachable[start : start + WINDOW]), counted, at=at)
    if not counted.recipients:
        raise NotNow(_nobody_left(to, unreachable=len(owed)))
    _keep_the_pace(mailing, discarded)
    mailing.state = Mailing.State.PREPARED
    mailing.recipients_count = counted.recipients
    mailing.recipients_hash = counted.seal.hexdigest()
    mailing.problems = counted.listed()
    mailing.save(update_fields=["state", "recipients_count", "recipients_hash", "problems", *going.FIELDS])
    if counted.recipients >= WINDOW:
        with connection.cursor() as cursor:  # or the pages that follow would be planned for an empty table
            cursor.execute("ANALYZE notifications_recipient, notifications_readerlink")
    # What the log has to say comes last: its lock is held to the commit, and meanwhile nobody could even pause.
    if is_new:
        texts.record_frozen(version, by=by, at=at)
    for earlier in discarded:
        approvals.void(act="mail", thing=earlier, because="the recipients were prepared anew", by=by, at=at)
    audit.record(act="mailing.prepared", thing=mailing, by=by, at=at, incident=incident.pk, number=mailing.number,
                 text=version.sha256, recipients=mailing.recipients_hash, count=counted.recipients,
                 problems=counted.problems, unreachable=len(owed) - len(reachable),
                 whom=mailing.whom_words)  # fmt: skip
    return mailing


def _nobody_left(to: To, *, unreachable: int) -> str:
    if to.channel == Mailing.Channel.POST:
        return f"Nobody is left to write a letter to: {in_words(to)}, with a post address and no email address to try."
    if unreachable:
        return f"Nobody is left to be told this: of {in_words(to)} no one can be reached by email. Write letters."
    return f"Nobody is left to be told this: {in_words(to)}. Everyone of them has it already, or there is none."


def problem_count(mailing: Mailing) -> int:
    """All rows that cannot be composed; `mailing.problems` lists the first of them."""
    return sum(problem.get("more", 1) for problem in mailing.problems)


def recipients_hash(mailing: Mailing) -> str:
    """SHA-256 over the set in words and account, address and merge facts of every recipient, as they stand now."""
    seal = sealing.Seal(mailing)
    rows = mailing.recipients.order_by("affected_account", "pk").values_list(
        "affected_account", "account", "address__value", "address__kind", "merge"
    )
    for affected, account, address, kind, merge in rows.iterator(chunk_size=WINDOW):
        seal.add(affected=affected, account=account, address=address, kind=kind, merge=merge)
    return seal.hexdigest()


def _sequence(notice: Notice, *, again: bool = False) -> int:
    """A first notice is told once, whichever notice says it; each further follow-up or reminder has a number.

    again: one more round of a notice whose last one has started.
    """
    if notice.kind == Notice.Kind.FIRST:
        return 1
    mailings = Mailing.objects.of_sets().filter(incident=notice.incident_id)
    taken = mailings.filter(version__notice__kind=notice.kind).filter(
        Q(started_at__isnull=False) | Q(state=Mailing.State.PREPARED)
    )
    newest = taken.aggregate(newest=Max("sequence"))["newest"] or 0
    own = mailings.filter(version__notice=notice).order_by("-sequence", "-started_at").first()
    if own is None or (again and own.started_at):
        return newest + 1
    return own.sequence


# What was there before ------------------------------------------------------------------------------------------


def _discard_earlier(notice: Notice, sequence: int, to: To, *, at: datetime) -> list[Mailing]:
    """Mailings of this notice that never started, now cancelled; their approvals are still to be ended.

    Where either set is everyone, those of another notice of the kind as well: they would hold the same people.
    """
    same_people = Q(version__notice=notice) | Q(whom=Mailing.Whom.OWED)
    earlier = Mailing.objects.filter(
        incident=notice.incident_id, version__notice__kind=notice.kind, sequence=sequence, channel=to.channel,
        state=Mailing.State.PREPARED,
    )  # fmt: skip
    if to.whom != Mailing.Whom.OWED:
        earlier = earlier.filter(same_people)
    discarded = list(earlier.select_related("version").select_for_update(of=("self",), no_key=True))
    for mailing in discarded:
        with connection.cursor() as cursor:
            # Nothing of these was ever handed over. One taken over from a cancelled mailing may have been tried: kept.
            cursor.execute(
                """DELETE FROM notifications_recipient r WHERE mailing_id = %s AND state = 'prepared'
                   AND NOT EXISTS (SELECT FROM notifications_attempt WHERE recipient_id = r.id)
                   AND NOT EXISTS (SELECT FROM notifications_deliveryevent WHERE recipient_id = r.id)
                   AND NOT EXISTS (SELECT FROM notifications_recipient f WHERE f.follows_id = r.id)""",
                [mailing.pk],
            )
        mailing.recipients.filter(state=Recipient.State.PREPARED).update(state=Recipient.State.CANCELLED, state_at=at)
        mailing.state, mailing.paused_because = Mailing.State.CANCELLED, "prepared anew"
        mailing.finished_at = at
        mailing.save(update_fields=["state", "paused_because", "finished_at"])
    return discarded


def _keep_the_pace(mailing: Mailing, discarded: list[Mailing]) -> None:
    """Prepared again, it goes out as somebody had said before."""
    for earlier in discarded:
        if earlier.version.notice_id == mailing.version.notice_id:
            for name in going.FIELDS:
                setattr(mailing, name, getattr(earlier, name))


def _refuse_while_going_out(version: NoticeVersion) -> None:
    living = version.mailings.of_sets().filter(state__in=[Mailing.State.RUNNING, Mailing.State.PAUSED]).first()
    if living:
        raise NotNow(
            f"Mailing {living.number} of this text is not over. Let it finish or cancel it, then prepare again."
        )


# The mailing ----------------------------------------------------------------------------------------------------


def _new_mailing(version: NoticeVersion, sequence: int, to: To, *, by: User, at: datetime) -> Mailing:
    organisation = Organisation.get()
    incident = version.notice.incident
    through = _channel(incident, to)
    newest = Mailing.objects.filter(incident=incident).aggregate(newest=Max("number"))["newest"] or 0
    return Mailing.objects.create(
        incident=incident, number=newest + 1, version=version, sequence=sequence,
        sender=through.sender or organisation.sender, reply_to=organisation.reply_to, provider=through.name,
        prepared_by=by, prepared_at=at, channel=to.channel, whom=to.whom, whom_version=to.version,
        whom_step=to.step, whom_segment=to.segment, whom_words=in_words(to)[:300], evidence=to.evidence.strip(),
        recipients_hash_version=sealing.VERSION,
    )  # fmt: skip


def _channel(incident: Incident, to: To) -> providers.Channel:
    """What it goes through. Raises NotNow where that is not set up, or part of the breach."""
    try:
        through = providers.channel(to.provider) if to.provider else providers.first()
        if to.channel == Mailing.Channel.EMAIL and to.provider:
            providers.refuse_exposed(incident, sender=through.sender, provider=through.name)
    except (providers.NoSuchChannel, providers.Exposed) as no:
        raise NotNow(str(no)) from no
    return through
