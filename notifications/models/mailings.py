from datetime import timedelta
from decimal import Decimal

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import Approval, User
from incidents.models import Incident, Segment, Step
from notifications.models.notices import NoticeVersion


class MailingQuerySet(models.QuerySet["Mailing"]):
    def of_sets(self) -> "MailingQuerySet":
        """Those somebody prepared for a set; not what is sent again to single people."""
        return self.exclude(whom=Mailing.Whom.AGAIN)


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

    class Whom(models.TextChoices):
        """The set it goes to: whom.py has the queries and the words."""

        OWED = "owed", "Everyone owed a notice who does not have this one yet"
        TOLD = "told", "Everyone who was told"
        VERSION = "version", "Those who were told one version of a notice"
        STEP = "step", "Those who were told and have one step open"
        SEGMENT = "segment", "One segment"
        UNREACHED = "unreached", "Those whom nothing has reached so far"
        RULED_OUT = "ruled_out", "Those ruled out after they were told"
        AGAIN = "again", "Single people who had it and get it once more (see resending.py)"

    class Channel(models.TextChoices):
        EMAIL = "email", "By email"
        POST = "post", "By letter, to the post addresses of those no email reaches"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="mailings")
    number = models.PositiveIntegerField()
    version = models.ForeignKey(NoticeVersion, on_delete=models.PROTECT, related_name="mailings")
    sequence = models.PositiveIntegerField(default=1, help_text="First notice 1; the second follow-up 2 …")
    channel = models.CharField(max_length=5, choices=Channel, default=Channel.EMAIL)
    whom = models.CharField(max_length=10, choices=Whom, default=Whom.OWED)
    whom_version = models.ForeignKey(NoticeVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    whom_step = models.ForeignKey(Step, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    whom_segment = models.ForeignKey(Segment, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    whom_words = models.CharField(max_length=300, blank=True, help_text="The set in words, part of recipients_hash")
    evidence = models.TextField(blank=True, help_text="All-clear: what shows that they were not affected")
    state = models.CharField(max_length=10, choices=State, default=State.PREPARING)
    on_unknown = models.CharField(max_length=22, choices=OnUnknown, default=OnUnknown.HOLD_FOR_STAFF)
    sender = models.CharField(max_length=400, help_text="From, as it stood when the mailing was prepared")
    reply_to = models.CharField(max_length=254, blank=True)
    provider = models.CharField(max_length=80, help_text="EMAIL_BACKEND it goes through, in a word: smtp, mailgun")
    recipients_count = models.PositiveIntegerField(default=0)
    recipients_hash = models.CharField(
        max_length=64, blank=True, help_text="Over account, address and merge facts of each"
    )
    recipients_hash_version = models.PositiveSmallIntegerField(
        default=1, db_default=1, help_text="What the hash is over: see mailings.sealing"
    )
    problems = models.JSONField(default=list, help_text="Rows that cannot be composed: they block approval")
    # How it goes out, said before anybody is asked: part of what is approved (see going.py)
    canary = models.PositiveIntegerField(default=0, help_text="So many first, then a wait; 0: all at once")
    canary_wait = models.DurationField(default=timedelta(minutes=30))
    an_hour = models.PositiveIntegerField(null=True, blank=True, help_text="No more than this an hour; none: no cap")
    from_hour = models.PositiveSmallIntegerField(null=True, blank=True, help_text="UTC; not before this hour of a day")
    to_hour = models.PositiveSmallIntegerField(null=True, blank=True, help_text="UTC; and not after this one")
    bounce_limit = models.DecimalField(
        max_digits=5, decimal_places=2, default=Decimal(5), help_text="Per cent refused or bounced that hold it"
    )
    complaint_limit = models.DecimalField(
        max_digits=5, decimal_places=2, default=Decimal("0.1"), help_text="Per cent of complaints that hold it"
    )
    canary_ends_at = models.DateTimeField(null=True, blank=True, help_text="Set once the first ones are handed over")
    canary_passed_at = models.DateTimeField(null=True, blank=True)
    judged_from = models.DateTimeField(null=True, blank=True, help_text="The limits look at what happened since")
    scheduled_for = models.DateTimeField(null=True, blank=True)
    scheduled_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    schedule_problem = models.CharField(max_length=300, blank=True, help_text="Why it did not start at its time")
    approval = models.ForeignKey(Approval, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    prepared_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    prepared_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.CharField(max_length=300, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = MailingQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            UniqueConstraint(fields=["incident", "number"], name="mailing_number_once"),
            CheckConstraint(
                condition=~Q(state__in=["running", "paused", "finished"])
                | Q(approval__isnull=False, started_at__isnull=False),
                name="mailing_sends_only_when_approved",
            ),
            CheckConstraint(condition=Q(an_hour=None) | Q(an_hour__gt=0), name="mailing_an_hour_is_some"),
            CheckConstraint(
                condition=Q(from_hour=None, to_hour=None)
                | (Q(from_hour__lt=24, to_hour__lt=24) & ~Q(from_hour=models.F("to_hour"))),
                name="mailing_hours_are_two_of_a_day",
            ),
            CheckConstraint(
                condition=Q(scheduled_for=None) | Q(scheduled_by__isnull=False), name="mailing_scheduled_by_somebody"
            ),
            # Two people pressing Start, or two mailings of one notice at once, end here.
            UniqueConstraint(
                fields=["version"],
                condition=Q(state__in=["preparing", "prepared", "running", "paused"]) & ~Q(whom="again"),
                name="mailing_one_living_per_version",
            ),
        ]

    def __str__(self) -> str:
        return f"mailing {self.number}"

    @property
    def letters_wait(self) -> bool:
        """Nothing is left to hand over; people still have letters to post and to put on record."""
        return self.channel == self.Channel.POST and self.recipients.filter(state="letter").exists()

    @property
    def state_words(self) -> str:
        is_open = self.state in {self.State.RUNNING, self.State.FINISHED}
        return "Letters wait to be posted" if is_open and self.letters_wait else self.get_state_display()

    @property
    def is_again(self) -> bool:
        """It gathers what is sent again to single people: nobody prepares or starts it."""
        return self.whom == self.Whom.AGAIN


class MailingTally(models.Model):
    """What was counted of a mailing last, so that many who watch a large one do not count it again and again."""

    mailing = models.OneToOneField(Mailing, primary_key=True, on_delete=models.CASCADE, related_name="tally")
    counted_at = models.DateTimeField()
    took = models.DurationField()
    counts = models.JSONField(default=dict, help_text="By state")
    detailed_at = models.DateTimeField(null=True)
    detail_took = models.DurationField(default=timedelta(0), help_text="Providers and domains take longer")
    providers = models.JSONField(default=list, help_text="[{name, counts by outcome}]")
    sums = models.JSONField(default=dict, help_text="What became of its people, once it is over: see sums.py")
    summed_at = models.DateTimeField(null=True)
    sum_took = models.DurationField(default=timedelta(0))
    domains = models.JSONField(default=list, help_text="[{name, counts by state}]; the last one: all the rest")

    def __str__(self) -> str:
        return f"tally of {self.mailing_id}"


class SendingStop(models.Model):
    """The kill switch: while one stands, nothing is handed over, whatever mailing it belongs to."""

    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())
    because = models.CharField(max_length=300)
    lifted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_because = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # The claim looks for lifted_at IS NULL in it; of two who press at once one wins.
            UniqueConstraint(fields=["lifted_at"], nulls_distinct=False, name="sending_stop_one_stands"),
            CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None, lifted_because="")
                | (Q(lifted_at__isnull=False, lifted_by__isnull=False) & ~Q(lifted_because="")),
                name="sending_stop_lifted_by_somebody_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"stop {self.pk}"


class SendingPulse(models.Model):
    """When beat was last here, and in which database. After a long silence, or in a copy, nothing goes on by itself.

    One row.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    at = models.DateTimeField()
    since = models.DateTimeField(null=True, help_text="Beat has been here without a long silence since then")
    database = models.CharField(max_length=60, blank=True, help_text="Which one it was: a restored one is another")

    class Meta:
        constraints = [CheckConstraint(condition=Q(id=1), name="sending_pulse_is_one_row")]

    def __str__(self) -> str:
        return f"pulse of {self.at:%H:%M} UTC"
