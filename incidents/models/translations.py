from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import User
from incidents.models.incident import Incident


class Translation(models.Model):
    """One text of an incident in one more language: a row of its own, so that one that comes later changes nothing.

    A draft until it is published; never changed afterwards (a trigger): the next words are the next row, and of a
    text the newest row counts. It counts no longer once the original reads differently from what was translated.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="translations")
    language = models.CharField(max_length=16)
    thing = models.CharField(max_length=40, help_text="Whose text: update:12")
    field = models.CharField(max_length=40, help_text="Which of its texts: body")
    of = models.TextField(help_text="The original, as it read when this was written")
    words = models.TextField(blank=True, help_text="Empty: there is no translation any more")
    written_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(db_default=Now())
    edits = models.PositiveIntegerField(default=0, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            UniqueConstraint(
                fields=["incident", "language", "thing", "field"], condition=Q(published_at=None),
                name="translation_one_draft",
            ),
            CheckConstraint(condition=~Q(of=""), name="translation_is_of_something"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"translation {self.pk}"
