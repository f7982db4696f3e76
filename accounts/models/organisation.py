"""The company whose name stands on every page and message."""

import re

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q
from django.db.models.functions import Now

from accounts.languages import english_alone

NEEDS_QUOTES = re.compile(r'[()<>\[\]:;@\\,"]')  # RFC 5322's specials; a dot is taken as it is


class Organisation(models.Model):
    """The company whose name, domain, sender and contacts stand on every page and message. There is one row."""

    name = models.CharField(max_length=120, default="Your organisation")
    legal_name = models.CharField(max_length=200, blank=True)
    mark = models.CharField(max_length=3, blank=True, help_text="One to three letters shown beside the name")
    domain = models.CharField(max_length=253, default="example.com", help_text="What people type to reach you")
    sender_name = models.CharField(max_length=120, default="Security team")
    sender_address = models.EmailField(default="security@example.com")
    reply_to = models.EmailField(blank=True)
    security_email = models.EmailField(blank=True)
    support_email = models.EmailField(blank=True)
    press_email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    postal_address = models.TextField(blank=True)
    customers_total = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="All customers, to compare an imported list with the published estimate",
    )
    import_limit = models.PositiveIntegerField(
        default=1000, help_text="An import that would change more accounts than this needs a second person's yes"
    )
    following_by_mail = models.BooleanField(
        default=True, help_text="Readers may ask to get updates of public incidents by email"
    )
    inquiries_by_mail = models.BooleanField(
        default=True, help_text="Readers may ask on a public page whether their address is affected; the answer is mail"
    )
    languages = ArrayField(
        models.CharField(max_length=16, choices=settings.LANGUAGES), default=english_alone,
        help_text="In which public pages stand; the first is that of the first page",
    )  # fmt: skip
    only_complete_languages = models.BooleanField(
        default=False, help_text="A page stands in another language only once every text of it is translated"
    )
    passkeys_demanded = models.BooleanField(
        default=False, help_text="Staff sign in with a passkey; codes of an authenticator app are not enough"
    )
    single_sign_on = models.BooleanField(
        default=True, help_text="Whether the provider of the settings, if there is one, opens the staff room"
    )
    link_hosts = ArrayField(
        models.CharField(max_length=253), default=list, blank=True,
        help_text="Hosts besides our domain that notices and steps may link to",
    )  # fmt: skip
    sign_offs = models.PositiveSmallIntegerField(
        default=1, help_text="Other people who must say yes before a public or irrevocable act"
    )

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(pk=1), name="organisation_is_one_row"),
            CheckConstraint(condition=Q(languages__len__gte=1), name="organisation_speaks_a_language"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def get(cls) -> "Organisation":
        """The row; made with its defaults where nobody has set it up yet."""
        return cls.objects.get_or_create(pk=1)[0]

    @property
    def contacts(self) -> list[dict[str, str]]:
        """Whom to ask where an incident names nobody of its own: rows of role, value and label."""
        known = (
            ("security", self.security_email),
            ("support", self.support_email),
            ("media", self.press_email),
            ("phone", self.phone),
        )
        return [{"role": role, "value": value, "label": ""} for role, value in known if value]

    @property
    def sender(self) -> str:
        """As a header takes it: a name with a comma or the like stands in quotation marks."""
        name = self.sender_name
        if NEEDS_QUOTES.search(name):
            name = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
        return f"{name} <{self.sender_address}>"


class OrganisationChange(models.Model):
    """A change that would make the house weaker, until a second person has said yes to it."""

    values = models.JSONField(help_text="{field: [value before, value after]}")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"change {self.pk} of the organisation"
