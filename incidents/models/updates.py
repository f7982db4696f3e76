from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import User
from incidents.models.incident import Incident
from incidents.models.moments import Moment, known_or_not


class UpdateQuerySet(models.QuerySet["Update"]):
    def drafts(self) -> "UpdateQuerySet":
        return self.filter(published_at=None)

    def published(self) -> "UpdateQuerySet":
        return self.filter(published_at__isnull=False)


class Update(Moment):
    """Something we said in public, at a moment. A draft until it is published; never edited afterwards (a trigger).

    `at` is when it was said: the moment of publishing, or, for what was said before elsewhere, as far as known.
    A draft says "unknown" there.
    """

    class Kind(models.TextChoices):
        HOLDING = "holding", "Holding statement"
        UPDATE = "update", "Update"
        CORRECTION = "correction", "Correction"
        FINAL = "final", "Final update"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="updates")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.UPDATE)
    phase = models.CharField(max_length=14, choices=Incident.Phase, help_text="The phase as of this update")
    body = models.TextField(help_text="Markdown")
    said_elsewhere = models.BooleanField(
        default=False, help_text="It was first said outside Candor, at the moment given"
    )
    position = models.PositiveIntegerField(default=0)
    held_back = models.BooleanField(default=False, help_text="Not part of the next publication")
    written_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(db_default=Now(), editable=False)
    edits = models.PositiveIntegerField(default=0, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = UpdateQuerySet.as_manager()

    class Meta:
        ordering = [
            models.F("at").desc(nulls_first=True),
            "-position",
            "-pk",
        ]  # newest first, drafts before all
        constraints = [
            known_or_not("update"),
            CheckConstraint(condition=~Q(body=""), name="update_says_something"),
        ]

    def __str__(self) -> str:
        return f"update {self.pk}"

    def stands(self) -> str:
        """Its words as the page shows them: as said, or as a minor edit mended them since."""
        mended = [one for one in self.rewordings.all() if one.published_at]
        return mended[-1].body if mended else self.body

    def shall_stand(self) -> str:
        """Its words from the next publication on."""
        mended = list(self.rewordings.all())
        return mended[-1].body if mended else self.body


class Rewording(models.Model):
    """The words of a published Update, a slip of the pen mended. A draft until published, then it stays (a trigger)."""

    update = models.ForeignKey(Update, on_delete=models.PROTECT, related_name="rewordings")
    body = models.TextField(help_text="Markdown")
    written_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(db_default=Now(), editable=False)
    edits = models.PositiveIntegerField(default=0, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            UniqueConstraint(fields=["update"], condition=Q(published_at=None), name="rewording_one_draft"),
            CheckConstraint(condition=~Q(body=""), name="rewording_says_something"),
        ]

    def __str__(self) -> str:
        return f"rewording {self.pk}"


class Correction(models.Model):
    """What an Update of kind correction replaces: from … to …."""

    class Subject(models.TextChoices):
        UPDATE = "update", "An update"
        ANSWER = "answer", "An answer"
        STEP = "step", "A step"
        EXPOSURE = "exposure", "What was exposed"
        ESTIMATE = "estimate", "An estimate"
        EVENT = "event", "A date or event"

    update = models.OneToOneField(Update, on_delete=models.CASCADE, related_name="correction")
    subject = models.CharField(max_length=10, choices=Subject)
    corrects = models.ForeignKey(Update, null=True, blank=True, on_delete=models.PROTECT, related_name="corrected_by")
    what = models.CharField(max_length=200, help_text="What was wrong, in a few words: the window to investigate")
    was = models.TextField("from")
    now = models.TextField("to")
    tell_again = models.BooleanField(
        null=True, help_text="Shall those who were told the old words be told? Empty: not decided yet"
    )

    class Meta:
        constraints = [CheckConstraint(condition=~Q(was=models.F("now")), name="correction_changes_something")]

    def __str__(self) -> str:
        return f"correction {self.pk}"
