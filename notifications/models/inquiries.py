""" "Was I affected?": what the form writes, which texts answer it, and our record of each answer.

InquiryAnswer, InquiryMail, InquiryOutbox and InquiryAttempt have the columns of Mailing, Recipient, Outbox and Attempt,
so that the protocol of dispatch serves them, too (see dispatch/ledger.py).
"""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import Approval, User
from incidents.models import Incident
from notifications.models.notices import Notice, NoticeVersion
from notifications.models.recipients import Attempt, Outbox, Recipient, SendBatch, State


class Inquiry(models.Model):
    """One asking. The form writes it for every address alike: nothing is looked up before a worker takes it up."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Waits for a worker, or for approved answers"
        ANSWERED = "answered", "Answered: one message"
        LIMITED = "limited", "Asked again too soon: no second message"
        UNREADABLE = "unreadable", "The address could not be read: its key is gone"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="inquiries", db_index=False)
    lookup = models.BinaryField(max_length=32, help_text="Keyed hash of the address: all that stays")
    key_id = models.CharField(max_length=40, help_text="Which of INQUIRY_KEYS opens `sealed`")
    sealed = models.BinaryField(null=True, help_text="The address, encrypted; none once it is not needed any more")
    language = models.CharField(max_length=16)
    wants_news = models.BooleanField(default=False, help_text="They said: write to me if that changes")
    at = models.DateTimeField(db_default=Now())
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.WAITING)
    outcome_at = models.DateTimeField(null=True)
    kept_until = models.DateTimeField(null=True, help_text="The address is kept to write once more; none: it is not")
    recipient = models.ForeignKey(
        Recipient, null=True, on_delete=models.PROTECT, related_name="+", help_text="The notice that went again"
    )

    class Meta:
        verbose_name_plural = "inquiries"
        ordering = ["pk"]
        constraints = [
            CheckConstraint(
                condition=Q(outcome="waiting", outcome_at=None, sealed__isnull=False)
                | (~Q(outcome="waiting") & Q(outcome_at__isnull=False)),
                name="inquiry_waits_or_is_over",
            ),
            CheckConstraint(condition=Q(kept_until=None) | Q(sealed__isnull=False), name="inquiry_kept_has_an_address"),
        ]
        indexes = [
            # who asked already, and when
            models.Index(fields=["lookup", "incident", "outcome_at"], name="inquiry_by_lookup"),
            models.Index(fields=["incident", "outcome"], name="inquiry_counts"),
            # what a worker takes up
            models.Index(fields=["id"], condition=Q(outcome="waiting"), name="inquiry_waiting"),
            # addresses to look at again, or to forget
            models.Index(
                fields=["id"], condition=Q(sealed__isnull=False) & ~Q(outcome="waiting"), name="inquiry_address_held"
            ),
        ]

    def __str__(self) -> str:
        return f"inquiry {self.pk}"  # never the address: this text reaches logs


class InquirySwitch(models.Model):
    """An incident of which nobody can ask. No row: it is on."""

    incident = models.OneToOneField(Incident, primary_key=True, on_delete=models.CASCADE, related_name="+")
    off_since = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"inquiries off, incident {self.incident_id}"


class Case(models.TextChoices):
    """What the truth for a mailbox can be. Where a notice can be sent again it is, and none of these texts."""

    NOT_LISTED = "not_listed", "Not on the list"
    RULED_OUT = "ruled_out", "Was on the list, and is ruled out"
    LISTED = "listed", "On the list, and no notice to it was approved yet"
    ELSEWHERE = "elsewhere", "On the list, at a mailbox that is not trusted"
    CHANGED = "changed", "On the list now, and they wanted to hear of it"


class AnswerNotice(models.Model):
    """Which Notice of an incident is the text for which case."""

    notice = models.OneToOneField(Notice, primary_key=True, on_delete=models.CASCADE, related_name="answers")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="+")
    case = models.CharField(max_length=10, choices=Case)

    class Meta:
        constraints = [UniqueConstraint(fields=["incident", "case"], name="answer_notice_once_per_case")]

    def __str__(self) -> str:
        return f"{self.case} of incident {self.incident_id}"


class InquiryAnswer(models.Model):
    """An approved text that answers one case, from its approval until the next set of texts is put in its place."""

    class State(models.TextChoices):
        RUNNING = "running", "In use"
        PAUSED = "paused", "Paused"
        CANCELLED = "cancelled", "Cancelled"
        FINISHED = "finished", "Replaced"

    Case = Case

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="inquiry_answers")
    case = models.CharField(max_length=10, choices=Case)
    version = models.ForeignKey(NoticeVersion, on_delete=models.PROTECT, related_name="+")
    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    provider = models.CharField(max_length=80)
    sender = models.CharField(max_length=400)
    reply_to = models.CharField(max_length=254, blank=True)
    started_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(db_default=Now())
    replaced_at = models.DateTimeField(null=True, help_text="What was queued under it still goes")
    paused_at = models.DateTimeField(null=True)
    paused_because = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            UniqueConstraint(
                fields=["incident", "case"], condition=Q(replaced_at=None), name="inquiry_answer_one_in_use_per_case"
            )
        ]

    def __str__(self) -> str:
        return f"answer {self.pk}"


class InquiryMail(models.Model):
    """Our record of one answer to one asking. See Recipient."""

    mailing = models.ForeignKey(InquiryAnswer, on_delete=models.PROTECT, related_name="mails", db_index=False)
    inquiry = models.ForeignKey(Inquiry, on_delete=models.CASCADE, related_name="mails")
    code = models.CharField(max_length=20, unique=True, help_text="Reference code printed in the message")
    merge = models.JSONField(default=dict, help_text="Facts for this message, frozen: no address, no name")
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    state_at = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=300, blank=True, help_text="Why it failed or bounced; no address")
    event = models.CharField(max_length=14, blank=True, help_text="Of what the provider said, the word that wins")
    message_id = models.CharField(max_length=200, unique=True, help_text="Without angle brackets")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["mailing", "state"], name="inquiry_mail_by_state")]

    def __str__(self) -> str:
        return f"inquiry mail {self.pk}"


class InquiryOutbox(models.Model):
    """Narrow and hot, as Outbox: what is still to be handed over."""

    recipient = models.OneToOneField(InquiryMail, primary_key=True, on_delete=models.CASCADE, related_name="outbox")
    mailing = models.ForeignKey(InquiryAnswer, on_delete=models.CASCADE, related_name="+", db_index=False)
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
                name="inquiry_outbox_leased_has_batch_and_end",
            )
        ]
        indexes = [
            models.Index(
                fields=["mailing", "not_before", "recipient"], condition=Q(state="ready"), name="inquiry_outbox_ready"
            ),
            models.Index(fields=["lease_until"], condition=Q(state="leased"), name="inquiry_outbox_leased"),
        ]

    def __str__(self) -> str:
        return f"inquiry outbox {self.recipient_id}"


class InquiryAttempt(models.Model):
    """One hand-over to a mail provider, as Attempt."""

    recipient = models.ForeignKey(InquiryMail, on_delete=models.CASCADE, related_name="attempts", db_index=False)
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
        constraints = [UniqueConstraint(fields=["recipient", "number"], name="inquiry_attempt_number_once")]
        indexes = [
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="inquiry_attempt_by_provider_id")
        ]

    def __str__(self) -> str:
        return f"inquiry attempt {self.pk}"
