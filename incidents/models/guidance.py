"""What was exposed, for whom, and what to do about it."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from incidents import veris
from incidents.models.incident import Incident
from incidents.models.moments import Moment, known_or_not


class Row(models.Model):
    """Abstract: one row of guidance in an order of its own, on the page unless held back."""

    position = models.PositiveIntegerField(default=0)
    held_back = models.BooleanField(default=False, help_text="Keep it out of the page")
    edits = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        abstract = True
        ordering = ["position", "pk"]


class Segment(Row):
    """A class of affected accounts with the same exposure and steps."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="segments")
    name = models.CharField(max_length=120)
    key = models.SlugField(max_length=60, help_text="The word in the import file's segment column")
    guidance = models.TextField(blank=True, help_text="Markdown, to these people")
    receives_notice = models.BooleanField(default=True, help_text="No: a group the page speaks to and nobody writes to")
    rule = models.JSONField(
        default=dict, blank=True, help_text="Who is in it by what an import says, see audience.rules; empty: nobody"
    )

    class Meta(Row.Meta):
        constraints = [UniqueConstraint(fields=["incident", "key"], name="segment_key_once")]

    def __str__(self) -> str:
        return self.name


class Exposure(Row):
    """A data class and a Segment: confirmed, possible or ruled out. No Segment means everyone affected."""

    class Status(models.TextChoices):
        CONFIRMED = "confirmed", "Exposed"
        POSSIBLE = "possible", "Possibly exposed"
        RULED_OUT = "ruled_out", "Not exposed"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="exposures")
    segment = models.ForeignKey(Segment, null=True, blank=True, on_delete=models.CASCADE, related_name="exposures")
    data_class = models.CharField(max_length=120, help_text="API keys, email addresses …")
    veris = models.CharField(
        max_length=60, blank=True, validators=[veris.known],
        help_text="VERIS 1.4.1 attribute.confidentiality.data.variety",
    )  # fmt: skip
    status = models.CharField(max_length=10, choices=Status)
    note = models.CharField(max_length=400, blank=True)

    class Meta(Row.Meta):
        constraints = [
            UniqueConstraint(fields=["incident", "segment", "data_class"], nulls_distinct=False, name="exposure_once"),
        ]

    def __str__(self) -> str:
        return f"{self.data_class}: {self.status}"


class Step(Row):
    """What an affected person should do. No Segment means everyone affected. The most urgent stands first."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="steps")
    segment = models.ForeignKey(Segment, null=True, blank=True, on_delete=models.CASCADE, related_name="steps")
    title = models.CharField(max_length=200, help_text="A verb first: Rotate your API keys")
    how = models.TextField(blank=True, help_text="Markdown: where to go, what to press")
    why = models.TextField(blank=True)
    if_not = models.TextField(blank=True, help_text="What happens if it is not done")
    cut_off = models.DateTimeField(null=True, blank=True, help_text="Concerns what was made before this moment")
    due_at = models.DateTimeField(null=True, blank=True)
    url = models.URLField(blank=True, help_text="A page of ours where it is done")
    ends_exposure = models.BooleanField(default=False, help_text="While it is open, an exposed key still works")
    for_affected_only = models.BooleanField(default=True, help_text="No: everyone should do it")

    class Meta(Row.Meta):
        pass

    def __str__(self) -> str:
        return self.title


class Measure(Row, Moment):
    """What we did, or promised to do."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="measures")
    text = models.TextField(help_text="Markdown")
    promised = models.BooleanField(default=False, help_text="Announced, not done yet")
    due_at = models.DateTimeField(null=True, blank=True, help_text="When a promise falls due")

    class Meta(Row.Meta):
        constraints = [known_or_not("measure")]

    def __str__(self) -> str:
        return f"measure {self.pk}"


class Indicator(Row):
    """Something readers can look for in their own logs. Kept as it is; shown defanged."""

    class Kind(models.TextChoices):
        IPV4 = "ipv4", _("IPv4 address")
        IPV6 = "ipv6", _("IPv6 address")
        DOMAIN = "domain", _("Domain")
        URL = "url", _("URL")
        SHA256 = "sha256", _("SHA-256")
        FILE = "file", _("File")
        USER_AGENT = "user_agent", _("User agent")
        PROVIDER = "provider", _("Network provider")
        LOG_QUERY = "log_query", _("Log event")
        TIME_WINDOW = "time_window", _("Time window")
        EMAIL = "email", _("Email sender")

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="indicators")
    kind = models.CharField(max_length=12, choices=Kind)
    value = models.CharField(max_length=500)
    note = models.CharField(max_length=400, blank=True)

    class Meta(Row.Meta):
        constraints = [
            UniqueConstraint(fields=["incident", "kind", "value"], name="indicator_once"),
            CheckConstraint(condition=~Q(value=""), name="indicator_has_a_value"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class FAQEntry(Row):
    """A question and its answer. Without an answer it is a reminder to staff and stays off the page."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="faq")
    question = models.CharField(max_length=300)
    answer = models.TextField(blank=True, help_text="Markdown")

    class Meta(Row.Meta):
        verbose_name = "FAQ entry"
        verbose_name_plural = "FAQ entries"

    def __str__(self) -> str:
        return self.question


class Contact(Row):
    """Whom to ask, by role."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="contacts")
    role = models.CharField(max_length=60, help_text="security, media, support …")
    value = models.CharField(max_length=300, help_text="An email address, a phone number or a URL")
    label = models.CharField(max_length=200, blank=True)

    class Meta(Row.Meta):
        pass

    def __str__(self) -> str:
        return f"{self.role} contact"
