"""Whoever is owed a notice, and where they are reached."""

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Case, CheckConstraint, Q, UniqueConstraint, Value, When
from django.db.models.functions import Lower, Now

from accounts.addresses import lookup_hash, normalise, normalise_phone, normalise_post


class Folded(Lower):
    """In small letters of every script, whatever locale the database was made with."""

    template = 'LOWER(%(expressions)s COLLATE "pg_c_utf8")'


class Account(models.Model):
    """Anyone owed a notice: a customer, a former customer, a person known only by an address."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer", "Customer"
        FORMER_CUSTOMER = "former_customer", "Former customer"
        PERSON = "person", "Person known only by an address"

    external_id = models.CharField(
        max_length=200, null=True, blank=True, help_text="The id in the company's own systems",
        db_collation="C",  # its unique index then finds ids by how they begin, too
    )  # fmt: skip  # noqa: DJ001  (null keeps people without an id out of the unique index)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.CUSTOMER)
    name = models.CharField(max_length=300, blank=True)
    locale = models.CharField(max_length=16, blank=True, help_text="BCP 47, such as de or pt-BR; empty: not known")
    locale_from = models.CharField(
        max_length=40, blank=True, db_default="", help_text="What it was inferred from; empty: it was said"
    )
    jurisdiction = models.CharField(max_length=16, blank=True, help_text="ISO 3166, such as DE or US-CA")
    jurisdiction_from = models.CharField(
        max_length=40, blank=True, db_default="", help_text="What it was inferred from; empty: it was said"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["external_id"], name="account_external_id_once"),
            CheckConstraint(condition=~Q(external_id=""), name="account_external_id_null_or_said"),
        ]
        indexes = [
            # how a name begins, in any case
            models.Index(OpClass(Folded("name"), "text_pattern_ops"), name="account_by_name"),
            # the list of one country; most files say none
            models.Index(
                fields=["jurisdiction"],
                opclasses=["varchar_pattern_ops"],
                condition=~Q(jurisdiction=""),
                name="account_by_jurisdiction",
            ),
        ]

    def __str__(self) -> str:
        return self.external_id or f"no id, number {self.pk}"

    @property
    def has_email(self) -> bool:
        """No: only a letter or a call can reach it. Asks nothing where the addresses are at hand."""
        return any(address.kind == Address.Kind.EMAIL for address in self.addresses.all())


class AddressQuerySet(models.QuerySet["Address"]):
    def reachable(self) -> "AddressQuerySet":
        """Trusted email addresses that stand, in the order in which they are tried."""
        return self._standing(Address.Kind.EMAIL)

    def for_letters(self) -> "AddressQuerySet":
        """Trusted post addresses that stand, the owner's first."""
        return self._standing(Address.Kind.POST)

    def _standing(self, kind: str) -> "AddressQuerySet":
        ranks = [When(role=role, then=Value(rank)) for rank, role in enumerate(Address.Role.values)]
        rank = Case(*ranks, default=Value(len(ranks)), output_field=models.IntegerField())
        return self.filter(kind=kind, trusted=True, withdrawn_at=None).order_by(rank, "pk")


class Address(models.Model):
    """Where an account is reached. `value` is as given; `normal` is what two spellings of one address share."""

    class Kind(models.TextChoices):
        EMAIL = "email", "Email"
        POST = "post", "Post"
        PHONE = "phone", "Phone"

    class Role(models.TextChoices):
        # In the order in which they are tried.
        OWNER = "owner", "Owner"
        ADMINISTRATOR = "administrator", "Administrator"
        SECURITY = "security", "Security"
        BILLING = "billing", "Billing"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="addresses")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.EMAIL)
    role = models.CharField(max_length=16, choices=Role, default=Role.OWNER)
    value = models.CharField(max_length=1000)
    normal = models.CharField(max_length=1000, editable=False)
    lookup = models.BinaryField(max_length=32, editable=False, help_text="Keyed hash of `normal`")
    trusted = models.BooleanField(default=True, help_text="No: the mailbox itself may be in the wrong hands")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = AddressQuerySet.as_manager()

    class Meta:
        constraints = [UniqueConstraint(fields=["account", "kind", "normal"], name="address_once_per_account")]
        indexes = [
            models.Index(fields=["lookup"], name="address_by_lookup"),  # "was I affected?", support
            models.Index(
                fields=["normal"],
                opclasses=["varchar_pattern_ops"],
                condition=Q(kind="email"),
                name="address_by_beginning",
            ),
        ]

    def __str__(self) -> str:
        return f"address {self.pk}"  # never the address: this text reaches logs

    @classmethod
    def normal_of(cls, value: str, kind: str) -> str:
        match kind:
            case cls.Kind.PHONE:
                return normalise_phone(value)
            case cls.Kind.POST:
                return normalise_post(value)
        return normalise(value)

    @property
    def is_reachable(self) -> bool:
        """As AddressQuerySet.reachable has it, of a row at hand."""
        return self.kind == self.Kind.EMAIL and self.trusted and self.withdrawn_at is None

    def save(self, *args, **kwargs) -> None:
        self.normal = self.normal_of(self.value, self.kind)
        self.lookup = lookup_hash(self.normal)
        super().save(*args, **kwargs)
