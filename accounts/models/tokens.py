"""Tokens by which a machine calls the API."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models.people import User

LONGEST_LIFE = timedelta(days=366)


class Scope(models.TextChoices):
    """What a token may do. SCOPES in roles.py says which permission its maker needs for each."""

    READ_INCIDENTS = "read:incidents", "Read incidents"
    READ_OUTCOMES = "read:outcomes", "Read how far telling has come, in numbers"
    WRITE_UPDATES = "write:updates", "Draft updates"
    ASK_PUBLISH = "ask:publish", "Ask for a yes to publish"
    WRITE_AFFECTED = "write:affected", "Hand in affected accounts, and see what became of them"
    CONFIRM_AFFECTED = "confirm:affected", "Import what was handed in"
    READ_REJECTED = "read:rejected", "Read what stood in rejected cells: addresses, names"
    VERIFY_STEPS = "verify:steps", "Say that we checked a step: this key is revoked"
    READ_NOTICES = "read:notices", "Read what one account was told, to show it in our own product"
    OPEN_NOTICES = "open:notices", "Hand a signed-in customer of our product over to their notice"


class ApiToken(models.Model):
    """A key for a machine. The token itself was shown once; we keep its hash. See tokens.py for the acts."""

    name = models.CharField(max_length=80, help_text="What uses it")
    public_id = models.CharField(max_length=8, unique=True, help_text="Stands in the token, in the list and in logs")
    sha256 = models.BinaryField(max_length=32, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope.choices))
    incident = models.SlugField(max_length=80, blank=True, help_text="Address of the only incident it opens; or empty")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    revoked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute")

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            # Two of one name could not be told apart in the night; and a form sent twice makes one token.
            UniqueConstraint(fields=["name"], condition=Q(revoked_at=None), name="api_token_name_once"),
            CheckConstraint(condition=Q(scopes__len__gt=0), name="api_token_has_a_scope"),
            CheckConstraint(
                condition=Q(expires_at__lte=F("created_at") + LONGEST_LIFE), name="api_token_lives_a_year_at_most"
            ),
            CheckConstraint(
                condition=Q(revoked_at=None, revoked_by=None) | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="api_token_revoked_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"API token {self.public_id}"

    @property
    def scopes_in_words(self) -> list[str]:
        return [Scope(scope).label for scope in self.scopes]
