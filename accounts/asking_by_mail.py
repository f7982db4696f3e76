"""Whoever may say yes hears by mail that a yes is wanted: who asks, for which kind of act, and nothing about it.
So does everybody, when one person published alone (emergencies.py).

The row says whether that was done, so that a lost ring loses nothing; a mail server that is away is tried again.
"""

import logging
from datetime import datetime

from django.core.mail import EmailMessage
from django.db import models, transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import approvals
from accounts.adapters import MAIL_IS_AWAY, absolute
from accounts.models import Approval, Organisation, User

WANTED = ("approval_wanted", "your yes or no is wanted")
ALONE = ("published_alone", "published by one person alone")

logger = logging.getLogger(__name__)


def tell_approvers(*, at: datetime) -> int:
    """Mail all that nobody was told of yet; how many requests were told of."""
    told = 0
    while _tell_next(at=at):
        told += 1
    return told


@transaction.atomic
def _tell_next(*, at: datetime) -> bool:
    approval = (
        _to_be_told().filter(mailed_at=None).select_related("asked_by").order_by("pk")
        .select_for_update(skip_locked=True, of=("self",)).first()
    )  # fmt: skip
    if approval is None:
        return False
    who = may_review(approval) if approval.alone_because else may_answer(approval)
    taken = [_mail(approval, user) for user in who]
    if who and not any(taken):
        return False  # the mail server is away: the next tick tries again
    approval.mailed_at = at
    approval.save(update_fields=["mailed_at"])
    return True


def _to_be_told() -> models.QuerySet[Approval]:
    """What waits for an answer, and what one person did alone."""
    return Approval.objects.filter(
        models.Q(used_at=None, refused_at=None, void_at=None, given_at=None)
        | ~models.Q(alone_because="") & models.Q(used_at__isnull=False, reviewed_at=None)
    )


def may_review(approval: Approval) -> list[User]:
    """Everybody who may approve, and every administrator: the trace is to be loud."""
    staff = User.objects.filter(is_staff=True, is_active=True).exclude(pk=approval.asked_by_id).order_by("pk")
    return [user for user in staff if user.has_perm("accounts.approve") or user.has_perm("accounts.administer")]


def may_answer(approval: Approval) -> list[User]:
    """Everyone whose yes would count."""
    staff = User.objects.filter(is_staff=True, is_active=True).order_by("pk")
    return [user for user in staff if not approvals.obstacle(approval, by=user)]


def _mail(approval: Approval, user: User) -> bool:
    """Whether the mail server took it."""
    organisation = Organisation.get()
    words = {
        "organisation": organisation, "approval": approval, "link": absolute(reverse("accounts:approvals")),
    }  # fmt: skip
    template, subject = ALONE if approval.alone_because else WANTED
    message = EmailMessage(
        subject=f"{organisation.name}: {subject}",
        body=render_to_string(f"accounts/email/{template}.txt", words),
        from_email=organisation.sender,
        to=[user.email],
    )
    try:
        message.send()
    except MAIL_IS_AWAY:
        logger.error("A request for approval could not be mailed to user %s", user.pk)
        return False
    return True
