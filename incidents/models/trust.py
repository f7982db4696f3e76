"""Which addresses are not written to, although they are known."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import User
from incidents.models.incident import Incident


class AddressRule(models.Model):
    """Addresses in which an incident has no trust: "mailboxes at example.com were themselves exposed"."""

    class Kind(models.TextChoices):
        DOMAIN = "domain", "Addresses at a domain"
        ROLE = "role", "Addresses in a role"
        SEGMENT = "segment", "All addresses of a segment"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="address_rules")
    kind = models.CharField(max_length=8, choices=Kind)
    value = models.CharField(max_length=253, help_text="The domain as addresses have it, the role, the segment's key")
    because = models.CharField(max_length=400)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [
            UniqueConstraint(fields=["incident", "kind", "value"], name="address_rule_once"),
            CheckConstraint(condition=~Q(value="") & ~Q(because=""), name="address_rule_says_what_and_why"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.value}"
