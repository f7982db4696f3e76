"""Who people are: staff, the organisation, the accounts owed a notice and the addresses they are reached at."""

import re
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, CheckConstraint, Q, UniqueConstraint, Value, When
from django.db.models.functions import Lower, Now

from accounts.addresses import lookup_hash, normalise

NEEDS_QUOTES = re.compile(r'[()<>\[\]:;@\\,"]')  # RFC 5322's specials; a dot is taken as it is


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        user = self.model(email=normalise(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in. Staff are users with `is_staff`; what they may do comes from their role's group."""

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", help_text="IANA name, such as Europe/Berlin")
    is_staff = models.BooleanField("member of staff", default=False)
    is_active = models.BooleanField(default=True, help_text="Leaving takes effect at once everywhere.")
    date_joined = models.DateTimeField(db_default=Now(), editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints = [UniqueConstraint(Lower("email"), name="user_email_once")]
        default_permissions = ()
        # What somebody may do in the staff room. roles.py says which role may do what.
        permissions = [
            ("read_room", "May read the staff room"),
            ("write", "May write drafts, notices and import accounts"),
            ("approve", "May approve what somebody else wrote"),
            ("send", "May start, pause and cancel mailings and publish what is approved"),
            ("decide", "May record decisions"),
            ("look_up_person", "May look up one person"),
            ("export", "May export people and evidence"),
            ("administer", "May manage staff and the organisation"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email


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
    sign_offs = models.PositiveSmallIntegerField(
        default=1, help_text="Other people who must say yes before a public or irrevocable act"
    )

    class Meta:
        constraints = [CheckConstraint(condition=Q(pk=1), name="organisation_is_one_row")]

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


class Account(models.Model):
    """Anyone owed a notice: a customer, a former customer, a person known only by an address."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer", "Customer"
        FORMER_CUSTOMER = "former_customer", "Former customer"
        PERSON = "person", "Person known only by an address"

    external_id = models.CharField(
        max_length=200, null=True, blank=True, help_text="The id in the company's own systems"
    )  # noqa: DJ001  (null keeps people without an id out of the unique index)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.CUSTOMER)
    name = models.CharField(max_length=300, blank=True)
    locale = models.CharField(max_length=16, blank=True, help_text="BCP 47, such as de or pt-BR; empty: not known")
    jurisdiction = models.CharField(max_length=16, blank=True, help_text="ISO 3166, such as DE or US-CA")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["external_id"], name="account_external_id_once"),
            CheckConstraint(condition=~Q(external_id=""), name="account_external_id_null_or_said"),
        ]

    def __str__(self) -> str:
        return self.external_id or f"no id, number {self.pk}"


class AddressQuerySet(models.QuerySet["Address"]):
    def reachable(self) -> "AddressQuerySet":
        """Trusted email addresses that stand, in the order in which they are tried."""
        ranks = [When(role=role, then=Value(rank)) for rank, role in enumerate(Address.Role.values)]
        rank = Case(*ranks, default=Value(len(ranks)), output_field=models.IntegerField())
        return self.filter(kind=Address.Kind.EMAIL, trusted=True, withdrawn_at=None).order_by(rank, "pk")


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
        indexes = [models.Index(fields=["lookup"], name="address_by_lookup")]  # "was I affected?", support

    def __str__(self) -> str:
        return f"address {self.pk}"  # never the address: this text reaches logs

    @classmethod
    def normal_of(cls, value: str, kind: str) -> str:
        return normalise(value) if kind == cls.Kind.EMAIL else value.strip()

    @property
    def is_reachable(self) -> bool:
        """As AddressQuerySet.reachable has it, of a row at hand."""
        return self.kind == self.Kind.EMAIL and self.trusted and self.withdrawn_at is None

    def save(self, *args, **kwargs) -> None:
        self.normal = self.normal_of(self.value, self.kind)
        self.lookup = lookup_hash(self.normal)
        super().save(*args, **kwargs)


class AuditEntry(models.Model):
    """Who did what to which thing, when. Written by `audit.record` alone; triggers refuse any change.

    `body` is the canonical JSON of the entry, the very bytes that `hash` covers together with `previous`;
    the columns beside it repeat parts of it for searching.
    """

    number = models.BigIntegerField(primary_key=True, help_text="From the chain, without gaps")
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    act = models.CharField(max_length=80)
    thing = models.CharField(max_length=120, help_text="app.model:id")
    incident = models.BigIntegerField(null=True, blank=True)
    body = models.TextField()
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["-number"]
        indexes = [
            models.Index(fields=["incident", "-number"], name="audit_of_an_incident"),
            models.Index(fields=["thing", "-number"], name="audit_of_a_thing"),
        ]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.number} {self.act}"


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def live(self) -> "ApprovalQuerySet":
        """Neither spent nor refused nor void: open, or given and waiting to be used."""
        return self.filter(used_at=None, refused_at=None, void_at=None)

    def open(self) -> "ApprovalQuerySet":
        """Still waiting for somebody's answer."""
        return self.live().filter(given_at=None)


class Approval(models.Model):
    """Somebody asked for a yes to exactly these hashes. See approvals.py for the acts."""

    class Act(models.TextChoices):
        PUBLISH = "publish", "Publish to everyone"
        MAIL = "mail", "Send a notice"
        IMPORT = "import", "Import affected accounts"
        EXPORT = "export", "Export people"

    act = models.CharField(max_length=10, choices=Act)
    thing = models.CharField(max_length=120, help_text="app.model:id")
    incident = models.BigIntegerField(null=True, blank=True)
    hashes = models.JSONField(help_text='{"content": sha256, …}: what the yes is bound to')
    summary = models.CharField(max_length=500, help_text="What happens to whom if the answer is yes")
    page = models.CharField(max_length=300, blank=True, help_text="Path in the staff room where it is judged")
    needs = models.PositiveSmallIntegerField(help_text="Sign-offs by other people")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    authors = ArrayField(models.BigIntegerField(), default=list, blank=True, help_text="Who wrote what is asked about")
    asked_at = models.DateTimeField(db_default=Now())
    given_at = models.DateTimeField(null=True, blank=True, help_text="When the last sign-off needed came in")
    refused_at = models.DateTimeField(null=True, blank=True)
    void_at = models.DateTimeField(null=True, blank=True)
    void_because = models.CharField(max_length=300, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-pk"]
        constraints = [
            UniqueConstraint(
                fields=["act", "thing"],
                condition=Q(used_at=None, refused_at=None, void_at=None),
                name="approval_one_live_per_act_and_thing",
            ),
            CheckConstraint(
                condition=Q(used_at=None) | Q(given_at__isnull=False), name="approval_used_only_when_given"
            ),
        ]

    def __str__(self) -> str:
        return f"approval {self.pk}: {self.act} {self.thing}"

    @property
    def state(self) -> str:
        """open, given, used, refused or void."""
        for state in ("used", "refused", "void", "given"):
            if getattr(self, f"{state}_at"):
                return state
        return "open"

    @property
    def missing(self) -> int:
        """How many more people must say yes."""
        return max(0, self.needs - sum(sign_off.yes for sign_off in self.sign_offs.all()))


class SignOff(models.Model):
    """One person's answer to one approval."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="sign_offs")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())
    yes = models.BooleanField()
    words = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [UniqueConstraint(fields=["approval", "by"], name="sign_off_once_per_person")]

    def __str__(self) -> str:
        return f"{'yes' if self.yes else 'no'} to approval {self.approval_id}"
