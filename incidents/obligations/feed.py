"""The clocks of an incident as a calendar that others subscribe to, under a secret address."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from icalendar import Alarm, Calendar, Event

from accounts import audit
from accounts.models import Organisation, User
from incidents.models import CalendarFeed, Incident
from incidents.obligations.standing import Clock

REFRESH = timedelta(hours=1)
WARNS = timedelta(hours=4)


@transaction.atomic
def make(incident: Incident, *, by: User, at: datetime) -> str:
    """The secret part of the address. It exists nowhere else from here on."""
    token = secrets.token_urlsafe(32)
    feed = CalendarFeed.objects.create(incident=incident, sha256=_hash(token), made_by=by, made_at=at)
    audit.record(act="calendar_feed.made", thing=feed, by=by, at=at, incident=incident.pk)
    return token


@transaction.atomic
def revoke(feed: CalendarFeed, *, by: User, at: datetime) -> bool:
    """From now on it opens nothing. False where somebody was faster."""
    if not CalendarFeed.objects.filter(pk=feed.pk, revoked_at=None).update(revoked_at=at, revoked_by=by):
        return False
    audit.record(act="calendar_feed.revoked", thing=feed, by=by, at=at, incident=feed.incident_id)
    return True


def find(token: str) -> CalendarFeed | None:
    """Looked up by its hash: how long that takes says nothing about a secret that differs in one letter."""
    return CalendarFeed.objects.select_related("incident").filter(sha256=_hash(token), revoked_at=None).first()


def ics(incident: Incident, clocks: list[Clock], *, at: datetime, host: str) -> bytes:
    """RFC 5545. The incident's title stands nowhere in it: a calendar may be read over a shoulder."""
    calendar = Calendar()
    calendar.add("prodid", "-//deadlines//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"{Organisation.get().name}: deadlines of incident {incident.pk}")
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for clock in clocks:
        if clock.due_at and clock.runs:
            calendar.add_component(_event(incident, clock, at=at, host=host))
    return calendar.to_ical()


def _event(incident: Incident, clock: Clock, *, at: datetime, host: str) -> Event:
    event, drill = Event(), "Drill. " if incident.drill else ""
    event.add("uid", f"obligation-{clock.obligation.pk}@{host}")
    event.add("dtstamp", at)
    event.add("dtstart", clock.due_at)
    event.add("summary", f"{drill}{clock.rule.regime}: {clock.rule.title}")
    contradiction = " Sources contradict each other: this is the earliest end." if clock.is_undecided else ""
    event.add("description", f"{clock.rule.citation}. Incident {incident.pk}.{contradiction}")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", f"{clock.rule.regime}: {clock.rule.title}")
    alarm.add("trigger", -WARNS)
    event.add_component(alarm)
    return event


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
