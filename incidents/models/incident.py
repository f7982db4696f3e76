from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from incidents.models.moments import Moment, known_or_not


class IncidentQuerySet(models.QuerySet["Incident"]):
    def published(self) -> "IncidentQuerySet":
        """The one definition of public: visible to everyone, with a page, and no drill."""
        return self.filter(visibility=Incident.Visibility.PUBLIC, drill=False, first_published_at__isnull=False)


class Incident(models.Model):
    """One security incident, as the staff room holds it now. What the public sees is its latest PageVersion."""

    class Visibility(models.TextChoices):
        PRIVATE = "private", "Private: nobody outside sees it"
        TOLD_ONLY = "told_only", "Told only: the page opens from the notice"
        PUBLIC = "public", "Public"

    class Phase(models.TextChoices):
        INVESTIGATING = "investigating", _("Investigating")
        IDENTIFIED = "identified", _("Identified")
        MONITORING = "monitoring", _("Monitoring")
        RESOLVED = "resolved", _("Resolved")
        POSTMORTEM = "postmortem", _("Postmortem")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    CLOSED = (Phase.RESOLVED, Phase.POSTMORTEM, Phase.WITHDRAWN)

    class Impact(models.TextChoices):
        # Statuspage's words, so that its readers understand ours.
        NONE = "none", "None"
        MINOR = "minor", "Minor"
        MAJOR = "major", "Major"
        CRITICAL = "critical", "Critical"

    class NotNotified(models.TextChoices):
        """What it means not to have been written to (design.md 7)."""

        NOT_YET_KNOWN = "not_yet_known", "We do not know yet"
        NOT_AFFECTED = "not_affected", "Whoever was not written to is not affected"
        NO_EVIDENCE = "no_evidence", "We have no evidence so far that others are affected"
        NOT_CONTACTED = "not_contacted", "Some are affected and by decision not contacted"
        EVERYONE_ACTS = "everyone_acts", "Everyone must act"
        NOBODY_AFFECTED = "nobody_affected", "Nobody was affected"

    slug = models.SlugField(
        max_length=80, unique=True, help_text="Part of the public address; it must give nothing away"
    )
    title = models.CharField(max_length=200)
    summary = models.TextField(blank=True, help_text="One or two sentences: what happened, in plain words")
    language = models.CharField(max_length=16, default="en", help_text="The language it is written in first")
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.PRIVATE)
    phase = models.CharField(max_length=14, choices=Phase, default=Phase.INVESTIGATING)
    impact = models.CharField(max_length=8, choices=Impact, default=Impact.MAJOR)
    drill = models.BooleanField(default=False, help_text="Never leaves the house")
    not_notified = models.CharField(max_length=16, choices=NotNotified, default=NotNotified.NOT_YET_KNOWN)
    not_contacted_words = models.TextField(
        blank=True, help_text="Who is affected and not contacted, and why; for that meaning only"
    )
    next_update_by = models.DateTimeField(null=True, blank=True)
    originally_posted_on = models.DateField(null=True, blank=True, help_text="Where it stood elsewhere before")
    exposed_channels = ArrayField(
        models.CharField(max_length=120), default=list, blank=True,
        help_text="Providers, sending domains or identity providers that are part of the breach",
    )  # fmt: skip
    told_through = ArrayField(
        models.CharField(max_length=60),
        default=list,
        blank=True,
        help_text="How we told people: email, blog …",
    )
    related = ArrayField(
        models.SlugField(max_length=80), default=list, blank=True,
        help_text="Slugs of other incidents; the page leads to those that are public themselves",
    )  # fmt: skip
    internal_notes = models.TextField(blank=True, help_text="Never published")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    first_published_at = models.DateTimeField(null=True, blank=True, editable=False)
    resolved_at = models.DateTimeField(null=True, blank=True, editable=False)
    edits = models.PositiveIntegerField(
        default=0, editable=False, help_text="Compare-and-set: the edit a form started from"
    )

    # How far telling has come, pushed by notifications through publishing.record_telling alone.
    telling = models.JSONField(default=dict, editable=False, help_text="See publishing.Telling")

    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            CheckConstraint(condition=~Q(drill=True, visibility="public"), name="incident_drill_is_never_public"),
            CheckConstraint(condition=~Q(slug=""), name="incident_has_a_slug"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_active(self) -> bool:
        return self.phase not in self.CLOSED


class TimelineEvent(Moment):
    """Something that happened, as opposed to an Update, which is something we said."""

    class Kind(models.TextChoices):
        ATTACK = "attack", "Attack"
        DETECTION = "detection", "Detection"
        REPORT = "report", "Report"
        INVESTIGATION = "investigation", "Investigation"
        RESPONSE = "response", "Response"
        CONTAINMENT = "containment", "Containment"
        REMEDIATION = "remediation", "Remediation"
        NOTIFICATION = "notification", "Notification"
        DISCLOSURE = "disclosure", "Disclosure"
        CLOSURE = "closure", "Closure"

    class Marks(models.TextChoices):
        """The key dates every incident has, known or not."""

        ATTACK_START = "attack_start", _("The attack began")
        ATTACK_END = "attack_end", _("The attack ended")
        DETECTED = "detected", _("We noticed")
        CONTAINED = "contained", _("We closed the way in")
        FIRST_PUBLISHED = "first_published", _("We first said so in public")
        LAST_UPDATE = "last_update", _("Last update")

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=14, choices=Kind)
    marks = models.CharField(max_length=16, choices=Marks, blank=True)
    text = models.TextField(help_text="Markdown, one or two sentences")
    until = models.DateTimeField(null=True, blank=True, help_text="For what lasted: its end")
    uncertain = models.BooleanField(default=False, help_text="Believed, not established")
    note = models.CharField(max_length=400, blank=True)
    position = models.PositiveIntegerField(default=0, help_text="Order in the source, for equal moments")
    held_back = models.BooleanField(default=False, help_text="Keep it out of the page")
    edits = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["at", "position", "pk"]
        constraints = [
            known_or_not("event"),
            CheckConstraint(condition=Q(until=None) | Q(until__gte=models.F("at")), name="event_until_not_before_at"),
            UniqueConstraint(fields=["incident", "marks"], condition=~Q(marks=""), name="event_one_per_mark"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class ScopeEstimate(Moment):
    """Less than 1 % of customers, potentially, as of 5 January. `at` is the as-of."""

    class Bound(models.TextChoices):
        EXACTLY = "exactly", "exactly"
        ABOUT = "about", "about"
        LESS_THAN = "less_than", "less than"
        AT_MOST = "at_most", "at most"
        AT_LEAST = "at_least", "at least"
        ALL = "all", "all"
        MOST = "most", "most"
        NOT_KNOWN = "not_known", "not known yet"

    class Certainty(models.TextChoices):
        CONFIRMED = "confirmed", "confirmed"
        BELIEVED = "believed", "believed"
        POTENTIAL = "potential", "potentially"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="estimates")
    of_what = models.CharField(max_length=120, help_text="What is counted: customers, users, projects")
    bound = models.CharField(max_length=10, choices=Bound)
    value = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)
    unit = models.CharField(max_length=40, blank=True, help_text="percent, or the thing itself: customers")
    certainty = models.CharField(max_length=10, choices=Certainty, default=Certainty.POTENTIAL)
    words = models.TextField(blank=True, help_text="The sentence, where numbers do not say it")
    basis = models.CharField(max_length=300, blank=True, help_text="What it rests on, or whose statement it is")
    revises = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="revised_by")
    position = models.PositiveIntegerField(default=0)
    held_back = models.BooleanField(default=False)
    edits = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            known_or_not("estimate"),
            CheckConstraint(
                condition=Q(value__isnull=False) | Q(bound__in=["all", "most", "not_known"]),
                name="estimate_value_where_bound_needs_one",
            ),
            CheckConstraint(condition=~Q(unit="percent") | Q(value__lte=100), name="estimate_percent_to_100"),
        ]

    def __str__(self) -> str:
        return f"{self.bound} {self.value or ''} {self.unit} {self.of_what}"


class Reference(models.Model):
    """A public page about the incident, ours or somebody else's."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="references")
    url = models.URLField(max_length=500)
    label = models.CharField(max_length=200, blank=True)
    position = models.PositiveIntegerField(default=0)
    held_back = models.BooleanField(default=False)
    edits = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.label or self.url
