"""Webhooks: addresses that are told what happened, what waits to be said to them, and each try."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import Approval, User


class Hook(models.Model):
    """One address, and which events it is told of. See hooks/setting_up.py."""

    class Event(models.TextChoices):
        PUBLISHED = "page.published", "A page was published"
        FINISHED = "mailing.finished", "A mailing is finished"
        WANTED = "approval.wanted", "Somebody's yes is wanted"
        UNREACHED = "people.unreached", "A mailing did not reach everyone"
        WAITING = "import.waiting", "An import waits for a yes"

    address = models.CharField(max_length=500)
    events = ArrayField(models.CharField(max_length=20, choices=Event))
    salt = models.CharField(max_length=43, help_text="With SECRET_KEY it makes the secret: no row holds that")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    approval = models.ForeignKey(Approval, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    on_at = models.DateTimeField(null=True, blank=True, help_text="It is told of what happens from then on")
    failures = models.PositiveIntegerField(default=0, db_default=0, help_text="Tries that failed, one after the other")
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            CheckConstraint(condition=Q(on_at=None) | Q(approval__isnull=False), name="hook_on_was_approved"),
            CheckConstraint(condition=Q(paused_at=None) | ~Q(paused_because=""), name="hook_paused_says_why"),
        ]

    def __str__(self) -> str:
        return f"webhook {self.pk}"

    @property
    def state(self) -> str:
        """asked, on, paused or ended."""
        if self.ended_at:
            return "ended"
        if self.on_at is None:
            return "asked"
        return "paused" if self.paused_at else "on"

    @property
    def events_in_words(self) -> list[str]:
        return [self.Event(event).label for event in self.events]


class HookCall(models.Model):
    """Something that one address is told: the outbox. The words stay the same however often they are sent."""

    hook = models.ForeignKey(Hook, on_delete=models.PROTECT, related_name="calls")
    event = models.CharField(max_length=20, help_text="One of Hook.Event, or test")
    key = models.CharField(max_length=60, help_text="What it is about: nothing is told twice")
    message_id = models.CharField(max_length=40, unique=True)
    body = models.TextField(help_text="JSON, without people")
    made_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True, help_text="The next try; none: it is over")
    tries = models.PositiveSmallIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            UniqueConstraint(fields=["hook", "key"], name="hook_call_once_per_thing"),
            CheckConstraint(condition=Q(delivered_at=None) | Q(due_at=None), name="hook_call_delivered_is_over"),
        ]
        indexes = [
            # sending._claim
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="hook_call_due")
        ]

    def __str__(self) -> str:
        return f"{self.event} to webhook {self.hook_id}"

    @property
    def state(self) -> str:
        if self.delivered_at:
            return "delivered"
        return "waits" if self.due_at else "given up"


class HookAttempt(models.Model):
    """One try: what the other side answered, how long it took. Never what it said."""

    call = models.ForeignKey(HookCall, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of HTTP; none: there was no answer")
    ms = models.PositiveIntegerField()
    problem = models.CharField(max_length=200, blank=True, help_text="Empty: it was taken")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.status or self.problem} after {self.ms} ms"
