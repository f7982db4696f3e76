from django.db import models
from django.db.models import UniqueConstraint
from django.db.models.functions import Now

from accounts.models import Address
from incidents.models import AffectedAccount


class ReaderLink(models.Model):
    """What opens the personal notice: belongs to account, address and incident, and always shows the latest truth.

    The token is HMAC-SHA256 of purpose, this row's id and serial under a link key, so that the same message can be
    composed again; only its SHA-256 is stored, committed no later than the hand-over mark.
    """

    affected_account = models.ForeignKey(AffectedAccount, on_delete=models.PROTECT, related_name="links")
    address = models.ForeignKey(Address, on_delete=models.PROTECT, related_name="links")
    key_id = models.CharField(max_length=40)
    serial = models.PositiveIntegerField(default=1)
    sha256 = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    first_opened_at = models.DateTimeField(null=True, blank=True, help_text="When Continue was pressed first")
    opens = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["sha256"], name="reader_link_token_once"),
            UniqueConstraint(fields=["affected_account", "address"], name="reader_link_once_per_address"),
        ]

    def __str__(self) -> str:
        return f"reader link {self.pk}"
