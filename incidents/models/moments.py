"""A moment known to the second, the minute, the day, the month, the year, or not at all."""

from datetime import UTC, datetime, timedelta, timezone

from django.db import models
from django.db.models import CheckConstraint, Q

from incidents import timeline


class Precision(models.TextChoices):
    SECOND = "second", "to the second"
    MINUTE = "minute", "to the minute"
    DAY = "day", "to the day"
    MONTH = "month", "to the month"
    YEAR = "year", "to the year"
    UNKNOWN = "unknown", "not known"


class Moment(models.Model):
    """Abstract. `at` is the beginning of the second, minute, day … it is known to; the zone is kept as written."""

    at = models.DateTimeField(null=True, blank=True, help_text="Beginning of the stretch it is known to")
    precision = models.CharField(max_length=8, choices=Precision, default=Precision.MINUTE)
    zone = models.CharField(max_length=40, blank=True, default="UTC", help_text="As written: UTC, PT, Europe/Berlin")
    utc_offset = models.SmallIntegerField(default=0, help_text="Minutes east of UTC, as written")
    unknown_because = models.CharField(max_length=300, blank=True, help_text="Why the moment is not known")

    class Meta:
        abstract = True

    def as_written(self) -> datetime | None:
        """The moment in the offset it was written in; None where it is not known."""
        return self.at.astimezone(_zone(self.utc_offset)) if self.at else None

    def in_words(self) -> str:
        """As exactly as it is known, for a list: "3 January 2018"."""
        return timeline.say(
            self.at, self.precision, self.zone, utc_offset=self.utc_offset, until=getattr(self, "until", None),
            unknown_because=self.unknown_because, bare=True,
        )  # fmt: skip

    def for_machines(self) -> str:
        """What stands in <time datetime>; empty where it is not known."""
        return timeline.machine(self.at, self.precision, self.utc_offset) if self.at else ""


def _zone(minutes: int):
    return UTC if minutes == 0 else timezone(timedelta(minutes=minutes))


def known_or_not(name: str) -> CheckConstraint:
    """A moment is unknown exactly when it has no `at`."""
    return CheckConstraint(
        condition=Q(at=None, precision=Precision.UNKNOWN) | (Q(at__isnull=False) & ~Q(precision=Precision.UNKNOWN)),
        name=f"{name}_at_known_or_not",
    )
