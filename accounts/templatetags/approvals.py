"""What the approval piece (staff/_approval.html) has to know of the rules."""

from django import template

from accounts import approvals
from accounts.models import Approval, User

register = template.Library()


@register.filter
def obstacle_for(approval: Approval, user: User) -> str:
    """Why this person may not answer; empty where they may."""
    return approvals.obstacle(approval, by=user)


@register.filter
def sign_offs_missing(approval: Approval) -> int:
    return max(0, approval.needs - sum(sign_off.yes for sign_off in approval.sign_offs.all()))
