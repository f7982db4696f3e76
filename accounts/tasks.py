"""Celery rings; the work is one call each."""

from celery import shared_task
from django.utils import timezone

from accounts import asking_by_mail


@shared_task(ignore_result=True)
def tell_approvers() -> None:
    """Beat's: whoever may say yes hears that a yes is wanted."""
    asking_by_mail.tell_approvers(at=timezone.now())
