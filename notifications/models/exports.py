"""Lists of people that left the house."""

from django.db import models
from django.db.models import CheckConstraint, Q
from django.db.models.functions import Now

from accounts.models import Approval, User
from incidents.models import Incident


class Export(models.Model):
    """Somebody asked to take a list of affected accounts out of the house: whom, why, and what became of it."""

    class Format(models.TextChoices):
        CSV = "csv", "CSV, which every program reads"
        XLSX = "xlsx", "XLSX, an Excel workbook"
        ZIP = "zip", "ZIP: letters to print, and their addresses"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="exports")
    filters = models.JSONField(default=dict, help_text="See listing.Filter.query, OfMailing.query")
    format = models.CharField(max_length=4, choices=Format)
    because = models.CharField(max_length=300)
    people = models.PositiveIntegerField(help_text="How many, when it was asked for")
    sha256_of_ids = models.CharField(max_length=64, help_text="Which, when it was asked for")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    approval = models.ForeignKey(Approval, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    begun_at = models.DateTimeField(null=True, blank=True, help_text="When it was downloaded; never a second time")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Empty after a download that broke off")
    lines = models.PositiveIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the file, once it was whole")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            CheckConstraint(
                condition=Q(ended_at=None) | (Q(begun_at__isnull=False, lines__isnull=False) & ~Q(sha256="")),
                name="export_ended_was_whole",
            )
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"
