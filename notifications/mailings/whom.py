"""The sets a mailing can go to: as a query, and in the words that are approved with it."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from incidents.models import AffectedAccount, Incident, Segment, Step, StepState
from notifications import telling
from notifications.mailings.said_no import NotNow
from notifications.models import Mailing, Notice, NoticeVersion, Recipient

Whom = Mailing.Whom
Channel = Mailing.Channel
Kind = Notice.Kind

# What each kind of notice may go to; the first is proposed.
ALLOWED = {
    Kind.FIRST: [Whom.OWED, Whom.SEGMENT, Whom.UNREACHED],
    Kind.FOLLOW_UP: [Whom.TOLD, Whom.OWED, Whom.VERSION, Whom.STEP, Whom.SEGMENT, Whom.UNREACHED],
    Kind.REMINDER: [Whom.STEP, Whom.TOLD, Whom.SEGMENT],
    Kind.CORRECTION: [Whom.VERSION, Whom.TOLD, Whom.SEGMENT],
    Kind.ALL_CLEAR: [Whom.RULED_OUT],
}
# Whoever may have our words before them. An unknown message may have arrived, so its correction is owed, too.
MAY_HAVE_IT = [
    Recipient.State.SENDING, Recipient.State.ACCEPTED, Recipient.State.DELIVERED, Recipient.State.UNKNOWN,
    Recipient.State.UNCONFIRMED,
]  # fmt: skip


@dataclass(frozen=True)
class To:
    """A choice of set. version, step, segment: for the sets that need one; evidence: for an all-clear;
    provider: the name of a channel, the usual one where none is said.

    again: a new round: whoever has this notice from an earlier round gets it once more.
    """

    whom: str = ""
    version: NoticeVersion | None = None
    step: Step | None = None
    segment: Segment | None = None
    channel: str = Channel.EMAIL
    provider: str = ""
    evidence: str = ""
    again: bool = False

    @classmethod
    def of(cls, mailing: Mailing) -> "To":
        return cls(
            whom=mailing.whom, version=mailing.whom_version, step=mailing.whom_step, segment=mailing.whom_segment,
            channel=mailing.channel, evidence=mailing.evidence, provider=mailing.provider,
        )  # fmt: skip


def everyone(incident: Incident, to: To) -> QuerySet[AffectedAccount]:
    """The accounts of the set, whether or not they have this notice already."""
    affected = AffectedAccount.objects.filter(incident=incident)
    owed = affected.owed_a_notice()
    match to.whom:
        case Whom.TOLD:
            return owed.filter(told(incident))
        case Whom.VERSION:
            return owed.filter(Exists(_recipients(incident).filter(mailing__version=to.version)))
        case Whom.STEP:
            return owed.filter(told(incident)).filter(_has_open(to.step))
        case Whom.SEGMENT:
            return owed.filter(Exists(_members(to.segment)))
        case Whom.UNREACHED:
            return owed.filter(telling.having(incident, "unreached"))
        case Whom.RULED_OUT:
            return affected.filter(told(incident), certainty=AffectedAccount.Certainty.RULED_OUT)
        case _:
            return owed


def in_words(to: To) -> str:
    """As approvers read it, and as it goes into recipients_hash."""
    words = {
        Whom.OWED: "everyone owed a notice who does not have this one yet",
        Whom.TOLD: "everyone who was told",
        Whom.VERSION: f"those who were told version {to.version and to.version.number} of “{_notice(to)}”",
        Whom.STEP: f"those who were told and have the step “{to.step}” open",
        Whom.SEGMENT: f"those in the segment “{to.segment}”",
        Whom.UNREACHED: "those whom nothing has reached so far",
        Whom.RULED_OUT: "those ruled out after they were told",
        Whom.AGAIN: "those who asked for it once more, one by one",
    }[Whom(to.whom)]
    return words + (", by letter" if to.channel == Channel.POST else "")


def refuse_what_makes_no_sense(notice: Notice, to: To) -> None:
    """Raises NotNow for a set this kind of notice cannot go to, or one that does not say which."""
    if to.whom not in ALLOWED[Kind(notice.kind)]:
        raise NotNow(f"{notice.get_kind_display()}s do not go to this set. Choose another one.")
    needed = {Whom.VERSION: to.version, Whom.STEP: to.step, Whom.SEGMENT: to.segment}
    if to.whom in needed and needed[Whom(to.whom)] is None:
        raise NotNow(f"Say which {to.whom} you mean.")
    refuse_while_it_still_goes_out(notice, to)
    if notice.kind == Kind.ALL_CLEAR and not to.evidence.strip():
        raise NotNow("An all-clear needs evidence: say what shows that they were not affected.")


def refuse_while_it_still_goes_out(notice: Notice, to: To) -> None:
    """Whoever got the text after the set of its correction was frozen would never be corrected. Raises NotNow.

    Where no version is named, it corrects whatever was said; letters that wait would be posted with the wrong words.
    """
    if notice.kind != Kind.CORRECTION:
        return
    wrong = Mailing.objects.filter(incident=notice.incident_id)
    if to.version:
        wrong = wrong.filter(version=to.version)
    else:
        wrong = wrong.exclude(version__notice__kind__in=[Kind.CORRECTION, Kind.ALL_CLEAR])
    letters = Recipient.objects.filter(mailing=OuterRef("pk"), state=Recipient.State.LETTER)
    going_out = wrong.filter(Q(state__in=[Mailing.State.RUNNING, Mailing.State.PAUSED]) | Exists(letters)).first()
    if going_out:
        raise NotNow(f"Mailing {going_out.number} still sends what you correct. Cancel the rest of it first.")


def told(incident: Incident) -> Q:
    """Condition on AffectedAccount: some notice of the breach may be in their hands."""
    by_hand = ~Q(channel=Recipient.Channel.EMAIL) & ~Q(recorded_proof="")
    recipients = Recipient.objects.filter(incident=incident, affected_account=OuterRef("pk"))
    has_it = recipients.exclude(kind=Kind.ALL_CLEAR).filter(Q(state__in=MAY_HAVE_IT) | by_hand)
    return Q(Exists(has_it)) | Q(acknowledged_at__isnull=False)


def _recipients(incident: Incident) -> QuerySet[Recipient]:
    return Recipient.objects.filter(incident=incident, affected_account=OuterRef("pk"), state__in=MAY_HAVE_IT)


def _has_open(step: Step | None) -> Q:
    """The step concerns the account, and neither they nor we have done it."""
    assert step is not None
    done = StepState.objects.filter(step=step, affected_account=OuterRef("pk")).exclude(state=StepState.State.OPEN)
    concerns = Q(Exists(_members(step.segment))) if step.segment_id else Q()
    return concerns & ~Q(Exists(done))


def _members(segment: Segment | None) -> QuerySet:
    return AffectedAccount.segments.through.objects.filter(affectedaccount=OuterRef("pk"), segment=segment)


def _notice(to: To) -> str:
    return to.version.notice.name if to.version else ""
