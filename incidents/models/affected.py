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
        RECEIVED = "received", "Received; its columns wait for a yes"
        READING = "reading", "Being read"
        STAGED = "staged", "Read; nothing is written until confirmed"
        CONFIRMING = "confirming", "Being imported"
        CONFIRMED = "confirmed", "Confirmed"
        DISCARDED = "discarded", "Discarded"
        REFUSED = "refused", "Could not be read"
        UNDONE = "undone", "Undone"

    class Mode(models.TextChoices):
        ADD = "add", "Adds and changes; who is missing from it stays"
        REPLACE = "replace", "Is the whole list; who is missing from it is ruled out"
        RULE_OUT = "rule_out", "Everyone in it is ruled out"

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
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.ADD)
    evidence = models.TextField(blank=True, help_text="What shows that those it rules out were not affected")
    format = models.JSONField(
        default=dict, help_text="How the bytes were read: kind, compression, encoding, delimiter, sheet"
    )
    rows_read = models.PositiveBigIntegerField(default=0, help_text="So far")
    bytes_read = models.PositiveBigIntegerField(default=0, help_text="So far")
    worked_at = models.DateTimeField(null=True, blank=True, help_text="Last sign of life of whoever reads or saves it")
    tries = models.PositiveSmallIntegerField(
        default=0, help_text="How often work on it began and broke off; a file that kills workers is given up"
    )
    refusal = models.TextField(blank=True, help_text="Why the whole file could not be read, and what to do")
    headers = models.JSONField(default=list, help_text="As given, in the order of the file")
    columns = models.JSONField(default=dict, help_text="{header as given: what it was taken for}")
    counts = models.JSONField(default=dict, help_text="See audience.counts; read = accepted + rejected + folded")
    comparison = models.JSONField(default=dict, help_text="See audience.comparing, as of when it was read")
    uploaded_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(db_default=Now(), editable=False)
    asked_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who pressed Import"
    )
    beyond_estimate = models.BooleanField(default=False, help_text="Import it although it is more than the page says")
    stopped = models.TextField(blank=True, help_text="Why the last try to import it wrote nothing, and what to do")
    confirmed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    written_at = models.DateTimeField(
        null=True, blank=True, help_text="The moment at which the accounts and addresses it made say they were created"
    )
    dealt_with_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    dealt_with_at = models.DateTimeField(null=True, blank=True)
    dealt_with_because = models.TextField(blank=True, help_text="What became of the rows that were left out")
    undone_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_because = models.TextField(blank=True)
    idempotency_key = models.CharField(max_length=200, blank=True, help_text="Of the push; empty: no push")
    push = models.JSONField(default=dict, help_text="What came with the key: the same key with other words is refused")

    class Meta:
        ordering = ["-number"]
        verbose_name_plural = "import batches"
        constraints = [
            UniqueConstraint(fields=["incident", "number"], name="batch_number_once"),
            UniqueConstraint(
                fields=["incident", "idempotency_key"], condition=~Q(idempotency_key=""), name="batch_pushed_once"
            ),
            CheckConstraint(
                condition=Q(state__in=["confirmed", "undone"], confirmed_at__isnull=False)
                | (~Q(state__in=["confirmed", "undone"]) & Q(confirmed_at=None)),
                name="batch_confirmed_has_a_moment",
            ),
            CheckConstraint(
                condition=Q(state="undone", undone_at__isnull=False) | (~Q(state="undone") & Q(undone_at=None)),
                name="batch_undone_has_a_moment",
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
    def is_worked_on(self) -> bool:
        """A worker has it in hand, or will: to read, to save, or to compare with a list that has changed."""
        compares = self.state == self.State.STAGED and not self.comparison
        return compares or self.state in {self.State.READING, self.State.CONFIRMING}

    @property
    def held_nothing_new(self) -> bool:
        """It was put away by itself: all its accounts were already as it said."""
        return self.state == self.State.DISCARDED and self.counts.get("unchanged", 0) > 0


class UploadPiece(models.Model):
    """Bytes of an upload in the order of their numbers, until the batch has been read or has ended.

    In the database, so that any worker on any machine can read them, and again after a crash.
    """

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [UniqueConstraint(fields=["batch", "number"], name="upload_piece_once")]

    def __str__(self) -> str:
        return f"piece {self.number}"


class ColumnMapping(models.Model):
    """What somebody took the columns of a file for: remembered for the next file with the same headers."""

    shape = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the headers")
    meanings = models.JSONField(help_text="{header as given: meaning}")
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"column mapping {self.pk}"


class Finding(models.Model):
    """Something in a file that is no error and that a person should see before saying yes."""

    class Kind(models.TextChoices):
        SAME_ADDRESS = "same_address", "One address of several accounts"
        POSSIBLE_DUPLICATE = "possible_duplicate", "Addresses that may be one mailbox"
        ROLE_ADDRESS = "role_address", "An address many people read"
        DOUBTFUL_ADDRESS = "doubtful_address", "An address that mail may not reach"
        CHANGED = "changed", "Changes what we hold"
        MISSING = "missing", "Held, and not in this file"
        NOT_HELD = "not_held", "In this file, and not on the list"

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=20, choices=Kind)
    line = models.PositiveIntegerField(null=True, blank=True)
    account = models.CharField(max_length=1010, blank=True, help_text="The account's id as the file has it")
    column = models.CharField(max_length=200, blank=True)
    value = models.TextField(blank=True)
    other = models.TextField(blank=True, help_text="What it is compared with: the other account, the value we hold")
    words = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["batch", "kind", "id"], name="finding_by_kind")]

    def __str__(self) -> str:
        return f"finding {self.pk}"


class StagedRow(models.Model):
    """One row of a file that passed every check, waiting for confirmation. Deleted once the batch has ended.

    The table is UNLOGGED: a crash of PostgreSQL empties it, and the batch is then read again or said to be lost.
    """

    # No constraint: it would be looked up for each of a million rows that only we write and delete.
    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rows", db_constraint=False)
    line = models.PositiveIntegerField(help_text="Line in the file; the header is line 1")
    account_key = models.CharField(
        max_length=1010, help_text="external id, or @ and the normalised address where there is none"
    )
    external_id = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=300, blank=True)
    locale = models.CharField(max_length=16, blank=True)
    jurisdiction = models.CharField(max_length=16, blank=True)
    kind = models.CharField(max_length=8, default=Address.Kind.EMAIL, db_default="email")
    address = models.CharField(max_length=1000, blank=True)
    normal = models.CharField(max_length=1000, blank=True)
    lookup = models.BinaryField(max_length=32, null=True)
    doubt = models.CharField(max_length=8, blank=True, db_default="", help_text="See audience.doubts")
    mailbox = models.CharField(
        max_length=1000, blank=True, db_default="", help_text="Probably behind the address, where it is another"
    )
    role = models.CharField(max_length=16, default=Address.Role.OWNER)
    trusted = models.BooleanField(default=True)
    certainty = models.CharField(max_length=10, default="confirmed")
    segments = models.JSONField(default=list, help_text="Segment keys")
    facts = models.JSONField(default=dict, help_text="Personal facts by column name")

    class Meta:
        # For the first rows of a batch, and for finding all of one among those of others. Lines come in order, so it
        # costs little; accounts are found by hashing all rows at once.
        indexes = [models.Index(fields=["batch", "line"], name="staged_by_line")]

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
    cells = models.JSONField(
        null=True, blank=True, help_text="The whole row as it was given, once for each line: for the file to mend"
    )

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
    facts = models.JSONField(
        default=dict, help_text="{name: value, or a table as a list of {name: value}}: key suffix, calls, times"
    )
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


class AccountChange(models.Model):
    """What an import did to an affected account that was there before, so that it can be told and undone."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.PROTECT, related_name="changes")
    affected_account = models.ForeignKey(AffectedAccount, on_delete=models.CASCADE, related_name="changes")
    before = models.JSONField(help_text="What it said before, of the fields that changed")
    after = models.JSONField(help_text="What it says since")

    class Meta:
        ordering = ["pk"]
        constraints = [UniqueConstraint(fields=["batch", "affected_account"], name="account_change_once_per_batch")]

    def __str__(self) -> str:
        return f"change {self.pk}"


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
    verified = models.JSONField(
        default=list, db_default=[], help_text="[[name of a fact, value]]: which of several keys we checked so far"
    )

    class Meta:
        constraints = [UniqueConstraint(fields=["affected_account", "step"], name="step_state_once")]

    def __str__(self) -> str:
        return f"step state {self.pk}"
