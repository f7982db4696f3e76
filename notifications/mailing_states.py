"""A mailing that gets one more message to send: it must be open, and if it had finished it runs again."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from accounts import audit
from accounts.models import User
from notifications.models import Mailing, Notice, NoticeVersion, SendingPulse

State = Mailing.State

OPEN = [State.RUNNING, State.PAUSED, State.FINISHED]
AGAIN = timedelta(days=7)
"""A bounce later than this is for a person: the texts and the list of that time may be wrong by now."""
LIVING = [State.PREPARING, State.PREPARED, State.RUNNING, State.PAUSED]


class NotOpen(Exception):
    """Nothing may be added to this mailing: the message says why."""


def keep_open(mailing_id: int, *, by: User | None) -> Mailing:
    """The mailing, locked until the end of the transaction, so that it cannot finish meanwhile; running if finished.

    Raises NotOpen for one that never started or was cancelled, and for a finished one while another mailing of the
    same text is alive: it can run again when that one has finished. by: None is the system, which lets none run
    again that finished AGAIN ago, or before beat was silent for long: a restored copy must not send once more.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("keep_open belongs into the transaction that adds the message")
    mailing = Mailing.objects.select_for_update(no_key=True).get(pk=mailing_id)
    if mailing.state not in OPEN:
        raise NotOpen(f"Mailing {mailing.number} is {mailing.get_state_display().lower()}: it sends nothing more.")
    if mailing.state == State.FINISHED:
        corrected = correction_of(mailing.version)
        if corrected:
            raise NotOpen(
                f"Mailing {corrected.number} has corrected this text: nobody gets it any more. Mend the notice and "
                "prepare it for whoever is left."
            )
        living = Mailing.objects.of_sets().filter(version=mailing.version_id, state__in=LIVING)
        if not mailing.is_again and living.exists():
            raise NotOpen(f"Mailing {mailing.number} has finished, and another mailing of the same text is open.")
        if by is None and not is_fresh(mailing):
            raise NotOpen(f"Mailing {mailing.number} finished long ago, or before an outage: a person has to decide.")
        mailing.state, mailing.finished_at = State.RUNNING, None
        mailing.save(update_fields=["state", "finished_at"])
        audit.record(act="mailing.reopened", thing=mailing, by=by, incident=mailing.incident_id)
    return mailing


def correction_of(version: NoticeVersion) -> Mailing | None:
    """A correction of this text that has started: of this version, or of all that had been said before it."""
    corrections = Mailing.objects.of_sets().filter(
        incident=version.notice.incident_id, version__notice__kind=Notice.Kind.CORRECTION, started_at__isnull=False
    )
    said = version.mailings.of_sets().aggregate(first=Min("started_at"))["first"]
    of_all = Q(whom_version=None, started_at__gt=said) if said else Q(pk=None)
    return corrections.filter(Q(whom_version=version) | of_all).order_by("number").first()


def is_fresh(mailing: Mailing) -> bool:
    """Whether a mailing that has finished may run again by itself."""
    since = SendingPulse.objects.filter(pk=1).values_list("since", flat=True).first()
    finished = mailing.finished_at
    return finished is None or (timezone.now() - finished < AGAIN and (since is None or finished > since))
