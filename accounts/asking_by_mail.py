"""Whoever may say yes hears by mail that a yes is wanted: who asks, for which kind of act, and nothing about it.

The row says whether that was done, so that a lost ring loses nothing; a mail server that is away is tried again.
"""

import logging
from datetime import datetime

from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import approvals
from accounts.adapters import MAIL_IS_AWAY, absolute
from accounts.models import Approval, Organisation, User

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
        Approval.objects.open().filter(mailed_at=None).select_related("asked_by").order_by("pk")
        .select_for_update(skip_locked=True, of=("self",)).first()
    )  # fmt: skip
    if approval is None:
        return False
    who = may_answer(approval)
    taken = [_mail(approval, user) for user in who]
    if who and not any(taken):
        return False  # the mail server is away: the next tick tries again
    approval.mailed_at = at
    approval.save(update_fields=["mailed_at"])
    return True


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
    message = EmailMessage(
        subject=f"{organisation.name}: your yes or no is wanted",
        body=render_to_string("accounts/email/approval_wanted.txt", words),
        from_email=organisation.sender,
        to=[user.email],
    )
    try:
        message.send()
    except MAIL_IS_AWAY:
        logger.error("A request for approval could not be mailed to user %s", user.pk)
        return False
    return True
