from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import Approval, User
from incidents.models.incident import Incident


class PageVersion(models.Model):
    """An immutable, numbered, hashed version of an incident's public documents, or (no incident) of the whole site's.

    PageVersion rows are the outbox of the site folder: `written_at` is empty until the documents stand there,
    `announced_at` until the signal `published` went out.
    """

    class Cause(models.TextChoices):
        PUBLISHED = "published", "Published by a person"
        EDITED = "edited", "A person mended wording"
        TRANSLATED = "translated", "A person added translations"
        TELLING = "telling", "The state of telling changed"
        TIME = "time", "Time passed"
        LOOK = "look", "Rendered anew after an upgrade"
        REDACTED = "redacted", "A person took words out"
        SITE = "site", "Documents of the whole site"

    BY_A_PERSON = (Cause.PUBLISHED, Cause.EDITED, Cause.TRANSLATED, Cause.REDACTED)

    incident = models.ForeignKey(
        Incident, null=True, blank=True, on_delete=models.PROTECT, related_name="page_versions"
    )
    number = models.PositiveIntegerField()
    cause = models.CharField(max_length=10, choices=Cause)
    content = models.JSONField(default=dict, help_text="The frozen content the documents were rendered from")
    content_hash = models.CharField(max_length=64, help_text="SHA-256 of the canonical content: what was approved")
    telling = models.JSONField(default=dict, help_text="The state of telling the documents state")
    hash = models.CharField(max_length=64, help_text="SHA-256 over paths and hashes of its documents")
    made_at = models.DateTimeField(db_default=Now())
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approval = models.ForeignKey(Approval, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(null=True, blank=True)
    announced_at = models.DateTimeField(null=True, blank=True)
    redacted_at = models.DateTimeField(
        null=True, blank=True, help_text="Words were taken out of its content, and its documents are gone"
    )

    class Meta:
        ordering = ["-number"]
        constraints = [
            UniqueConstraint(fields=["incident", "number"], nulls_distinct=False, name="page_version_number_once"),
            CheckConstraint(
                condition=~Q(cause__in=["published", "edited", "translated"]) | Q(approval__isnull=False),
                name="page_version_published_was_approved",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(written_at=None) | Q(announced_at=None),
                name="page_version_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"page version {self.number}"


class PageDocument(models.Model):
    """One document of a PageVersion: its path on the site and its bytes."""

    version = models.ForeignKey(PageVersion, on_delete=models.PROTECT, related_name="documents")
    path = models.CharField(max_length=300, help_text="Below the site folder: incidents/x/index.html")
    content_type = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    # Of the whole site's documents the bytes of versions long superseded go as well (publishing.versions).
    body = models.BinaryField(null=True, help_text="Empty once redacted; the hash stays")

    class Meta:
        ordering = ["path"]
        constraints = [UniqueConstraint(fields=["version", "path"], name="page_document_path_once")]

    def __str__(self) -> str:
        return self.path


class Redaction(models.Model):
    """Words that must not stand in public: asked for, approved, taken out of everything that was published."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="redactions")
    words = models.TextField(blank=True, help_text="What is taken out; forgotten once it is done")
    because = models.CharField(max_length=300)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)
    version = models.OneToOneField(
        PageVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Without the words"
    )

    class Meta:
        ordering = ["-asked_at", "-pk"]
        constraints = [
            UniqueConstraint(fields=["incident"], condition=Q(ended_at=None), name="redaction_one_at_a_time"),
            CheckConstraint(condition=Q(ended_at=None) | Q(words=""), name="redaction_forgets_its_words"),
        ]

    def __str__(self) -> str:
        return f"redaction {self.pk}"  # never the words: this text reaches logs


class PlannedPublication(models.Model):
    """Somebody asked that what was approved be published at a moment to come. The tick does it, or says why not."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="planned_publications")
    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=Now())
    version = models.OneToOneField(PageVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Published, cancelled or stopped")
    stopped = models.TextField(blank=True, help_text="Why it was not published at its moment, and what to do")

    class Meta:
        ordering = ["-made_at", "-pk"]
        constraints = [
            UniqueConstraint(fields=["incident"], condition=Q(ended_at=None), name="planned_publication_one_at_a_time"),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(ended_at=None), name="planned_publication_open")]

    def __str__(self) -> str:
        return f"planned publication {self.pk}"
