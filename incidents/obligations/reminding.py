"""Staff are reminded by mail that a legal clock runs out: once for each mark, and nothing about the incident in it.

The row is written with the mail, so that no ring is doubled and none is lost; a mail server that is away is tried
again.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import audit
from accounts.adapters import MAIL_IS_AWAY, absolute
from accounts.models import Organisation, User
from incidents.models import Incident, Obligation, ObligationReminder
from incidents.obligations.standing import Clock

logger = logging.getLogger(__name__)

MARKS = {
    "passed": timedelta(0), "1 hour": timedelta(hours=1), "4 hours": timedelta(hours=4), "1 day": timedelta(days=1),
    "2 days": timedelta(days=2), "7 days": timedelta(days=7),
}  # fmt: skip
"""Nearest first. Of several that were missed only the nearest is told."""

Read = Callable[[Incident], list[Clock]]


def remind(read: Read, *, at: datetime) -> int:
    """Beat's: every clock that came to a mark; how many reminders. read: the clocks of an incident."""
    incidents = Incident.objects.filter(obligations__isnull=False).distinct()
    return sum(_remind(clock, at=at) for incident in incidents for clock in read(incident) if clock.runs)


def mark_of(clock: Clock, *, at: datetime) -> str | None:
    """The mark that the clock has come to; None before the first. A mark as long as the term itself is none."""
    if clock.due_at is None or clock.started_at is None:
        return None
    term = clock.due_at - clock.started_at
    return next((mark for mark, left in MARKS.items() if left < term and clock.due_at - at <= left), None)


@transaction.atomic
def _remind(clock: Clock, *, at: datetime) -> bool:
    mark = mark_of(clock, at=at)
    if mark is None or clock.due_at is None:
        return False
    Obligation.objects.select_for_update(no_key=True).get(pk=clock.obligation.pk)  # beat may ring twice at once
    names = list(MARKS)
    nearer = names[: names.index(mark) + 1]
    told = ObligationReminder.objects.filter(obligation=clock.obligation, due_at=clock.due_at, mark__in=nearer)
    if told.exists():
        return False
    who = User.objects.filter(is_staff=True, is_active=True).order_by("pk")
    deciding = [user for user in who if user.has_perm("accounts.decide")]
    taken = [_mail(clock, user, mark=mark) for user in deciding]
    if not any(taken):
        return False  # nobody to tell, or the mail server is away: the next tick tries again
    ObligationReminder.objects.create(obligation=clock.obligation, mark=mark, due_at=clock.due_at, mailed_at=at)
    audit.record(act="obligation.reminded", thing=clock.obligation, by=None, at=at,
                 incident=clock.obligation.incident_id, rule=clock.rule.key, words=mark)  # fmt: skip
    return True


def _mail(clock: Clock, user: User, *, mark: str) -> bool:
    """Whether the mail server took it."""
    organisation, incident = Organisation.get(), clock.obligation.incident
    words = {
        "organisation": organisation, "clock": clock, "mark": mark, "drill": incident.drill,
        "link": absolute(reverse("incidents:index")),
    }  # fmt: skip
    subject = "a legal deadline has passed" if mark == "passed" else f"a legal deadline ends in less than {mark}"
    message = EmailMessage(
        subject=f"{'Drill. ' if incident.drill else ''}{organisation.name}: {subject}",
        body=render_to_string("incidents/email/deadline.txt", words),
        from_email=organisation.sender, to=[user.email],
    )  # fmt: skip
    try:
        message.send()
    except MAIL_IS_AWAY:
        logger.error("A reminder of obligation %s could not be mailed to user %s", clock.obligation.pk, user.pk)
        return False
    return True
