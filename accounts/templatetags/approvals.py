"""What the approval piece (staff/_approval.html) has to know of the rules."""

from django import template

from accounts import approvals
from accounts.models import Approval, User

register = template.Library()


@register.filter
def obstacle_for(approval: Approval, user: User) -> str:
    """Why this person may not answer; empty where they may."""
    return approvals.obstacle(approval, by=user)
