"""Who signs in."""

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import UniqueConstraint
from django.db.models.functions import Lower, Now

from accounts.addresses import normalise


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
