"""Somebody asked, somebody answered."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.models.people import User


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
        CORRECT = "correct", "Correct an address"
        PERSON = "person", "Give or erase one person’s data"
        ANSWER = "answer", "Answer whoever asks"
        HOUSE = "house", "Change a rule of the house"

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
    mailed_at = models.DateTimeField(null=True, blank=True, help_text="When those who may answer were told by mail")
    given_at = models.DateTimeField(null=True, blank=True, help_text="When the last sign-off needed came in")
    refused_at = models.DateTimeField(null=True, blank=True)
    void_at = models.DateTimeField(null=True, blank=True)
    void_because = models.CharField(max_length=300, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    alone_because = models.CharField(max_length=500, blank=True, help_text="Why one person did it where two had to")
    reviewed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(null=True, blank=True)
    review_agrees = models.BooleanField(null=True, blank=True)
    review_words = models.TextField(blank=True)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-pk"]
        indexes = [
            # The note on every staff page: what nobody has looked at yet.
            models.Index(
                fields=["id"], condition=~Q(alone_because="") & Q(reviewed_at=None), name="approval_unreviewed"
            ),
        ]
        constraints = [
            UniqueConstraint(
                fields=["act", "thing"],
                condition=Q(used_at=None, refused_at=None, void_at=None),
                name="approval_one_live_per_act_and_thing",
            ),
            CheckConstraint(
                condition=Q(used_at=None) | Q(given_at__isnull=False), name="approval_used_only_when_given"
            ),
            CheckConstraint(
                condition=Q(alone_because="") | Q(act="publish"), name="approval_alone_only_for_publishing"
            ),
            CheckConstraint(
                condition=Q(reviewed_at=None, reviewed_by=None, review_agrees=None)
                | Q(reviewed_at__isnull=False, reviewed_by__isnull=False, review_agrees__isnull=False)
                & ~Q(reviewed_by=F("asked_by")),
                name="approval_reviewed_by_another_person",
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
