"""An Update went public: it goes to everyone who follows, once to each mailbox."""

from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, User
from incidents.models import Incident, PageVersion
from notifications import providers
from notifications.models import Announcement, UpdateMail, UpdateOutbox
from notifications.subscriptions.asking import MARK

CHUNK = 5000

State = Announcement.State


class NotOpen(Exception):
    """Nothing of it can be stopped, or go on, any more; the message says so."""


def announce(version: PageVersion) -> int:
    """Make an announcement of each Update that became public with this version; how many are new.

    A version without a new Update (a minor edit, or one that the system made) is no news. What was said elsewhere
    before is history. A drill never leaves the house.
    """
    content, incident = version.content, version.incident
    if incident is None or content["visibility"] != Incident.Visibility.PUBLIC or content["drill"]:
        return 0
    if version.cause != PageVersion.Cause.PUBLISHED or not Organisation.get().following_by_mail:
        return 0
    said_now = [one for one in content["updates"] if not one["is_published"] and not one["said_elsewhere"]]
    made = 0
    for update in sorted(said_now, key=lambda one: one["number"]):
        _, is_new = Announcement.objects.get_or_create(
            incident=incident, number=update["number"], defaults={"version": version, **_sent_by(incident)}
        )
        made += is_new
    return made


def _sent_by(incident: Incident) -> dict[str, str]:
    """The first channel that is not part of the breach; where all are, the window says so and it is held."""
    organisation = Organisation.get()
    ways = [(channel.name, channel.sender or organisation.sender) for channel in providers.all_channels()]
    for provider, sender in ways:
        try:
            providers.refuse_exposed(incident, sender=sender, provider=provider)
        except providers.Exposed:
            continue
        return {"provider": provider, "sender": sender, "reply_to": organisation.reply_to}
    return {"provider": ways[0][0], "sender": ways[0][1], "reply_to": organisation.reply_to}


# Of two rows of one mailbox (of this incident, and of all) one gets it: that of all.
GATHER = """
WITH who AS MATERIALIZED (
  SELECT DISTINCT ON (s.lookup) s.id, s.lookup FROM notifications_subscriber s
  WHERE s.ended_at IS NULL AND s.confirmed_at <= %(made_at)s AND s.lookup > %(after)s
    AND (s.incident_id = %(incident)s OR s.incident_id IS NULL)
  ORDER BY s.lookup, s.incident_id NULLS FIRST LIMIT %(size)s
), mails AS (
  INSERT INTO notifications_updatemail
    (mailing_id, subscriber_id, nth, state, state_at, reason, event, message_id, made_at)
  SELECT %(mailing)s, who.id, 1, 'queued', statement_timestamp(), '', '',
    %(mark)s || replace(gen_random_uuid()::text, '-', '') || '@' || %(domain)s, statement_timestamp()
  FROM who ON CONFLICT DO NOTHING RETURNING id
), queued AS (
  INSERT INTO notifications_updateoutbox (recipient_id, mailing_id, state, not_before, attempt_no)
  SELECT id, %(mailing)s, 'ready', statement_timestamp(), 0 FROM mails
)
SELECT (SELECT count(*) FROM who), (SELECT lookup FROM who ORDER BY lookup DESC LIMIT 1)
"""


def gather(*, size: int = CHUNK) -> int:
    """Queue a message for everyone who follows, and let those announcements go; how many announcements."""
    started = 0
    for pk in Announcement.objects.filter(state=State.FILLING).order_by("pk").values_list("pk", flat=True):
        while (found := _gather_some(pk, size)) == size:
            pass
        started += found is not None
    return started


@transaction.atomic
def _gather_some(pk: int, size: int) -> int | None:
    """How many were found; fewer than `size`: it goes out now. None: somebody else is at it, or it is through."""
    held = Announcement.objects.filter(pk=pk, state=State.FILLING).select_for_update(skip_locked=True).first()
    if held is None:
        return None
    given: dict[str, Any] = {
        "mailing": held.pk, "incident": held.incident_id, "made_at": held.made_at, "after": bytes(held.filled_to),
        "size": size, "mark": MARK, "domain": providers.domain_of(held.sender),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(GATHER, given)
        found, last = cursor.fetchone()
    held.filled_to = held.filled_to if last is None else last
    if found < size:
        held.state = State.RUNNING
    held.save(update_fields=["filled_to", "state"])
    return found


def finish() -> int:
    """Announcements with nothing left to hand over are finished, and the log says how they ended."""
    left = Exists(UpdateOutbox.objects.filter(mailing=OuterRef("pk")))
    finished = 0
    for held in Announcement.objects.filter(~left, state=State.RUNNING, number__isnull=False).order_by("pk"):
        with transaction.atomic():
            done = Announcement.objects.filter(~left, pk=held.pk, state=State.RUNNING)
            if done.update(state=State.FINISHED, finished_at=timezone.now()):
                if told := counts(held):  # where nobody followed there is nothing to say
                    audit.record(
                        act="announcement.finished", thing=held, by=None, incident=held.incident_id, counts=told
                    )
                finished += 1
    return finished


def counts(announcement: Announcement) -> dict[str, int]:
    """How many messages are in each state."""
    mails = UpdateMail.objects.filter(mailing=announcement)
    return dict(mails.order_by().values_list("state").annotate(Count("pk")))


SILENT = (
    "Nothing ran here for a long time, or this is a restored copy of the database. Compare with the provider’s log who "
    "was written to meanwhile, then go on."
)


def hold_after_silence(*, at: datetime) -> int:
    """What still had messages to send waits for a person, as mailings do; how many announcements."""
    left = Exists(UpdateOutbox.objects.filter(mailing=OuterRef("pk")))
    going = Announcement.objects.filter(Q(state=State.FILLING) | Q(left, state=State.RUNNING))
    return going.update(state=State.PAUSED, paused_at=at, paused_because=SILENT)


# By staff ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def pause(announcement: Announcement, *, by: User, at: datetime | None = None) -> None:
    """What is on the wire ends; the rest waits. Raises NotOpen."""
    at = at or timezone.now()
    running = Announcement.objects.filter(pk=announcement.pk, state=State.RUNNING)
    if not running.update(state=State.PAUSED, paused_at=at, paused_because="A person paused it"):
        raise NotOpen("This is not going out now, so there is nothing to pause.")
    audit.record(act="announcement.paused", thing=announcement, by=by, at=at, incident=announcement.incident_id)


@transaction.atomic
def resume(announcement: Announcement, *, by: User, at: datetime | None = None) -> None:
    """Raises NotOpen."""
    held = Announcement.objects.filter(pk=announcement.pk, state=State.PAUSED)
    # Gathering begins where it was left: nobody is missed who was still to be gathered, nobody gets it twice.
    goes_on = State.RUNNING if announcement.number is None else State.FILLING
    if not held.update(state=goes_on, paused_at=None, paused_because=""):
        raise NotOpen("This is not paused, so there is nothing to resume.")
    audit.record(act="announcement.resumed", thing=announcement, by=by, at=at, incident=announcement.incident_id)
