from django.db import models
from django.db.models import CheckConstraint, Q
from django.db.models.functions import Now

from accounts.models import User
from incidents.models.guidance import Segment
from incidents.models.incident import Incident
from incidents.models.moments import Moment, known_or_not


class DecisionQuerySet(models.QuerySet["Decision"]):
    def standing(self) -> "DecisionQuerySet":
        """What holds now: nothing superseded it."""
        return self.filter(superseded_by=None)


class Decision(Moment):
    """What somebody decided, when, why, and what it supersedes. Append-only (a trigger)."""

    class Kind(models.TextChoices):
        AWARE = "aware", "We became aware"
        HIGH_RISK = "high_risk", "High risk to people"
        MATERIAL = "material", "Material to investors"
        MAJOR = "major", "Major incident, as the rules of our sector classify it"
        SCOPE_FINAL = "scope_final", "The scope is final"
        CONTACT = "contact", "Contact these people"
        DO_NOT_CONTACT = "do_not_contact", "Do not contact these people"
        TELL_FIRST = "tell_first", "Tell people before the page is public"
        LAW_ENFORCEMENT_HOLD = "law_enforcement_hold", "Law enforcement asked us to wait"
        LEGAL_HOLD = "legal_hold", "Legal hold: keep everything"
        NO_LONGER = "no_longer", "The superseded decision no longer holds"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=22, choices=Kind)
    segment = models.ForeignKey(Segment, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions")
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reasons = models.TextField()
    ground = models.CharField(max_length=200, blank=True, help_text="The rule it rests on, such as GDPR 34(3)(c)")
    means = models.CharField(max_length=200, blank=True, help_text="How these people are told instead")
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["recorded_at", "pk"]
        constraints = [
            known_or_not("decision"),
            CheckConstraint(condition=~Q(reasons=""), name="decision_has_reasons"),
            CheckConstraint(
                condition=~Q(kind="do_not_contact") | (~Q(ground="") & ~Q(means="")),
                name="decision_not_to_contact_has_ground_and_means",
            ),
            CheckConstraint(
                condition=~Q(kind="no_longer") | Q(supersedes__isnull=False),
                name="decision_no_longer_of_what",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
