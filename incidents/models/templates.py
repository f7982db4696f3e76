from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import User


class TemplateQuerySet(models.QuerySet["Template"]):
    def standing(self) -> "TemplateQuerySet":
        return self.filter(put_away_at=None)

    def of(self, kind: str) -> "TemplateQuerySet":
        """Those one can begin from now."""
        return self.standing().filter(kind=kind)


class Template(models.Model):
    """Words to begin from. Whatever is begun keeps its own copy: changing a template changes nothing that stands."""

    class Kind(models.TextChoices):
        INCIDENT = "incident", "Incident"
        UPDATE = "update", "Update"
        NOTICE = "notice", "Notice"
        QUESTION = "question", "Question"
        STEP = "step", "Step"

    class Case(models.TextChoices):
        API_KEY = "api_key", "API keys leaked"
        CREDENTIAL_STUFFING = "credential_stuffing", "Credential stuffing"
        THIRD_PARTY = "third_party", "Breach at a third party"
        LOST_DEVICE = "lost_device", "Lost device"
        RANSOMWARE = "ransomware", "Ransomware"
        ANY = "any", "Any incident"

    kind = models.CharField(max_length=8, choices=Kind)
    case = models.CharField(max_length=20, choices=Case, default=Case.ANY)
    name = models.CharField(max_length=120, help_text="For staff only")
    words = models.JSONField(help_text="{field: text}: see templates.FIELDS")
    starter = models.CharField(max_length=60, blank=True, editable=False, help_text="Its key in our starter set")
    edits = models.PositiveIntegerField(default=0, editable=False)
    changed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(db_default=Now(), editable=False)
    counsel_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When counsel said yes to it")
    counsel_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    put_away_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Nobody begins from it now")

    objects = TemplateQuerySet.as_manager()

    class Meta:
        ordering = ["case", "kind", "name", "pk"]
        constraints = [
            UniqueConstraint(fields=["starter"], condition=~Q(starter=""), name="template_starter_once"),
            CheckConstraint(
                condition=Q(counsel_at=None, counsel_by=None) | Q(counsel_at__isnull=False, counsel_by__isnull=False),
                name="template_counsel_at_and_by",
            ),
        ]

    def __str__(self) -> str:
        return self.name
