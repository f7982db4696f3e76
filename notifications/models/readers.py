from django.db import models
from django.db.models import Exists, OuterRef, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import Address, User
from incidents.models import AffectedAccount, Incident


class LinkRevocation(models.Model):
    """All links of an incident signed until then open nothing: they leaked. One row, whatever their number."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="link_revocations")
    because = models.CharField(max_length=300)
    links = models.PositiveIntegerField(help_text="How many were living")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    waiting_signed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the links of all messages that had not gone out were signed anew"
    )

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"revocation of links {self.pk}"


class ReaderLinkQuerySet(models.QuerySet["ReaderLink"]):
    def with_shut(self) -> "ReaderLinkQuerySet":
        """With `shut`: revoked alone, or with all the others of its incident."""
        return self.annotate(shut=self._is_shut())

    def not_shut(self) -> "ReaderLinkQuerySet":
        return self.exclude(self._is_shut())

    def shut_together(self) -> "ReaderLinkQuerySet":
        return self.filter(self._is_shut(), revoked_at=None)

    def _is_shut(self) -> Q:
        together = LinkRevocation.objects.filter(
            incident=OuterRef("affected_account__incident"), at__gte=OuterRef("signed_at")
        )
        return Q(revoked_at__isnull=False) | Q(Exists(together))


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
    signed_at = models.DateTimeField(db_default=Now(), help_text="When this serial was given")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    first_opened_at = models.DateTimeField(null=True, blank=True, help_text="When Continue was pressed first")
    opens = models.PositiveIntegerField(default=0)

    objects = ReaderLinkQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["sha256"], name="reader_link_token_once"),
            UniqueConstraint(fields=["affected_account", "address"], name="reader_link_once_per_address"),
        ]

    def __str__(self) -> str:
        return f"reader link {self.pk}"


class FreshLinkRequest(models.Model):
    """Somebody pressed "send me a fresh link" behind some token: nothing is looked up until a worker takes the row."""

    sha256 = models.BinaryField(max_length=32, help_text="Of the token, whatever it was")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"fresh link request {self.pk}"


class HandOver(models.Model):
    """The company's own product knows who is signed in there, and hands them over to their notice: once, at once."""

    affected_account = models.ForeignKey(AffectedAccount, on_delete=models.CASCADE, related_name="+")
    sha256 = models.BinaryField(max_length=32)
    token = models.CharField(max_length=8, help_text="Short name of the API token that asked")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [UniqueConstraint(fields=["sha256"], name="hand_over_token_once")]
        indexes = [models.Index(fields=["expires_at"], name="hand_over_by_end")]  # to be forgotten

    def __str__(self) -> str:
        return f"hand-over {self.pk}"


class MailboxCode(models.Model):
    """A code that shows whose mailbox it is. Every address that asks gets a row and a mail; nothing is looked up."""

    handle_sha256 = models.BinaryField(max_length=32, help_text="Of what the asking browser holds")
    lookup = models.BinaryField(max_length=32, help_text="Keyed hash of the normalised address")
    sealed = models.TextField(blank=True, help_text="Address and code, sealed; emptied when it is over")
    language = models.CharField(max_length=16)
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When it was mailed")
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [UniqueConstraint(fields=["handle_sha256"], name="mailbox_code_handle_once")]
        indexes = [
            models.Index(fields=["lookup"], name="mailbox_code_by_lookup"),  # how many this mailbox got
            models.Index(fields=["asked_at"], condition=Q(sent_at=None), name="mailbox_code_to_send"),
        ]

    def __str__(self) -> str:
        return f"mailbox code {self.pk}"
