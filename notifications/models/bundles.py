"""Bundles of evidence that somebody asked for: written by a worker, kept for a while, then taken away."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import User
from incidents.models import Incident


class EvidenceBundle(models.Model):
    """One zip of evidence: waiting, being written, ready to be downloaded, gone."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="bundles")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True, help_text="A worker writes it, unless this has passed")
    rows = models.PositiveBigIntegerField(default=0, help_text="Rows about people written so far")
    rows_in_all = models.PositiveBigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    failed_because = models.CharField(max_length=300, blank=True)
    manifest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of manifest.json")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes")
    expires_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True, help_text="When its bytes were taken away")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"evidence bundle {self.pk}"

    @property
    def is_ready(self) -> bool:
        return self.finished_at is not None and not self.failed_because and self.gone_at is None

    @property
    def is_under_way(self) -> bool:
        return self.finished_at is None

    @property
    def per_cent(self) -> int:
        return min(99, self.rows * 100 // self.rows_in_all) if self.rows_in_all else 0


class EvidencePiece(models.Model):
    """A megabyte of a bundle: web server and worker may be different machines."""

    bundle = models.ForeignKey(EvidenceBundle, on_delete=models.CASCADE, related_name="pieces", db_index=False)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bundle", "number"], name="evidence_piece_once")]

    def __str__(self) -> str:
        return f"piece {self.number} of evidence bundle {self.bundle_id}"
