from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import User
from incidents.models import Incident


class Notice(models.Model):
    """The text to send. What is sent is one of its versions; this row is the draft they are made from.

    Its own subject and body are in its default language; NoticeText holds the others.
    """

    class Kind(models.TextChoices):
        FIRST = "first", "First notice"
        FOLLOW_UP = "follow_up", "Follow-up"
        REMINDER = "reminder", "Reminder"
        CORRECTION = "correction", "Correction"
        ALL_CLEAR = "all_clear", "All-clear"
        ANSWER = "answer", "Answer to “was I affected?”"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.FIRST)
    name = models.CharField(max_length=120, help_text="For staff only")
    language = models.CharField(
        max_length=16, default="en", help_text="For everyone in whose language there is no text of it"
    )
    subject = models.CharField(max_length=200)
    body = models.TextField(help_text="Markdown with {{ variables }}; the five headings by default")
    edits = models.PositiveIntegerField(default=0, editable=False)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            CheckConstraint(condition=~Q(subject="") & ~Q(body=""), name="notice_says_something"),
            CheckConstraint(condition=~Q(subject__regex="[\\r\\n]"), name="notice_subject_is_one_line"),
        ]

    def __str__(self) -> str:
        return self.name


class NoticeText(models.Model):
    """The draft of a Notice in one more language."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(max_length=16)
    subject = models.CharField(max_length=200)
    body = models.TextField()

    class Meta:
        ordering = ["language"]
        constraints = [
            UniqueConstraint(fields=["notice", "language"], name="notice_text_once_per_language"),
            CheckConstraint(condition=~Q(subject="") & ~Q(body=""), name="notice_text_says_something"),
            CheckConstraint(condition=~Q(subject__regex="[\\r\\n]"), name="notice_text_subject_is_one_line"),
        ]

    def __str__(self) -> str:
        return f"{self.notice} in {self.language}"


class NoticeVersion(models.Model):
    """An immutable text of a Notice in all its languages (a trigger). Approved one by one."""

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    subject = models.CharField(max_length=200)
    body = models.TextField()
    texts = models.JSONField(
        default=dict, help_text="{language: {subject, body}} beside the one above, which is in the default language"
    )
    guidance = models.JSONField(
        default=dict, help_text="Exposures, steps and measures as they stood: see composing.freeze"
    )
    sha256 = models.CharField(max_length=64, help_text="Over subject, body, language, guidance and the other texts")
    made_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-number"]
        constraints = [
            UniqueConstraint(fields=["notice", "number"], name="notice_version_number_once"),
            UniqueConstraint(fields=["notice", "sha256"], name="notice_version_text_once"),
        ]

    def __str__(self) -> str:
        return f"{self.notice} v{self.number}"

    @property
    def language(self) -> str:
        """The default one."""
        return self.guidance.get("language", "en")

    @property
    def languages(self) -> list[str]:
        """The default one first."""
        return [self.language, *sorted(self.texts)]

    def text_in(self, language: str) -> tuple[str, str]:
        """Subject and body; those of the default language where there is no text in this one."""
        text = self.texts.get(language)
        return (text["subject"], text["body"]) if text else (self.subject, self.body)
