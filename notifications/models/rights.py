"""What one person is owed besides the notice: the address put right, their data given or erased, forgotten in time."""

from django.db import models
from django.db.models import CheckConstraint, Q
from django.db.models.functions import Now

from accounts.models import Account, Address, Approval, User
from incidents.models import AffectedAccount, Incident


class AddressCorrection(models.Model):
    """Another address for an account, said at support and confirmed by a second person."""

    affected_account = models.ForeignKey(AffectedAccount, on_delete=models.PROTECT, related_name="corrections")
    old = models.ForeignKey(Address, on_delete=models.PROTECT, related_name="+")
    value = models.CharField(max_length=254, blank=True, help_text="The new address; emptied once it stands or is over")
    because = models.CharField(max_length=300, help_text="How they showed who they are; names nobody")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    approval = models.ForeignKey(Approval, null=True, on_delete=models.PROTECT, related_name="+")
    new = models.ForeignKey(Address, null=True, on_delete=models.PROTECT, related_name="+")
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            CheckConstraint(
                condition=Q(done_at=None, new=None) | Q(done_at__isnull=False, new__isnull=False, value=""),
                name="address_correction_done_is_forgotten_here",
            )
        ]

    def __str__(self) -> str:
        return f"address correction {self.pk}"


class FakeReport(models.Model):
    """A message somebody took for a fake, as they pasted it. No files, and nothing of it is ever shown as HTML."""

    class State(models.TextChoices):
        NEW = "new", "Nobody has looked yet"
        FAKE = "fake", "A fake"
        OURS = "ours", "It was ours"
        NOTHING = "nothing", "Neither"

    sender = models.CharField(max_length=254, blank=True)
    words = models.TextField(max_length=5000)
    at = models.DateTimeField(db_default=Now())
    state = models.CharField(max_length=7, choices=State, default=State.NEW)
    note = models.CharField(max_length=300, blank=True)
    looked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    looked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"report {self.pk}"


class RetentionQuerySet(models.QuerySet["Retention"]):
    def begun(self) -> "RetentionQuerySet":
        """Whose people are forgotten, or are being forgotten: who was on the list cannot be said any more."""
        return self.filter(begun_at__isnull=False)


class Retention(models.Model):
    """When the people of an incident are forgotten, and what was."""

    incident = models.OneToOneField(Incident, primary_key=True, on_delete=models.PROTECT, related_name="retention")
    forget_on = models.DateField(null=True, help_text="None: as the setting says, counted from when it was resolved")
    set_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(null=True)
    begun_at = models.DateTimeField(null=True)
    forgotten_at = models.DateTimeField(null=True)
    report = models.JSONField(default=dict, help_text="What was forgotten, in numbers, and the root over it")

    objects = RetentionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"retention of {self.incident_id}"


class PersonRequest(models.Model):
    """A person asked for their data (GDPR 15), or to have them erased (17)."""

    class Kind(models.TextChoices):
        GIVE = "give", "Give them their data"
        ERASE = "erase", "Erase their data"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=Kind)
    because = models.CharField(max_length=300, help_text="How they showed who they are; names nobody")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    approval = models.ForeignKey(Approval, null=True, on_delete=models.PROTECT, related_name="+")
    done_at = models.DateTimeField(null=True)
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the file that was given")
    report = models.JSONField(default=dict)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"person request {self.pk}"
