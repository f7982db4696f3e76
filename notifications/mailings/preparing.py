"""Who gets the message: picked, frozen, and every row composed dry before anybody is asked."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from psycopg.types.json import Jsonb

from accounts import approvals, audit
from accounts.models import Address, Organisation, User
from incidents.models import AffectedAccount, Decision, Incident
from notifications import composing, links, providers
from notifications.composing import CannotCompose
from notifications.mailings import going, sealing, texts, whom
from notifications.mailings.said_no import NotNow
from notifications.mailings.whom import To, in_words
from notifications.models import Mailing, Notice, NoticeVersion, Recipient

WINDOW = 2000  # rows
PROBLEMS_KEPT = 200
PREPARING_LOCK = 0x4D41494C  # advisory, with the incident's id beside it: one prepares at a time

# No message of this kind has come through to anybody with such a Recipient alone.
NOT_TOLD = [
    Recipient.State.BOUNCED, Recipient.State.FAILED, Recipient.State.UNCONFIRMED, Recipient.State.CANCELLED,
    Recipient.State.LETTER,
]  # fmt: skip


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
    owed = list(_with_address(incident, notice.kind, sequence, to).order_by("pk").values_list("pk", "address_id"))
    reachable = [(affected, address) for affected, address in owed if address]
    counted = _Counted(seal=sealing.Seal(mailing))
    for start in range(0, len(reachable), WINDOW):
        _freeze_window(mailing, dict(reachable[start : start + WINDOW]), counted, at=at)
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


def unreachable(mailing: Mailing) -> QuerySet[AffectedAccount]:
    """Accounts owed this notice for which no trusted email address is left: they need another channel."""
    if mailing.is_again:
        return AffectedAccount.objects.none()
    kind = mailing.version.notice.kind
    owed, address = _owed_and_address(mailing.incident, kind, mailing.sequence, To.of(mailing))
    # "None is there" can be answered for all of them at once; "which one" is asked for each.
    return owed.filter(~Exists(address)).select_related("account")


def recipients_hash(mailing: Mailing) -> str:
    """SHA-256 over the set in words and account, address and merge facts of every recipient, as they stand now."""
    seal = sealing.Seal(mailing)
    rows = mailing.recipients.order_by("affected_account", "pk").values_list(
        "affected_account", "account", "address__value", "address__kind", "merge"
    )
    for affected, account, address, kind, merge in rows.iterator(chunk_size=WINDOW):
        seal.add(affected=affected, account=account, address=address, kind=kind, merge=merge)
    return seal.hexdigest()


# Whom -----------------------------------------------------------------------------------------------------------


def _with_address(incident: Incident, kind: str, sequence: int, to: To) -> QuerySet[Any]:
    """The set without those who have this notice, each with the address it goes to as `address_id`; None: no such.

    By letter: the first post address of whoever has no email address left to try; the others are not in it.
    """
    owed, address = _owed_and_address(incident, kind, sequence, to)
    return owed.annotate(address_id=Subquery(address.values("pk")[:1]))


def _owed_and_address(incident: Incident, kind: str, sequence: int, to: To) -> tuple[QuerySet[Any], QuerySet[Address]]:
    """The set without those who have it, and for each of them the addresses left to try, in order."""
    sent = Recipient.objects.filter(incident=incident, kind=kind, sequence=sequence)
    has_it = sent.filter(affected_account=OuterRef("pk")).exclude(state__in=NOT_TOLD)
    owed = whom.everyone(incident, to).filter(~Exists(has_it)).filter(~silent(incident))
    tried = sent.filter(address=OuterRef("pk")).exclude(state=Recipient.State.CANCELLED)
    email = Address.objects.reachable().filter(~Exists(tried), account=OuterRef("account"))
    if to.channel == Mailing.Channel.EMAIL:
        return owed, email
    post = Address.objects.for_letters().filter(~Exists(tried), account=OuterRef("account"))
    return owed.filter(~Exists(email)), post


def silent(incident: Incident) -> Q | Exists:
    """Condition on AffectedAccount: by standing Decision, or as a group nobody writes to, not to be told.

    Somebody who is in another Segment as well is told: a missed notice is worse than one too many.
    """
    not_contacted = incident.decisions.standing().filter(kind=Decision.Kind.DO_NOT_CONTACT)
    segments = set(not_contacted.values_list("segment", flat=True))
    if None in segments:
        return Q(pk__isnull=False)
    segments |= set(incident.segments.filter(receives_notice=False).values_list("pk", flat=True))
    member = AffectedAccount.segments.through.objects.filter(affectedaccount=OuterRef("pk"))
    return Q(Exists(member.filter(segment__in=segments))) & ~Q(Exists(member.exclude(segment__in=segments)))


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


# Freezing it ----------------------------------------------------------------------------------------------------


@dataclass
class _Counted:
    recipients: int = 0
    problems: int = 0
    kept: list[dict] = field(default_factory=list)
    seal: sealing.Seal = field(kw_only=True)

    def problem(self, recipient: Recipient, error: CannotCompose) -> None:
        self.problems += 1
        if len(self.kept) < PROBLEMS_KEPT:
            self.kept.append({
                "recipient": recipient.pk, "account": str(recipient.account), "variable": error.variable,
                "words": str(error),
            })  # fmt: skip

    def listed(self) -> list[dict]:
        left = self.problems - len(self.kept)
        return [*self.kept, {"more": left}] if left else self.kept


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


def _freeze_window(mailing: Mailing, chosen: dict[int, int], counted: _Counted, *, at: datetime) -> None:
    """chosen: address id by affected account's id, in order."""
    rows = AffectedAccount.objects.select_related("account").prefetch_related("segments").in_bulk(chosen)
    window = [rows[affected] for affected in chosen]
    addresses = Address.objects.in_bulk(chosen.values())
    pairs = [(affected, addresses[chosen[affected.pk]]) for affected in window]
    reader_links = links.make_links(pairs, at=at)
    codes = links.new_codes(len(pairs))
    cancelled = _cancelled_before(mailing, window)
    new: list[Recipient] = []
    again: list[Recipient] = []
    for (affected, address), code in zip(pairs, codes, strict=True):
        recipient = cancelled.get((affected.account_id, address.pk))
        if recipient:
            again.append(recipient)
        else:
            recipient = _new_recipient(mailing, code)
            new.append(recipient)
        recipient.mailing, recipient.account, recipient.affected_account = mailing, affected.account, affected
        recipient.address, recipient.link = address, reader_links[affected.pk, address.pk]
        recipient.merge = composing.merge_facts(affected, mailing.version, address=address)
        recipient.state, recipient.state_at, recipient.reason = Recipient.State.PREPARED, at, ""
        recipient.merge_seal = sealing.merge_seal(recipient.merge)
        counted.seal.add(affected=affected.pk, account=affected.account_id, address=address.value, kind=address.kind,
                         merge=recipient.merge)  # fmt: skip
    Recipient.objects.bulk_create(new, batch_size=WINDOW)
    _take_over(mailing, again, at=at)
    counted.recipients += len(pairs)
    _compose_dry([*new, *again], counted)


def _cancelled_before(mailing: Mailing, window: list[AffectedAccount]) -> dict[tuple[int, int | None], Recipient]:
    """Recipients of a cancelled mailing who were never told: taken over, since each stands in the ledger once."""
    rows = Recipient.objects.filter(
        incident=mailing.incident, affected_account__in=window, kind=mailing.version.notice.kind,
        sequence=mailing.sequence, state=Recipient.State.CANCELLED, again=0,
    )  # fmt: skip
    return {(row.account_id, row.address_id): row for row in rows}


def _take_over(mailing: Mailing, recipients: list[Recipient], *, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE notifications_recipient r
               SET mailing_id = %s, state = %s, state_at = %s, reason = '', link_id = v.link, merge = v.merge,
                 merge_seal = v.seal
               FROM unnest(%s::bigint[], %s::bigint[], %s::jsonb[], %s::bytea[]) AS v (id, link, merge, seal)
               WHERE r.id = v.id""",
            [
                mailing.pk,
                Recipient.State.PREPARED,
                at,
                [recipient.pk for recipient in recipients],
                [recipient.link_id for recipient in recipients],
                [Jsonb(recipient.merge) for recipient in recipients],
                [recipient.merge_seal for recipient in recipients],
            ],
        )


def _new_recipient(mailing: Mailing, code: str) -> Recipient:
    return Recipient(
        incident=mailing.incident, kind=mailing.version.notice.kind, sequence=mailing.sequence, code=code,
        channel=mailing.channel, message_id=texts.message_id(mailing.sender),
    )  # fmt: skip


def _compose_dry(recipients: list[Recipient], counted: _Counted) -> None:
    for recipient in recipients:
        try:
            composing.compose(recipient)
        except CannotCompose as error:
            counted.problem(recipient, error)
