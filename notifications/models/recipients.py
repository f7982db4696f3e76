"""The ledger of telling: who is told what, every try, and what the provider said later."""

import uuid

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import Account, Address, User
from incidents.models import AffectedAccount, Incident
from notifications.models.mailings import Mailing
from notifications.models.notices import Notice
from notifications.models.readers import ReaderLink


class State(models.TextChoices):
    """The one list of states, for code, page, sums and faults (see tracking/table.py for the transitions)."""

    PREPARED = "prepared", "Prepared: the mailing has not started"
    QUEUED = "queued", "Queued"
    SENDING = "sending", "Sending"
    ACCEPTED = "accepted", "Accepted by the provider"
    DELIVERED = "delivered", "Delivered"
    BOUNCED = "bounced", "Bounced for good"
    FAILED = "failed", "Refused for good"
    UNKNOWN = "unknown", "Unknown: handed over, no answer"
    LETTER = "letter", "Letter: to be posted and put on record"
    UNCONFIRMED = "unconfirmed", "Unconfirmed: left unknown by decision"
    CANCELLED = "cancelled", "Cancelled"


class Recipient(models.Model):
    """Our record of one Message to one Address, with its state."""

    State = State

    class Channel(models.TextChoices):
        EMAIL = "email", "Email"
        POST = "post", "Letter by post"
        PHONE = "phone", "Call"
        IN_PERSON = "in_person", "In person"

    # None of these has an index twice: they are led by those in Meta.
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="recipients", db_index=False)
    mailing = models.ForeignKey(Mailing, on_delete=models.PROTECT, related_name="recipients", db_index=False)
    affected_account = models.ForeignKey(
        AffectedAccount, on_delete=models.RESTRICT, related_name="recipients", db_index=False
    )
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="recipients")
    address = models.ForeignKey(Address, null=True, blank=True, on_delete=models.PROTECT, related_name="recipients")
    link = models.ForeignKey(ReaderLink, null=True, blank=True, on_delete=models.PROTECT, related_name="recipients")
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.EMAIL)
    kind = models.CharField(max_length=10, choices=Notice.Kind)
    sequence = models.PositiveIntegerField()
    again = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Sent to this address again for the nth time; 0: the first of its kind"
    )
    code = models.CharField(max_length=20, help_text="Reference code printed in the message")
    merge = models.JSONField(default=dict, help_text="Facts for this message, frozen: see composing.merge_facts")
    merge_seal = models.BinaryField(
        max_length=32, null=True, editable=False,
        help_text="Keyed hash of `merge`, kept when the facts are forgotten: see mailings.sealing; none in older rows",
    )  # fmt: skip
    state = models.CharField(max_length=12, choices=State, default=State.PREPARED)
    state_at = models.DateTimeField(db_default=Now())
    reason = models.CharField(
        max_length=300, blank=True, help_text="Why it failed or bounced, in plain words; no address"
    )
    complained_at = models.DateTimeField(null=True, blank=True, help_text="A fact beside the state")
    follows = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="followed_by",
        help_text="The recipient at an earlier address of the account that could not be reached",
    )  # fmt: skip
    message_id = models.CharField(max_length=200, help_text="Stable over attempts, without angle brackets")
    recorded_proof = models.TextField(blank=True, help_text="For letters, calls and meetings: time, person and proof")

    class Meta:
        ordering = ["pk"]
        constraints = [
            UniqueConstraint(fields=["code"], name="recipient_code_once"),
            UniqueConstraint(fields=["message_id"], name="recipient_message_id_once"),
            # Neither two mailings nor two Segments can tell one person the same thing twice; again only on request.
            UniqueConstraint(
                fields=["incident", "account", "address", "kind", "sequence", "again"], name="recipient_told_once"
            ),
            CheckConstraint(
                condition=~Q(channel="email") | Q(address__isnull=False),
                name="recipient_email_has_an_address",
            ),
        ]
        indexes = [
            models.Index(fields=["mailing", "id"], name="recipient_of_mailing"),
            # Where a rare state is to be found, among millions: pages, not rows. No other index may hold the state, or
            # each change of it would write into all of them, instead of beside its row alone (a HOT update).
            BrinIndex(
                fields=["state"],
                opclasses=["text_bloom_ops"],
                pages_per_range=32,
                autosummarize=True,
                name="recipient_states",
            ),
            # complaints of a mailing: few, and asked for at every look
            models.Index(fields=["mailing"], condition=Q(complained_at__isnull=False), name="recipient_complained"),
            models.Index(fields=["affected_account"], name="recipient_of_affected"),
        ]

    def __str__(self) -> str:
        return f"recipient {self.pk}"


class SentAgain(models.Model):
    """Why one person gets a message once more, and on whose word. Append-only (a trigger)."""

    class Because(models.TextChoices):
        SUPPORT = "support", "Asked for at support"
        INQUIRY = "inquiry", "Asked “was I affected?”"
        FRESH_LINK = "fresh_link", "Asked for a fresh link"
        CORRECTED_ADDRESS = "corrected", "Their address was corrected"

    recipient = models.OneToOneField(Recipient, on_delete=models.PROTECT, related_name="sent_again")
    original = models.ForeignKey(
        Recipient, on_delete=models.PROTECT, related_name="+", db_index=False,
        help_text="The message that was approved for this person: the same version and facts",
    )  # fmt: skip
    because = models.CharField(max_length=10, choices=Because)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"sent again {self.pk}"


class RecordWithdrawal(models.Model):
    """A record of a letter, call or meeting that was wrong, as it stood, and why it counts no more. Append-only."""

    recipient = models.ForeignKey(Recipient, on_delete=models.PROTECT, related_name="withdrawals")
    was_at = models.DateTimeField()
    was_proof = models.TextField()
    because = models.CharField(max_length=300)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"withdrawal {self.pk}"


class RecordUpload(models.Model):
    """A file of letters, calls and meetings: its rows wait here until somebody has looked at the problems."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="record_uploads")
    file_name = models.CharField(max_length=255, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())
    rows = models.JSONField(default=list, help_text="See recording_files.py; emptied when it is over")
    problems = models.JSONField(default=list, help_text="[{line, column, words}]")
    over_at = models.DateTimeField(null=True, blank=True)
    recorded = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"record upload {self.pk}"


class SendBatch(models.Model):
    """One window of one worker. `id` is also the provider's idempotency key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(max_length=80)
    claimed_at = models.DateTimeField(db_default=Now())
    handed_over_at = models.DateTimeField(null=True, help_text="The durable mark: from here on a crash means unknown")
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "send batches"

    def __str__(self) -> str:
        return f"batch {self.id}"


class Outbox(models.Model):
    """Narrow and hot: what is still to be handed over. A row leaves when its Recipient is done."""

    class State(models.TextChoices):
        READY = "ready", "Ready"
        LEASED = "leased", "Leased by a worker"

    recipient = models.OneToOneField(Recipient, primary_key=True, on_delete=models.CASCADE, related_name="outbox")
    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=6, choices=State, default=State.READY)
    not_before = models.DateTimeField(db_default=Now())
    attempt_no = models.PositiveSmallIntegerField(default=0)
    # A worker names the batch in the statement that makes it: to look it up for each row would cost more than the row.
    batch = models.ForeignKey(SendBatch, null=True, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "outbox"
        constraints = [
            CheckConstraint(
                condition=Q(state="ready", batch=None, lease_until=None)
                | Q(state="leased", batch__isnull=False, lease_until__isnull=False),
                name="outbox_leased_has_batch_and_end",
            )
        ]
        indexes = [
            # the claim: ready rows of one running mailing in order of not_before; those of paused ones are never seen
            models.Index(
                fields=["mailing", "not_before", "recipient"], condition=Q(state="ready"), name="outbox_ready"
            ),
            # the reaper
            models.Index(fields=["lease_until"], condition=Q(state="leased"), name="outbox_leased"),
        ]

    def __str__(self) -> str:
        return f"outbox {self.recipient_id}"


class Attempt(models.Model):
    """One hand-over of a Message to a mail provider. Its outcome is written once; nothing else changes (a trigger)."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        RETRY = "retry", "No for now"
        FAILED = "failed", "No for good"
        UNKNOWN = "unknown", "No answer"
        RELEASED = "released", "The worker ended before it spoke to the provider"

    recipient = models.ForeignKey(Recipient, on_delete=models.PROTECT, related_name="attempts", db_index=False)
    number = models.PositiveSmallIntegerField()
    batch = models.ForeignKey(SendBatch, on_delete=models.PROTECT, related_name="attempts", db_constraint=False)
    claimed_at = models.DateTimeField(db_default=Now())
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the bytes sent, the link token masked")
    provider_id = models.CharField(max_length=200, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    smtp_code = models.PositiveSmallIntegerField(null=True)
    reply = models.CharField(max_length=300, blank=True, help_text="The provider's words, addresses taken out")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["recipient", "number"]
        constraints = [UniqueConstraint(fields=["recipient", "number"], name="attempt_number_once")]
        indexes = [models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="attempt_by_provider_id")]

    def __str__(self) -> str:
        return f"attempt {self.pk}"


class DeliveryEvent(models.Model):
    """What the provider said later. Append-only (a trigger); one row however often it is told."""

    class Type(models.TextChoices):
        # The subset of Anymail's EventType that says something about one message.
        ACCEPTED = "accepted", "Accepted"
        DEFERRED = "deferred", "Deferred"
        DELIVERED = "delivered", "Delivered"
        BOUNCED = "bounced", "Bounced for good"
        SOFT_BOUNCED = "soft_bounced", "Bounced for now"
        REJECTED = "rejected", "Rejected by the provider"
        FAILED = "failed", "Failed at the provider"
        COMPLAINED = "complained", "Complained"

    provider = models.CharField(max_length=40, help_text="Anymail's esp_name")
    key = models.CharField(max_length=200, help_text="The provider's event id, or one made from message, type and time")
    recipient = models.ForeignKey(Recipient, null=True, on_delete=models.PROTECT, related_name="events")
    message_id = models.CharField(max_length=200, blank=True)
    type = models.CharField(max_length=14, choices=Type)
    at = models.DateTimeField(help_text="As the provider says")
    received_at = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=40, blank=True, help_text="Anymail's reject_reason")
    words = models.CharField(max_length=300, blank=True, help_text="The provider's words, addresses taken out")

    class Meta:
        ordering = ["at", "pk"]
        constraints = [UniqueConstraint(fields=["provider", "key"], name="delivery_event_once")]
        indexes = [
            models.Index(fields=["message_id"], condition=Q(recipient=None), name="delivery_event_orphans"),
            # asked at every look for those that nothing followed
            models.Index(fields=["recipient"], condition=Q(type="soft_bounced"), name="delivery_event_soft"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"
