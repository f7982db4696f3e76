"""Substitute notice: how those whom nobody reaches are told instead, and the proof that the page stood."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from incidents.models import Incident, PageVersion, SubstituteNotice

DAYS = 90
"""45 CFR 164.404(d)(2)(ii): the page stands, and the telephone number is active, for at least so long."""


@dataclass(frozen=True)
class Shown:
    """For how long the page has stood, by the versions that stood: each until the next."""

    since: datetime
    until: datetime
    days: int
    wanted: int
    versions: list[PageVersion]

    @property
    def is_enough(self) -> bool:
        return self.days >= self.wanted

    def as_record(self) -> dict[str, Any]:
        return {
            "since": self.since.isoformat(), "until": self.until.isoformat(), "days": self.days, "wanted": self.wanted,
            "versions": [
                {"number": one.number, "hash": one.hash, "from": one.made_at.astimezone(UTC).isoformat()}
                for one in self.versions
            ],
        }  # fmt: skip


@transaction.atomic
def record(notice: SubstituteNotice, *, by: User, at: datetime | None = None) -> SubstituteNotice:
    notice.by, notice.recorded_at = by, at or timezone.now()
    notice.save(force_insert=True)
    audit.record(
        act="substitute_notice.recorded", thing=notice, by=by, at=notice.recorded_at, incident=notice.incident_id,
        accounts=notice.unreached, until=(notice.phone_to or ""), sha256=notice.unreached_sha256,
    )  # fmt: skip
    return notice


def shown(incident: Incident, notice: SubstituteNotice, *, at: datetime) -> Shown | None:
    """None where it was not told by page, or no public version stands since then.

    A published page is never taken back, so it stands from its first public version on; each version is proof of
    what it said until the next one.
    """
    public = incident.page_versions.filter(content__visibility=Incident.Visibility.PUBLIC).order_by("number")
    first = public.first()
    if notice.page_from is None or first is None:
        return None
    since = max(notice.page_from, first.made_at)
    until = min(at, since + timedelta(days=notice.page_days))
    if since > at:
        return None
    before = public.filter(made_at__lte=since).last()
    versions = [*([before] if before else []), *public.filter(made_at__gt=since, made_at__lte=until)]
    return Shown(since.astimezone(UTC), until.astimezone(UTC), (until - since).days, notice.page_days, versions)
