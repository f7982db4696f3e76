"""What proves outside this database how far the audit chain had come: keys of the house, and heads signed by them."""

from django.db import models
from django.db.models.functions import Now


class SigningKey(models.Model):
    """The public half of a key the house signs with, kept for good. The secret half is in the settings, never here."""

    id = models.CharField(primary_key=True, max_length=40)
    public = models.CharField(max_length=64, help_text="Ed25519, 32 bytes in hexadecimal")
    since = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["since", "id"]

    def __str__(self) -> str:
        return self.id


class Anchor(models.Model):
    """One signed head: the chain ended with this entry at this moment. Kept here, and written outside."""

    number = models.BigIntegerField(primary_key=True, help_text="Of the last entry")
    hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    key = models.ForeignKey(SigningKey, on_delete=models.PROTECT, related_name="+")
    signature = models.CharField(max_length=128)
    filed_at = models.DateTimeField(null=True, help_text="Written into AUDIT_ANCHOR_DIR")
    mailed_at = models.DateTimeField(null=True, help_text="Mailed to AUDIT_OFFICERS")

    class Meta:
        ordering = ["number"]
        indexes = [
            # what is still owed to the outside
            models.Index(fields=["number"], condition=models.Q(filed_at=None), name="anchor_to_be_filed"),
            models.Index(fields=["number"], condition=models.Q(mailed_at=None), name="anchor_to_be_mailed"),
        ]

    def __str__(self) -> str:
        return f"head {self.number}"
