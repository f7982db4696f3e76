"""One person gets a notice once more: the text approved for them already, through the same protocol and ledger.

Each is a Recipient of its own, in a standing mailing of the version (`Mailing.Whom.AGAIN`), so that the sums of the
mailing that told them first stay true. Nobody approves it anew: version and facts are those of the first message.
docs/decisions/0009-sent-again.md says why.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Case, F, Max, Q, QuerySet, Value, When

from accounts import audit
from accounts.models import Address, Organisation, User
from incidents.models import AffectedAccount, Decision
from notifications import links, mailing_states, providers
from notifications.mailings import going
from notifications.mailings.owing import silent
from notifications.mailings.preparing import PREPARING_LOCK
from notifications.mailings.texts import message_id
from notifications.models import Mailing, Notice, NoticeVersion, Outbox, Recipient, Retention, SentAgain

State = Recipient.State
Because = SentAgain.Because

ONCE_IN = timedelta(days=1)
"""One address gets no second message on request sooner than this, whoever asks."""
NEVER_SENT = [State.PREPARED, State.CANCELLED]


class NotSentAgain(Exception):
    """Nothing was queued: the message says why, to staff. One of those below."""


class NothingToSend(NotSentAgain):
    """No approved notice of this incident that is still right for them ever went to this account."""


class TooSoon(NotSentAgain):
    """This address was sent one on request within a day."""


class Held(NotSentAgain):
    """It may not be sent now: a decision stands against it, the address must not be used, the channel is exposed."""


@transaction.atomic
def send_again(
    *, affected: AffectedAccount, address: Address, because: str, by: User | None, at: datetime
) -> Recipient:
    """Queue the newest notice approved for this account to one of its addresses; dispatch sends it after first notices.

    by: None is the system, on a reader's word; then no entry of the log is written, the row itself says it.
    Raises NothingToSend, TooSoon or Held. The stop of everything does not refuse it: it waits like all the rest.
    """
    address = Address.objects.select_for_update(of=("self",), no_key=True).get(pk=address.pk)
    _refuse_held(affected, address)
    original = last_approved(affected)
    if original is None:
        raise NothingToSend("No notice that is still right for this account was ever sent to it.")
    corrected = mailing_states.correction_of(original.mailing.version)
    if corrected:
        raise Held(
            f"The text that was approved for them was corrected by mailing {corrected.number}. Mend the notice and "
            "prepare it for whoever is left."
        )
    earlier = SentAgain.objects.filter(recipient__address=address, recipient__incident=affected.incident_id)
    if earlier.filter(at__gt=at - ONCE_IN).exists():
        raise TooSoon("This address was sent a notice on request within the last day.")
    mailing = _standing(original, at=at)
    recipient = _queued(original, address, mailing, at=at)
    SentAgain.objects.create(recipient=recipient, original=original, because=because, by=by, at=at)
    if by is not None:
        audit.record(act="notice.sent_again", thing=recipient, by=by, at=at, incident=affected.incident_id,
                     account=affected.account_id, because=str(because), mailing=mailing.pk)  # fmt: skip
    return recipient


def last_approved(affected: AffectedAccount) -> Recipient | None:
    """The row of the newest message approved for this account that still holds for it; None where there is none.

    An all-clear only while they are ruled out, anything else only while they are not; a reminder only where there is
    nothing else, and what a cancelled mailing said only where nothing else was said.
    """
    rows = _approved(affected)
    is_clear = affected.certainty == AffectedAccount.Certainty.RULED_OUT
    right = Q(kind=Notice.Kind.ALL_CLEAR) if is_clear else ~Q(kind=Notice.Kind.ALL_CLEAR)
    weaker = Case(
        When(mailing__state=Mailing.State.CANCELLED, then=Value(2)),
        When(kind=Notice.Kind.REMINDER, then=Value(1)),
        default=Value(0),
    )
    return rows.filter(right).order_by(weaker, "-mailing__started_at", "-pk").first()


def _approved(affected: AffectedAccount) -> QuerySet[Recipient]:
    """Its rows in mailings that were approved and started, as they were frozen; not those recorded by hand."""
    rows = Recipient.objects.filter(affected_account=affected, again=0, address__isnull=False).exclude(
        state__in=NEVER_SENT
    )
    return rows.filter(mailing__started_at__isnull=False).select_related("mailing__version__notice")


def _refuse_held(affected: AffectedAccount, address: Address) -> None:
    incident = affected.incident
    if address.account_id != affected.account_id or not address.is_reachable:
        raise Held("This address is not one of theirs that may be written to. Correct it, or choose another one.")
    if incident.drill:
        raise Held("This is a drill: its messages never leave the house.")
    if Retention.objects.begun().filter(pk=incident.pk).exists():
        raise Held("The people of this incident are forgotten: what the message said of them is gone.")
    if incident.decisions.standing().filter(kind=Decision.Kind.LAW_ENFORCEMENT_HOLD).exists():
        raise Held("Law enforcement asked us to wait, and that decision stands.")
    if AffectedAccount.objects.filter(silent(incident), pk=affected.pk).exists():
        raise Held("By a decision that stands nobody writes to this group.")


def _standing(original: Recipient, *, at: datetime) -> Mailing:
    """The mailing that gathers what is sent again of this version, locked; made where there is none yet."""
    channel, sender = _channel(original)
    found = _of_version(original.mailing.version, channel, sender)
    if found is None:
        with connection.cursor() as cursor:  # numbers are given, and the one mailing is made, by one at a time
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [PREPARING_LOCK, original.incident_id])
        found = _of_version(original.mailing.version, channel, sender) or _made(original, channel, sender, at=at)
    return Mailing.objects.select_for_update(of=("self",), no_key=True).get(pk=found.pk)


def _of_version(version: NoticeVersion, channel: providers.Channel, sender: str) -> Mailing | None:
    rows = version.mailings.filter(whom=Mailing.Whom.AGAIN, provider=channel.name, sender=sender)
    return rows.exclude(state=Mailing.State.CANCELLED).order_by("pk").first()


def _made(original: Recipient, channel: providers.Channel, sender: str, *, at: datetime) -> Mailing:
    newest = Mailing.objects.filter(incident=original.incident_id).aggregate(newest=Max("number"))["newest"] or 0
    mailing = Mailing(
        incident_id=original.incident_id, number=newest + 1, version=original.mailing.version,
        sequence=original.sequence, whom=Mailing.Whom.AGAIN, state=Mailing.State.FINISHED, provider=channel.name,
        sender=sender, reply_to=Organisation.get().reply_to, approval=original.mailing.approval, prepared_at=at,
        started_at=at, judged_from=at, finished_at=at,
        whom_words=f"those of whom each asked for it once more, as approved for mailing {original.mailing.number}",
    )  # fmt: skip
    mailing.save()
    audit.record(act="mailing.again_opened", thing=mailing, by=None, at=at, incident=original.incident_id,
                 number=mailing.number, text=mailing.version.sha256, approval=mailing.approval_id,
                 how=going.how_of(mailing))  # fmt: skip
    return mailing


def _channel(original: Recipient) -> tuple[providers.Channel, str]:
    """(channel, From): the first that is set up and not part of the breach. Raises Held."""
    reasons = []
    for channel in providers.all_channels():
        sender = channel.sender or Organisation.get().sender
        try:
            providers.refuse_exposed(original.incident, sender=sender, provider=channel.name)
        except providers.Exposed as exposed:
            reasons.append(str(exposed))
        else:
            return channel, sender
    raise Held(reasons[0])


def _queued(original: Recipient, address: Address, mailing: Mailing, *, at: datetime) -> Recipient:
    affected = original.affected_account
    earlier = Recipient.objects.filter(
        incident=original.incident_id, account=original.account_id, address=address, kind=original.kind,
        sequence=original.sequence,
    )  # fmt: skip
    nth = (earlier.aggregate(newest=Max("again"))["newest"] or 0) + 1
    link = links.make_links([(affected, address)], at=at)[affected.pk, address.pk]
    recipient = Recipient.objects.create(
        incident_id=original.incident_id, mailing=mailing, affected_account=affected, account_id=original.account_id,
        address=address, link=link, kind=original.kind, sequence=original.sequence, again=nth, code=links.new_code(),
        merge=original.merge, merge_seal=original.merge_seal, state=State.QUEUED, state_at=at,
        message_id=message_id(mailing.sender),
    )  # fmt: skip
    Outbox.objects.create(recipient=recipient, mailing=mailing)
    Mailing.objects.filter(pk=mailing.pk).update(
        recipients_count=F("recipients_count") + 1,
        state=Case(When(state=Mailing.State.FINISHED, then=Value(Mailing.State.RUNNING)), default=F("state")),
        finished_at=None,
    )
    return recipient
