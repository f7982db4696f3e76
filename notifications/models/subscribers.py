"""Readers who asked to be told of Updates, and what we send them.

UpdateMail, UpdateOutbox and UpdateAttempt are to subscribers what Recipient, Outbox and Attempt are to those the law
makes us tell: their columns have the same names, so that one protocol (dispatch) serves both, each over tables of its
own. A queue of subscribers, however long, makes no notice slower.
"""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from incidents.models import Incident, PageVersion
from notifications.models.recipients import Attempt, Outbox, SendBatch, State


class FollowRequest(models.Model):
    """What the form writes, for every address alike: nothing is looked up until a worker takes the row away."""

    incident = models.ForeignKey(Incident, null=True, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=254)
    language = models.CharField(max_length=16)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"follow request {self.pk}"  # never the address: this text reaches logs


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def living(self) -> "SubscriberQuerySet":
        """Asked or following; those who ended are numbers without an address."""
        return self.filter(ended_at=None)

    def following(self) -> "SubscriberQuerySet":
        return self.filter(ended_at=None, confirmed_at__isnull=False)


class Subscriber(models.Model):
    """A reader who asked to be told of Updates: of one incident, or (none) of all. Follows once they said so twice."""

    class Ended(models.TextChoices):
        ASKED = "asked", "They stopped it"
        OBJECTED = "objected", "They never asked, and said so"
        BOUNCED = "bounced", "Their mailbox is no more"
        COMPLAINED = "complained", "They complained at their provider"
        FOLLOWS_ALL = "follows_all", "They follow all incidents instead"

    incident = models.ForeignKey(Incident, null=True, on_delete=models.CASCADE, related_name="subscribers")
    address = models.CharField(max_length=254, blank=True, help_text="Forgotten when it ends")
    lookup = models.BinaryField(max_length=32, null=True, help_text="Keyed hash of the address; forgotten with it")
    language = models.CharField(max_length=16)
    key_id = models.CharField(max_length=20, help_text="Which of LINK_KEYS signs the tokens")
    serial = models.PositiveIntegerField(default=1)
    confirm_sha256 = models.BinaryField(max_length=32, null=True, help_text="Of the token that says yes")
    end_sha256 = models.BinaryField(
        max_length=32, null=True, help_text="Of the token that ends it; it does nothing else"
    )
    asked_at = models.DateTimeField(db_default=Now())
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=11, choices=Ended, blank=True)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            UniqueConstraint(
                fields=["lookup", "incident"], condition=Q(ended_at=None), nulls_distinct=False,
                name="subscriber_once_per_address",
            ),
            UniqueConstraint(fields=["confirm_sha256"], name="subscriber_confirm_token_once"),
            UniqueConstraint(fields=["end_sha256"], name="subscriber_end_token_once"),
            CheckConstraint(
                condition=Q(ended_at=None, lookup__isnull=False, ended_because="") & ~Q(address="")
                | Q(ended_at__isnull=False, lookup=None, address="") & ~Q(ended_because=""),
                name="subscriber_forgotten_when_ended",
            ),
        ]  # fmt: skip
        indexes = [
            # who gets an update, in order of lookup, which knows two rows of one mailbox
            models.Index(
                fields=["incident", "lookup"], condition=Q(ended_at=None, confirmed_at__isnull=False),
                name="subscriber_following",
            ),
            # who never said yes
            models.Index(fields=["asked_at"], condition=Q(ended_at=None, confirmed_at=None), name="subscriber_asked"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"subscriber {self.pk}"  # never the address


class FollowRefusal(models.Model):
    """An address that is not asked whether it wants to follow, by its keyed hash alone, until a day."""

    lookup = models.BinaryField(max_length=32, unique=True)
    until = models.DateTimeField()
    because = models.CharField(max_length=11, choices=Subscriber.Ended)

    def __str__(self) -> str:
        return f"refusal {self.pk}"


class Announcement(models.Model):
    """One Update going to everyone who follows; or the one queue of questions "do you want to follow?"."""

    class State(models.TextChoices):
        FILLING = "filling", "Those who follow are being gathered"
        RUNNING = "running", "Going out"
        PAUSED = "paused", "Paused"
        CANCELLED = "cancelled", "Cancelled"
        FINISHED = "finished", "Sent"

    incident = models.ForeignKey(Incident, null=True, on_delete=models.PROTECT, related_name="announcements")
    version = models.ForeignKey(
        PageVersion, null=True, on_delete=models.PROTECT, related_name="+",
        help_text="The words are read from its content when they are sent, so that what is redacted is never mailed",
    )  # fmt: skip
    number = models.PositiveIntegerField(null=True, help_text="Of the Update on its page; none: the questions")
    state = models.CharField(max_length=10, choices=State, default=State.FILLING)
    provider = models.CharField(max_length=80)
    sender = models.CharField(max_length=400)
    reply_to = models.CharField(max_length=254, blank=True)
    made_at = models.DateTimeField(db_default=Now())
    filled_to = models.BinaryField(max_length=32, default=b"", help_text="The lookup up to which they are gathered")
    paused_at = models.DateTimeField(null=True)
    paused_because = models.CharField(max_length=300, blank=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # The signal may come twice; an Update is told once. And there is one queue of questions.
            UniqueConstraint(fields=["incident", "number"], nulls_distinct=False, name="announcement_once_per_update"),
            CheckConstraint(
                condition=Q(incident=None, version=None, number=None)
                | Q(incident__isnull=False, version__isnull=False, number__isnull=False),
                name="announcement_of_an_update_or_none",
            ),
        ]

    def __str__(self) -> str:
        return f"announcement {self.pk}"


class UpdateMail(models.Model):
    """Our record of one message to one subscriber. See Recipient."""

    mailing = models.ForeignKey(Announcement, on_delete=models.CASCADE, related_name="mails", db_index=False)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="mails")
    nth = models.PositiveIntegerField(default=1, help_text="An update goes to each once; the question may come again")
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    state_at = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=300, blank=True, help_text="Why it failed or bounced; no address")
    event = models.CharField(max_length=14, blank=True, help_text="Of what the provider said, the word that wins")
    message_id = models.CharField(max_length=200, unique=True, help_text="Without angle brackets")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [UniqueConstraint(fields=["mailing", "subscriber", "nth"], name="update_mail_once")]
        indexes = [models.Index(fields=["mailing", "state"], name="update_mail_by_state")]

    def __str__(self) -> str:
        return f"update mail {self.pk}"


class UpdateOutbox(models.Model):
    """Narrow and hot, as Outbox: what is still to be handed over."""

    recipient = models.OneToOneField(UpdateMail, primary_key=True, on_delete=models.CASCADE, related_name="outbox")
    mailing = models.ForeignKey(Announcement, on_delete=models.CASCADE, related_name="+", db_index=False)
    state = models.CharField(max_length=6, choices=Outbox.State, default=Outbox.State.READY)
    not_before = models.DateTimeField(db_default=Now())
    attempt_no = models.PositiveSmallIntegerField(default=0)
    batch = models.ForeignKey(SendBatch, null=True, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(state="ready", batch=None, lease_until=None)
                | Q(state="leased", batch__isnull=False, lease_until__isnull=False),
                name="update_outbox_leased_has_batch_and_end",
            )
        ]
        indexes = [
            models.Index(
                fields=["mailing", "not_before", "recipient"], condition=Q(state="ready"), name="update_outbox_ready"
            ),
            models.Index(fields=["lease_until"], condition=Q(state="leased"), name="update_outbox_leased"),
        ]

    def __str__(self) -> str:
        return f"update outbox {self.recipient_id}"


class UpdateAttempt(models.Model):
    """One hand-over to a mail provider, as Attempt. It goes when its subscriber's rows go: it is no evidence."""

    recipient = models.ForeignKey(UpdateMail, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveSmallIntegerField()
    batch = models.ForeignKey(SendBatch, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    claimed_at = models.DateTimeField(db_default=Now())
    sha256 = models.CharField(max_length=64, blank=True)
    provider_id = models.CharField(max_length=200, blank=True)
    outcome = models.CharField(max_length=8, choices=Attempt.Outcome, blank=True)
    smtp_code = models.PositiveSmallIntegerField(null=True)
    reply = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [UniqueConstraint(fields=["recipient", "number"], name="update_attempt_number_once")]
        indexes = [
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="update_attempt_by_provider_id")
        ]

    def __str__(self) -> str:
        return f"update attempt {self.pk}"
