"""The worker's part: each asked address gets one message a day and incident, whatever the truth is.

Who is on the list and was sent a notice gets that notice again; everyone else one of the approved texts. All of them
leave through lanes that come after every first notice.
"""

import logging
import uuid
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import Organisation
from incidents.models import Decision, Incident
from notifications import links, providers, resending
from notifications.inquiries import asking, facts, keys, truth
from notifications.inquiries.hearing import MARK
from notifications.models import Inquiry, InquiryAnswer, InquiryMail, InquiryOutbox, Recipient, SentAgain

logger = logging.getLogger(__name__)

ONE_ANSWERS = 0x494E5155  # advisory lock: two rows of one address must not be answered side by side
ONCE_IN = timedelta(days=1)
IN_A_DAY = 3  # messages to one mailbox about incidents of ours, however many there are
Outcome = Inquiry.Outcome
Case = InquiryAnswer.Case
State = InquiryAnswer.State


def take_up(*, limit: int = 500, at: datetime | None = None) -> int:
    """Answer what waits, the oldest first; how many rows were dealt with."""
    at = at or timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ONE_ANSWERS])
            if not cursor.fetchone()[0]:
                return 0
        desks = _desks()
        rows = Inquiry.objects.filter(outcome=Outcome.WAITING, incident__in=desks).order_by("pk")[:limit]
        return sum(_answer_alone(row, desks[row.incident_id], at) for row in rows)


class Desk:
    """What answers for one incident: its approved texts in use, by case."""

    def __init__(self, incident: Incident, answers: dict[str, InquiryAnswer]) -> None:
        self.incident, self.answers = incident, answers


def _desks() -> dict[int, Desk]:
    """Incidents that answer now: a whole set of texts is in use, none is paused, and nothing forbids it."""
    if not Organisation.get().inquiries_by_mail:
        return {}
    in_use: dict[int, dict[str, InquiryAnswer]] = {}
    waits = Inquiry.objects.filter(incident=OuterRef("incident"), outcome=Outcome.WAITING)
    rows = InquiryAnswer.objects.filter(Exists(waits), replaced_at=None, state=State.RUNNING)
    for answer in rows.select_related("incident", "version"):
        in_use.setdefault(answer.incident_id, {})[answer.case] = answer
    desks = {}
    for pk, answers in in_use.items():
        incident = next(iter(answers.values())).incident
        if len(answers) == len(Case) and may_answer(incident):
            desks[pk] = Desk(incident, answers)
    return desks


def may_answer(incident: Incident) -> bool:
    """Not while law enforcement asked us to wait, never from a drill, and not where it is switched off."""
    if not asking.has_form(incident) or not asking.is_on(incident):
        return False
    return not incident.decisions.standing().filter(kind=Decision.Kind.LAW_ENFORCEMENT_HOLD).exists()


def _answer_alone(inquiry: Inquiry, desk: Desk, at: datetime) -> int:
    """One that cannot be answered waits no longer than the others behind it."""
    try:
        with transaction.atomic():
            answer(inquiry, desk, at)
    except (ValueError, DatabaseError) as error:
        if isinstance(error, OperationalError | InterfaceError):
            raise
        logger.error("%s could not be answered: %s", inquiry, type(error).__name__)
        end(inquiry, Outcome.UNREADABLE, at)
    return 1


def answer(inquiry: Inquiry, desk: Desk, at: datetime) -> None:
    inquiry.incident = desk.incident
    if _was_answered(inquiry, at):
        end(inquiry, Outcome.LIMITED, at)
        return
    try:
        address_of(inquiry)
    except keys.CannotOpen as error:
        logger.error("%s: %s", inquiry, error)
        end(inquiry, Outcome.UNREADABLE, at)
        return
    found = truth.of(desk.incident, bytes(inquiry.lookup))
    case = found.case
    if found.affected and found.address:
        try:
            inquiry.recipient = again(found, at=at)
        except resending.TooSoon:
            end(inquiry, Outcome.LIMITED, at)  # their message of the day is that one
            return
        except resending.NotSentAgain:
            pass  # on the list, and no notice that may go: the text says so
        else:
            end(inquiry, Outcome.ANSWERED, at)
            return
    queue(inquiry, desk.answers[case], at=at)
    end(inquiry, Outcome.ANSWERED, at, keeps=case == Case.NOT_LISTED)


def again(found: truth.Truth, *, at: datetime) -> Recipient:
    """The notice once more. Raises resending.NotSentAgain."""
    assert found.affected is not None and found.address is not None
    with transaction.atomic():
        return resending.send_again(
            affected=found.affected, address=found.address, because=SentAgain.Because.INQUIRY, by=None, at=at
        )


def _was_answered(inquiry: Inquiry, at: datetime) -> bool:
    """About this incident within a day; or about any as often as a mailbox bears in a day."""
    earlier = Inquiry.objects.filter(
        lookup=inquiry.lookup, outcome=Outcome.ANSWERED, outcome_at__gt=at - ONCE_IN
    ).values_list("incident", flat=True)
    about = list(earlier)
    return inquiry.incident_id in about or len(about) >= IN_A_DAY


def address_of(inquiry: Inquiry) -> str:
    """Raises keys.CannotOpen."""
    if inquiry.sealed is None:
        raise keys.CannotOpen("it is forgotten")
    return keys.unseal(
        bytes(inquiry.sealed), key_id=inquiry.key_id, incident=inquiry.incident_id, lookup=bytes(inquiry.lookup)
    )


def queue(inquiry: Inquiry, answer: InquiryAnswer, *, at: datetime) -> InquiryMail:
    """The message of this text, with what is so now."""
    mail = InquiryMail.objects.create(
        mailing=answer, inquiry=inquiry, code=links.new_code(), merge=facts.of(inquiry, answer, at=at), state_at=at,
        message_id=f"{MARK}{uuid.uuid4().hex}@{providers.domain_of(answer.sender)}", made_at=at,
    )  # fmt: skip
    InquiryOutbox.objects.create(recipient=mail, mailing=answer, not_before=at)
    return mail


def end(inquiry: Inquiry, outcome: str, at: datetime, *, keeps: bool = False) -> None:
    """It is dealt with. Its address stays while its message is still to be handed over, or to write once more."""
    inquiry.outcome, inquiry.outcome_at = outcome, at
    inquiry.kept_until = facts.keeps_until(inquiry, at) if keeps else None
    if inquiry.kept_until is None and not inquiry.mails.filter(outbox__isnull=False).exists():
        inquiry.sealed = None
    inquiry.save(update_fields=["outcome", "outcome_at", "kept_until", "sealed", "recipient"])
