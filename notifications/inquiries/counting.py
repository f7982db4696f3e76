"""Numbers of inquiries, for staff and for the evidence. No address, and no keyed hash but in the evidence."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from incidents.models import Incident
from notifications.inquiries import later
from notifications.models import Inquiry, InquiryAnswer, InquiryMail, Recipient

Outcome = Inquiry.Outcome


@dataclass(frozen=True)
class Numbers:
    asked: int
    answered: int
    waiting: int
    limited: int
    unreadable: int
    waiting_since: datetime | None
    notice_again: int
    """Of those answered: by the notice itself, once more."""
    by_case: list[tuple[str, int]]
    states: list[tuple[str, int]]
    """Of the messages that said one of the texts."""
    hear_of_changes: int


def of(incident: Incident) -> Numbers:
    rows = Inquiry.objects.filter(incident=incident)
    by_outcome = dict(rows.order_by().values_list("outcome").annotate(Count("pk")))
    mails = InquiryMail.objects.filter(mailing__incident=incident).order_by()
    return Numbers(
        asked=sum(by_outcome.values()), answered=by_outcome.get(Outcome.ANSWERED, 0),
        waiting=by_outcome.get(Outcome.WAITING, 0), limited=by_outcome.get(Outcome.LIMITED, 0),
        unreadable=by_outcome.get(Outcome.UNREADABLE, 0),
        waiting_since=rows.filter(outcome=Outcome.WAITING).aggregate(since=Min("at"))["since"],
        notice_again=rows.filter(recipient__isnull=False).count(),
        by_case=[
            (InquiryAnswer.Case(case).label, count)
            for case, count in sorted(mails.values_list("mailing__case").annotate(Count("pk")))
        ],
        states=[
            (Recipient.State(state).label, count)
            for state, count in sorted(mails.values_list("state").annotate(Count("pk")))
        ],
        hear_of_changes=later.kept().filter(incident=incident).count(),
    )  # fmt: skip


def waiting(incident: Incident) -> int:
    return Inquiry.objects.filter(incident=incident, outcome=Outcome.WAITING).count()
