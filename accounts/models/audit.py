"""The audit chain's entries."""

from django.db import models

from accounts.models.people import User


class AuditEntry(models.Model):
    """Who did what to which thing, when. Written by `audit.record` alone; triggers refuse any change.

    `body` is the canonical JSON of the entry, the very bytes that `hash` covers together with `previous`;
    the columns beside it repeat parts of it for searching.
    """

    number = models.BigIntegerField(primary_key=True, help_text="From the chain, without gaps")
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    act = models.CharField(max_length=80)
    thing = models.CharField(max_length=120, help_text="app.model:id")
    incident = models.BigIntegerField(null=True, blank=True)
    body = models.TextField()
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["-number"]
        indexes = [
            models.Index(fields=["incident", "-number"], name="audit_of_an_incident"),
            models.Index(fields=["thing", "-number"], name="audit_of_a_thing"),
        ]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.number} {self.act}"
