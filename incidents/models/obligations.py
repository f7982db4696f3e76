"""Legal clocks: rules as data, each version kept, and the obligations of an incident that stand on them."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models import User
from incidents.models.decisions import Decision
from incidents.models.incident import Incident
from incidents.models.moments import Moment, known_or_not


class LawRuleQuerySet(models.QuerySet["LawRule"]):
    def newest(self) -> "LawRuleQuerySet":
        """Of each rule the version that holds now."""
        later = LawRule.objects.filter(key=models.OuterRef("key"), number__gt=models.OuterRef("number"))
        return self.filter(~models.Exists(later))


class LawRule(models.Model):
    """One version of a rule. Append-only (a trigger): whoever edits a rule writes its next version."""

    class Unit(models.TextChoices):
        HOURS = "hours", "hours"
        CALENDAR_DAYS = "calendar_days", "calendar days"
        BUSINESS_DAYS = "business_days", "business days"
        MONTHS = "months", "months"

    class CountsFrom(models.TextChoices):
        MOMENT = "moment", "from the very moment"
        NEXT_HOUR = "next_hour", "from the next full hour"
        NEXT_DAY = "next_day", "from the next day: the day itself does not count"
        YEAR_END = "year_end", "from the end of the calendar year"

    class Ends(models.TextChoices):
        MOMENT = "moment", "at the same time of day"
        END_OF_DAY = "end_of_day", "with the end of the last day"

    class Recipient(models.TextChoices):
        AUTHORITY = "authority", "An authority"
        PEOPLE = "people", "The people affected"
        INVESTORS = "investors", "Investors"
        MEDIA = "media", "The media"

    class ThresholdOf(models.TextChoices):
        AFFECTED = "affected", "affected accounts"
        UNREACHED = "unreached", "accounts that nobody reaches"

    # What makes a reading of its own, where sources contradict each other.
    COUNTED = ("amount", "unit", "counts_from", "ends", "ends_clock", "rolls", "calendar", "zone")

    key = models.SlugField(max_length=60)
    number = models.PositiveIntegerField()
    regime = models.CharField(max_length=80)
    title = models.CharField(max_length=200, help_text="What has to be done")
    citation = models.CharField(max_length=200)
    source = models.URLField(max_length=500, help_text="Where the official text stands")
    checked_on = models.DateField(null=True, blank=True, help_text="When somebody last compared it; empty: not checked")
    checked_against = models.CharField(max_length=500, blank=True, help_text="The text it was compared with")
    trigger = models.CharField(max_length=22, choices=Decision.Kind, blank=True, help_text="The decision it runs from")
    after = models.CharField(max_length=60, blank=True, help_text="Key of the rule that must be met first")
    amount = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: without a fixed term")
    unit = models.CharField(max_length=14, choices=Unit, blank=True)
    counts_from = models.CharField(max_length=10, choices=CountsFrom, default=CountsFrom.NEXT_DAY)
    ends = models.CharField(max_length=10, choices=Ends, default=Ends.END_OF_DAY)
    ends_clock = models.TimeField(null=True, blank=True, help_text="When that day ends for the recipient")
    rolls = models.BooleanField(default=False, help_text="A term that ends on no business day ends on the next one")
    calendar = models.CharField(max_length=20, blank=True, help_text="Holidays: US, US-CA, NYSE; empty: weekends alone")
    zone = models.CharField(max_length=40, blank=True, help_text="Whose days; empty: as the decision was written")
    recipient = models.CharField(max_length=10, choices=Recipient, default=Recipient.AUTHORITY)
    to = models.CharField(max_length=200, blank=True, help_text="Who it is, in words")
    may_be_held = models.BooleanField(default=False, help_text="Waits while law enforcement asks to wait")
    jurisdictions = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    threshold = models.PositiveIntegerField(null=True, blank=True, help_text="Applies from this many on; empty: always")
    threshold_of = models.CharField(max_length=10, choices=ThresholdOf, default=ThresholdOf.AFFECTED)
    contradiction = models.TextField(blank=True, help_text="Where sources contradict each other: who says what")
    readings = models.JSONField(default=list, blank=True, help_text="Other ways to count it, each with its source")
    note = models.TextField(blank=True)
    made_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = LawRuleQuerySet.as_manager()

    class Meta:
        ordering = ["regime", "key", "-number"]
        constraints = [
            UniqueConstraint(fields=["key", "number"], name="law_rule_version_once"),
            CheckConstraint(condition=Q(amount=None, unit="") | (Q(amount__isnull=False) & ~Q(unit="")),
                            name="law_rule_amount_with_unit"),
            CheckConstraint(condition=~Q(trigger="") | ~Q(after=""), name="law_rule_runs_from_something"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.key} {self.number}"

    def as_record(self) -> dict[str, Any]:
        """Everything that it says, for evidence and for comparing versions."""
        names = [field.name for field in self._meta.concrete_fields if field.name not in {"id", "made_by", "made_at"}]
        return {name: getattr(self, name) for name in names}


class Obligation(models.Model):
    """A legal clock that somebody chose to run for an incident. What became of it stands in its entries."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="obligations")
    key = models.SlugField(max_length=60)
    rule = models.ForeignKey(LawRule, on_delete=models.PROTECT, related_name="+", help_text="As it was when chosen")
    chosen_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    chosen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [UniqueConstraint(fields=["incident", "key"], name="obligation_once_an_incident")]

    def __str__(self) -> str:
        return f"{self.key} of incident {self.incident_id}"


class ObligationEntry(Moment):
    """What somebody said of an obligation. Append-only (a trigger); the latest of its sort holds."""

    class Kind(models.TextChoices):
        MET = "met", "Met"
        LATE = "late", "Late, and why"
        NOT_REQUIRED = "not_required", "Not required, and why"
        OPEN_AGAIN = "open_again", "Open again, and why"
        READING = "reading", "How it is counted, and why"
        RULE = "rule", "By the newer version of the rule"

    class Proof(models.TextChoices):
        MAILING = "mailing", "A mailing"
        LETTER = "letter", "A letter"
        UPLOAD = "upload", "A reference of an authority’s portal"
        OTHER = "other", "Something else"

    obligation = models.ForeignKey(Obligation, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=12, choices=Kind)
    proof = models.CharField(max_length=8, choices=Proof, blank=True)
    reference = models.CharField(max_length=200, blank=True)
    reasons = models.TextField(blank=True)
    reading = models.PositiveSmallIntegerField(null=True, blank=True)
    rule = models.ForeignKey(LawRule, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [
            known_or_not("obligation_entry"),
            CheckConstraint(
                condition=~Q(kind="met") | (Q(at__isnull=False) & ~Q(proof="") & ~Q(reference="")),
                name="obligation_met_when_with_proof",
            ),
            CheckConstraint(
                condition=Q(kind__in=("met", "rule")) | ~Q(reasons=""), name="obligation_entry_has_reasons"
            ),
            CheckConstraint(condition=Q(reading__isnull=False) | ~Q(kind="reading"), name="obligation_reading_which"),
            CheckConstraint(condition=Q(rule__isnull=False) | ~Q(kind="rule"), name="obligation_rule_which"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of obligation {self.obligation_id}"

    @property
    def incident(self) -> Incident:
        return self.obligation.incident


class ObligationReminder(models.Model):
    """That staff were told by mail how little is left; once for each mark, even where the clock is moved."""

    obligation = models.ForeignKey(Obligation, on_delete=models.PROTECT, related_name="reminders")
    mark = models.CharField(max_length=12)
    due_at = models.DateTimeField()
    mailed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [UniqueConstraint(fields=["obligation", "mark", "due_at"], name="obligation_reminder_once")]

    def __str__(self) -> str:
        return f"{self.mark} of obligation {self.obligation_id}"


class CalendarFeed(models.Model):
    """A secret address under which a calendar reads the clocks of an incident. The address itself is kept nowhere."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="calendar_feeds")
    sha256 = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=Now())
    revoked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"feed {self.pk} of incident {self.incident_id}"


class SubstituteNotice(models.Model):
    """How those whom nobody reaches are told instead. Append-only (a trigger); a later one supersedes it."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="substitute_notices")
    unreached = models.PositiveIntegerField(help_text="How many nobody reached when this was recorded")
    unreached_sha256 = models.CharField(max_length=64, help_text="Over the keyed hashes of these accounts, in order")
    means = models.TextField(help_text="How they are told instead")
    page_from = models.DateTimeField(null=True, blank=True, help_text="Since when the page counts; empty: not by page")
    page_days = models.PositiveSmallIntegerField(default=90)
    phone = models.CharField(max_length=40, blank=True)
    phone_from = models.DateField(null=True, blank=True)
    phone_to = models.DateField(null=True, blank=True)
    reasons = models.TextField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-pk"]
        constraints = [
            CheckConstraint(condition=~Q(means="") & ~Q(reasons=""), name="substitute_notice_says_how_and_why"),
            CheckConstraint(
                condition=Q(phone="", phone_from=None, phone_to=None)
                | (~Q(phone="") & Q(phone_from__isnull=False) & Q(phone_to__gte=models.F("phone_from"))),
                name="substitute_notice_phone_from_to",
            ),
        ]

    def __str__(self) -> str:
        return f"substitute notice {self.pk}"
