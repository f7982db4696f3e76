"""Answers are held and go on, by a person or after a long silence; and texts that were replaced end."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from incidents.models import Incident
from notifications.models import InquiryAnswer, InquiryOutbox

State = InquiryAnswer.State

SILENT = (
    "Nothing ran here for a long time, or this is a restored copy of the database. Compare with the provider’s log who "
    "was answered meanwhile, then go on."
)


def hold_after_silence(*, at: datetime) -> int:
    """As mailings do: what still answers, or has answers to send, waits for a person. How many texts."""
    going = InquiryAnswer.objects.filter(state=State.RUNNING)
    return going.update(state=State.PAUSED, paused_at=at, paused_because=SILENT)


@transaction.atomic
def pause(incident: Incident, *, by: User, at: datetime | None = None) -> int:
    """No more answers go out; who asks waits. How many texts."""
    at = at or timezone.now()
    running = InquiryAnswer.objects.filter(incident=incident, state=State.RUNNING)
    paused = running.update(state=State.PAUSED, paused_at=at, paused_because="A person paused it")
    if paused:
        audit.record(act="inquiries.paused", thing=incident, by=by, at=at, incident=incident.pk)
    return paused


@transaction.atomic
def resume(incident: Incident, *, by: User, at: datetime | None = None) -> int:
    held = InquiryAnswer.objects.filter(incident=incident, state=State.PAUSED)
    resumed = held.update(state=State.RUNNING, paused_at=None, paused_because="")
    if resumed:
        audit.record(act="inquiries.resumed", thing=incident, by=by, at=at, incident=incident.pk)
    return resumed


def finish() -> int:
    """Texts that were replaced and have nothing left to hand over; how many are finished now."""
    left = InquiryOutbox.objects.values("mailing")
    over = InquiryAnswer.objects.filter(replaced_at__isnull=False, state=State.RUNNING).exclude(pk__in=left)
    return over.update(state=State.FINISHED)
