"""After the answer: who wanted to hear of a change is written to once more, and addresses are forgotten in time."""

from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from incidents.models import AffectedAccount, Incident
from notifications.inquiries import answering, facts, truth
from notifications.models import Inquiry, InquiryAnswer, InquiryOutbox, Recipient

State = Recipient.State
Case = InquiryAnswer.Case

NOT_REACHED = [State.BOUNCED, State.FAILED, State.UNCONFIRMED, State.CANCELLED, State.LETTER, State.PREPARED]
AT_ONCE = 5000
"""Rows of one look. Who is not on the list comes back in the next one, in turn."""


def tell_of_changes(*, limit: int = 500, at: datetime | None = None) -> int:
    """Write to whoever asked to hear of it and is on the list now; how many addresses were dealt with.

    Whom an ordinary notice reaches at this address is told by that. Whose account was not written to yet waits for it.
    """
    at = at or timezone.now()
    done = 0
    for inquiry in _now_listed()[:limit]:
        found = truth.of(inquiry.incident, bytes(inquiry.lookup))
        if found.case == Case.ELSEWHERE:
            _stop_keeping(inquiry)
        elif found.affected is None or found.address is None or not _was_written_to(found.affected):
            continue
        elif _is_reached_at(found):
            _stop_keeping(inquiry)
        elif not _say_that_it_changed(inquiry, at):
            continue
        done += 1
    return done


def _now_listed() -> QuerySet[Inquiry]:
    listed = AffectedAccount.objects.owed_a_notice().filter(
        incident=OuterRef("incident"), account__addresses__lookup=OuterRef("lookup"),
        account__addresses__withdrawn_at=None,
    )  # fmt: skip
    return kept().filter(Exists(listed)).select_related("incident").order_by("pk")


def kept() -> QuerySet[Inquiry]:
    """Whose address is kept to write once more."""
    return Inquiry.objects.filter(sealed__isnull=False, kept_until__isnull=False).exclude(
        outcome=Inquiry.Outcome.WAITING
    )


def _was_written_to(affected: AffectedAccount) -> bool:
    return Recipient.objects.filter(affected_account=affected).exclude(state=State.PREPARED).exists()


def _is_reached_at(found: truth.Truth) -> bool:
    rows = Recipient.objects.filter(affected_account=found.affected, address__lookup=found.address.lookup)  # type: ignore[union-attr]
    return rows.exclude(state__in=NOT_REACHED).exists()


def _say_that_it_changed(inquiry: Inquiry, at: datetime) -> bool:
    """Whether it was queued: not while answers are held, or another message of the day went there."""
    answer = InquiryAnswer.objects.filter(
        incident=inquiry.incident_id, case=Case.CHANGED, replaced_at=None, state=InquiryAnswer.State.RUNNING
    ).select_related("version")
    text = answer.first()
    if text is None or not answering.may_answer(inquiry.incident):
        return False
    answering.queue(inquiry, text, at=at)
    _stop_keeping(inquiry)
    return True


def _stop_keeping(inquiry: Inquiry) -> None:
    """What is still to be handed over keeps its address until then: see `forget`."""
    Inquiry.objects.filter(pk=inquiry.pk).update(kept_until=None)


# Forgetting -------------------------------------------------------------------------------------------------------


def forget(*, at: datetime | None = None) -> int:
    """Addresses that nobody needs any more, and inquiries whose time is over; how many addresses are gone."""
    at = at or timezone.now()
    _end_where_final()
    kept().filter(kept_until__lte=at).update(kept_until=None)
    to_go = InquiryOutbox.objects.filter(recipient__inquiry=OuterRef("pk"))
    over = Inquiry.objects.filter(sealed__isnull=False, kept_until=None).exclude(outcome=Inquiry.Outcome.WAITING)
    ids = list(over.filter(~Exists(to_go)).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    Inquiry.objects.filter(pk__in=ids).update(sealed=None)
    old = Inquiry.objects.filter(at__lte=at - settings.INQUIRY_KEPT_FOR).order_by("pk")
    Inquiry.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:AT_ONCE])).delete()
    return len(ids)


def _end_where_final() -> None:
    for incident in Incident.objects.filter(pk__in=kept().values("incident").distinct()):
        if facts.is_final(incident):
            kept().filter(incident=incident).update(kept_until=None)


def forget_address(lookup: bytes) -> int:
    """On request: nobody is written to once more, and what waits for an answer is gone; how many rows it touched."""
    return _forget(Inquiry.objects.filter(lookup=lookup))


def forget_incident(incident: Incident) -> int:
    """Its people are forgotten, so that no inquiry about it can be answered any more; how many rows it touched."""
    return _forget(Inquiry.objects.filter(incident=incident))


def _forget(rows: QuerySet[Inquiry]) -> int:
    waiting = rows.filter(outcome=Inquiry.Outcome.WAITING).delete()[0]
    InquiryOutbox.objects.filter(Q(recipient__inquiry__in=rows), state="ready").delete()
    return waiting + rows.filter(sealed__isnull=False).update(sealed=None, kept_until=None)
