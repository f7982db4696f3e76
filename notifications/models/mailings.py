from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import Approval, User
from incidents.models import Incident
from notifications.models.notices import NoticeVersion


class Mailing(models.Model):
    """One approved Notice version going to one frozen set of Recipients."""

    class State(models.TextChoices):
        PREPARING = "preparing", "Being prepared"
        PREPARED = "prepared", "Prepared: recipients are frozen, nothing is sent"
        RUNNING = "running", "Going out"
        PAUSED = "paused", "Paused"
        CANCELLED = "cancelled", "Cancelled"
        FINISHED = "finished", "Finished"

    class OnUnknown(models.TextChoices):
        HOLD_FOR_STAFF = "hold_for_staff", "Hold for staff: no machine sends a message twice"
        RECONCILE_THEN_RESEND = "reconcile_then_resend", "Ask the provider, then send again: at least once"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="mailings")
    number = models.PositiveIntegerField()
    version = models.ForeignKey(NoticeVersion, on_delete=models.PROTECT, related_name="mailings")
    sequence = models.PositiveIntegerField(default=1, help_text="First notice 1; the second follow-up 2 …")
    state = models.CharField(max_length=10, choices=State, default=State.PREPARING)
    on_unknown = models.CharField(max_length=22, choices=OnUnknown, default=OnUnknown.HOLD_FOR_STAFF)
    sender = models.CharField(max_length=400, help_text="From, as it stood when the mailing was prepared")
    reply_to = models.CharField(max_length=254, blank=True)
    provider = models.CharField(max_length=80, help_text="EMAIL_BACKEND it goes through, in a word: smtp, mailgun")
    recipients_count = models.PositiveIntegerField(default=0)
    recipients_hash = models.CharField(
        max_length=64, blank=True, help_text="Over account, address and merge facts of each"
    )
    problems = models.JSONField(default=list, help_text="Rows that cannot be composed: they block approval")
    approval = models.ForeignKey(Approval, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    prepared_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    prepared_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.CharField(max_length=300, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            UniqueConstraint(fields=["incident", "number"], name="mailing_number_once"),
            CheckConstraint(
                condition=~Q(state__in=["running", "paused", "finished"])
                | Q(approval__isnull=False, started_at__isnull=False),
                name="mailing_sends_only_when_approved",
            ),
            # Two people pressing Start, or two mailings of one notice at once, end here.
            UniqueConstraint(
                fields=["version"],
                condition=Q(state__in=["preparing", "prepared", "running", "paused"]),
                name="mailing_one_living_per_version",
            ),
        ]

    def __str__(self) -> str:
        return f"mailing {self.number}"
