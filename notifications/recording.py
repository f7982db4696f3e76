"""A letter, a call or a meeting that told somebody: on record, it closes an account that no message reached."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from incidents.models import AffectedAccount
from notifications import links, telling
from notifications.mailings.texts import message_id
from notifications.models import Mailing, Notice, Recipient, RecordWithdrawal


class CannotRecord(Exception):
    """Nothing was recorded: the message says why, and what to do."""


def record(affected: AffectedAccount, *, channel: str, at: datetime, person: str, proof: str, by: User) -> Recipient:
    """The account counts as told from now on, and the page is told how far telling has come.

    at: when it was. person: who of us did it; proof: what shows it. Neither names anybody of theirs, since both
    stand in the evidence. The same again is the one there is. Raises CannotRecord.
    """
    recipient = put(affected, channel=channel, at=at, person=person, proof=proof, by=by)
    telling.push(affected.incident)
    return recipient


def put(affected: AffectedAccount, *, channel: str, at: datetime, person: str, proof: str, by: User) -> Recipient:
    """`record` without telling the page, which whoever records many does once."""
    return _recorded(affected, channel=channel, at=at, said=f"{person.strip()}: {proof.strip()}", by=by)


@transaction.atomic
def _recorded(affected: AffectedAccount, *, channel: str, at: datetime, said: str, by: User) -> Recipient:
    # Locked, so that of two clicks the second finds what the first has made.
    rows = AffectedAccount.objects.select_for_update(of=("self",), no_key=True).select_related("account")
    affected = rows.get(pk=affected.pk)
    _refuse(affected, channel=channel, at=at, said=said)
    same = affected.recipients.filter(channel=channel, state_at=at, recorded_proof=said).first()
    if same:
        return same
    recipient = _posted(affected, at=at, said=said) if channel == Recipient.Channel.POST else None
    if recipient is None:
        mailing, kind, sequence = _counted_under(affected)
        recipient = Recipient.objects.create(
            incident_id=affected.incident_id, mailing=mailing, affected_account=affected, account=affected.account,
            channel=channel, kind=kind, sequence=sequence, code=links.new_code(), state=Recipient.State.DELIVERED,
            state_at=at, message_id=message_id(mailing.sender), recorded_proof=said,
        )  # fmt: skip
    audit.record(act="recipient.recorded", thing=recipient, by=by, incident=affected.incident_id, channel=channel,
                 account=affected.account_id, mailing=recipient.mailing_id, was_at=at.isoformat())  # fmt: skip
    return recipient


def _posted(affected: AffectedAccount, *, at: datetime, said: str) -> Recipient | None:
    """The letter of a mailing that waited for this record; None where none does."""
    waiting = affected.recipients.filter(state=Recipient.State.LETTER).select_related("mailing")
    letter = waiting.order_by("-mailing__number", "pk").first()
    if letter is not None:
        started = letter.mailing.started_at
        if started and at < started.replace(second=0, microsecond=0):  # forms know minutes
            raise CannotRecord(
                f"The mailing of this letter began on {started:%d %B %Y at %H:%M} UTC, so it was not posted before. "
                "Check the day."
            )
        letter.state, letter.state_at, letter.recorded_proof = Recipient.State.DELIVERED, at, said
        letter.save(update_fields=["state", "state_at", "recorded_proof"])
    return letter


def take_back(recipient: Recipient, *, because: str, by: User) -> RecordWithdrawal:
    """A record that was wrong counts no more; how it stood is kept with the reason. Raises CannotRecord.

    The letter of a mailing waits for a record again.
    """
    withdrawal = _taken_back(recipient, because=because, by=by)
    telling.push(recipient.incident)
    return withdrawal


@transaction.atomic
def _taken_back(recipient: Recipient, *, because: str, by: User) -> RecordWithdrawal:
    recipient = Recipient.objects.select_for_update(of=("self",), no_key=True).get(pk=recipient.pk)
    if recipient.channel == Recipient.Channel.EMAIL or not recipient.recorded_proof:
        raise CannotRecord("There is no record here that could be taken back.")
    withdrawal = RecordWithdrawal.objects.create(
        recipient=recipient, was_at=recipient.state_at, was_proof=recipient.recorded_proof, because=because, by=by
    )
    waits_again = recipient.channel == Recipient.Channel.POST and recipient.address_id is not None
    recipient.state = Recipient.State.LETTER if waits_again else Recipient.State.CANCELLED
    recipient.reason = "" if waits_again else "The record was taken back"
    recipient.state_at, recipient.recorded_proof = timezone.now(), ""
    recipient.save(update_fields=["state", "state_at", "reason", "recorded_proof"])
    audit.record(act="recipient.record_taken_back", thing=recipient, by=by, incident=recipient.incident_id,
                 account=recipient.account_id, withdrawal=withdrawal.pk, channel=recipient.channel,
                 because=because)  # fmt: skip
    return withdrawal


def _refuse(affected: AffectedAccount, *, channel: str, at: datetime, said: str) -> None:
    if affected.certainty == AffectedAccount.Certainty.RULED_OUT:
        raise CannotRecord("This account was ruled out: no notice is owed to it. Nothing was recorded.")
    if channel == Recipient.Channel.EMAIL or channel not in Recipient.Channel.values:
        raise CannotRecord("Only a letter, a call or a meeting is recorded by hand. Nothing was recorded.")
    if at > timezone.now():
        raise CannotRecord("This moment has not come yet. Record it once it has happened.")
    person, _, proof = said.partition(": ")
    if not person or not proof:
        raise CannotRecord("Say who did it and what shows it: without both it proves nothing.")


def _counted_under(affected: AffectedAccount) -> tuple[Mailing, str, int]:
    """(mailing, kind, sequence) of the latest notice this account was, or could not be, written to about.

    An all-clear tells nobody of a breach. What has not started is no telling, and its recipients are approved as
    they stand.
    """
    started = Mailing.objects.of_sets().filter(incident=affected.incident_id, started_at__isnull=False)
    started = started.exclude(version__notice__kind=Notice.Kind.ALL_CLEAR).order_by("-number")
    own = started.filter(recipients__affected_account=affected)
    mailing = own.first() or started.first()
    if mailing is None:
        raise CannotRecord(
            "No notice of this incident has been sent yet, so there is none that this could stand for. Start the"
            " mailing to those who can be reached, then record this."
        )
    return mailing, mailing.version.notice.kind, mailing.sequence
