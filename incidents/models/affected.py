"""Who was affected, and the files that said so."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import Account, Address, User
from incidents.models.guidance import Segment, Step
from incidents.models.incident import Incident


class ImportBatch(models.Model):
    """One file or push of affected accounts. Its rows wait in StagedRow until somebody confirms them."""

    class State(models.TextChoices):
        READING = "reading", "Being read"
        STAGED = "staged", "Read; nothing is written until confirmed"
        CONFIRMED = "confirmed", "Confirmed"
        DISCARDED = "discarded", "Discarded"
        REFUSED = "refused", "Could not be read"

    class Source(models.TextChoices):
        ROOM = "room", "Staff room"
        COMMAND = "command", "Command line"
        API = "api", "API"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="import_batches")
    number = models.PositiveIntegerField()
    source = models.CharField(max_length=8, choices=Source)
    file_name = models.CharField(max_length=255, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes")
    state = models.CharField(max_length=10, choices=State, default=State.READING)
    refusal = models.TextField(blank=True, help_text="Why the whole file could not be read, and what to do")
    columns = models.JSONField(default=dict, help_text="{header as given: what it was taken for}")
    counts = models.JSONField(default=dict, help_text="See audience.counts; read = accepted + rejected + folded")
    uploaded_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(db_default=Now(), editable=False)
    confirmed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    dealt_with_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    dealt_with_at = models.DateTimeField(null=True, blank=True)
    dealt_with_because = models.TextField(blank=True, help_text="What became of the rows that were left out")

    class Meta:
        ordering = ["-number"]
        verbose_name_plural = "import batches"
        constraints = [
            UniqueConstraint(fields=["incident", "number"], name="batch_number_once"),
            CheckConstraint(
                condition=Q(state="confirmed", confirmed_at__isnull=False)
                | (~Q(state="confirmed") & Q(confirmed_at=None)),
                name="batch_confirmed_has_a_moment",
            ),
            CheckConstraint(
                condition=Q(dealt_with_at=None, dealt_with_by=None, dealt_with_because="")
                | (Q(dealt_with_at__isnull=False, dealt_with_by__isnull=False) & ~Q(dealt_with_because="")),
                name="batch_dealt_with_by_somebody_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"import {self.number}"

    @property
    def held_nothing_new(self) -> bool:
        """It was put away by itself: all its accounts were already as it said."""
        return self.state == self.State.DISCARDED and self.counts.get("unchanged", 0) > 0


class StagedRow(models.Model):
    """One row of a file that passed every check, waiting for confirmation. Deleted once the batch has ended."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField(help_text="Line in the file; the header is line 1")
    account_key = models.CharField(
        max_length=1010, help_text="external id, or @ and the normalised address where there is none"
    )
    external_id = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=300, blank=True)
    locale = models.CharField(max_length=16, blank=True)
    jurisdiction = models.CharField(max_length=16, blank=True)
    address = models.CharField(max_length=1000, blank=True)
    normal = models.CharField(max_length=1000, blank=True)
    lookup = models.BinaryField(max_length=32, null=True)
    role = models.CharField(max_length=16, default=Address.Role.OWNER)
    trusted = models.BooleanField(default=True)
    certainty = models.CharField(max_length=10, default="confirmed")
    segments = models.JSONField(default=list, help_text="Segment keys")
    facts = models.JSONField(default=dict, help_text="Personal facts by column name")

    class Meta:
        indexes = [models.Index(fields=["batch", "account_key"], name="staged_by_account")]

    def __str__(self) -> str:
        return f"staged row {self.line}"


class RejectedRow(models.Model):
    """A row that was left out: where, what stood there, what is wrong, what to do. Kept with its batch."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rejected_rows")
    line = models.PositiveIntegerField()
    column = models.CharField(max_length=200, blank=True)
    value = models.TextField(blank=True)
    problem = models.CharField(max_length=300)
    remedy = models.CharField(max_length=300)

    class Meta:
        ordering = ["line", "pk"]

    def __str__(self) -> str:
        return f"rejected row {self.line}"


class AffectedAccountQuerySet(models.QuerySet["AffectedAccount"]):
    def owed_a_notice(self) -> "AffectedAccountQuerySet":
        """Everyone not ruled out."""
        return self.exclude(certainty=AffectedAccount.Certainty.RULED_OUT)


class AffectedAccount(models.Model):
    """An Account in an Incident, with what of theirs was exposed."""

    class Certainty(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed"
        POSSIBLE = "possible", "Possible"
        RULED_OUT = "ruled_out", "Ruled out"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="affected_accounts")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="affected_in")
    segments = models.ManyToManyField(Segment, blank=True, related_name="affected_accounts")
    certainty = models.CharField(max_length=10, choices=Certainty, default=Certainty.CONFIRMED)
    facts = models.JSONField(default=dict, help_text="Typed values and small tables: key suffix, calls, times")
    batch = models.ForeignKey(
        ImportBatch, null=True, blank=True, on_delete=models.PROTECT, related_name="affected_accounts"
    )
    changed_in = models.ForeignKey(ImportBatch, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(db_default=Now(), editable=False)
    acknowledged_at = models.DateTimeField(null=True, blank=True, help_text="The person said they have read it")

    objects = AffectedAccountQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [UniqueConstraint(fields=["incident", "account"], name="affected_once_per_incident")]
        indexes = [models.Index(fields=["incident", "certainty"], name="affected_by_certainty")]

    def __str__(self) -> str:
        return f"affected account {self.pk}"


class StepState(models.Model):
    """Where one affected account stands with one Step. No row means open."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        TICKED = "ticked", "Ticked by the person"
        VERIFIED = "verified", "Verified by us"
        DONE_FOR_YOU = "done_for_you", "Done by us"

    affected_account = models.ForeignKey(AffectedAccount, on_delete=models.CASCADE, related_name="step_states")
    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="states")
    state = models.CharField(max_length=12, choices=State)
    at = models.DateTimeField()

    class Meta:
        constraints = [UniqueConstraint(fields=["affected_account", "step"], name="step_state_once")]

    def __str__(self) -> str:
        return f"step state {self.pk}"
