"""A mailing that gets one more message to send: it must be open, and if it had finished it runs again."""

from django.db import transaction

from accounts import audit
from accounts.models import User
from notifications.models import Mailing

State = Mailing.State

OPEN = [State.RUNNING, State.PAUSED, State.FINISHED]
LIVING = [State.PREPARING, State.PREPARED, State.RUNNING, State.PAUSED]


class NotOpen(Exception):
    """Nothing may be added to this mailing: the message says why."""


def keep_open(mailing_id: int, *, by: User | None) -> Mailing:
    """The mailing, locked until the end of the transaction, so that it cannot finish meanwhile; running if finished.

    Raises NotOpen for one that never started or was cancelled, and for a finished one while another mailing of the
    same text is alive: it can run again when that one has finished.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("keep_open belongs into the transaction that adds the message")
    mailing = Mailing.objects.select_for_update(no_key=True).get(pk=mailing_id)
    if mailing.state not in OPEN:
        raise NotOpen(f"Mailing {mailing.number} is {mailing.get_state_display().lower()}: it sends nothing more.")
    if mailing.state == State.FINISHED:
        if Mailing.objects.filter(version=mailing.version_id, state__in=LIVING).exists():
            raise NotOpen(f"Mailing {mailing.number} has finished, and another mailing of the same text is open.")
        mailing.state, mailing.finished_at = State.RUNNING, None
        mailing.save(update_fields=["state", "finished_at"])
        audit.record(act="mailing.reopened", thing=mailing, by=by, incident=mailing.incident_id)
    return mailing
