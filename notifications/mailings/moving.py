"""Moving what was surely not sent to another provider: one deliberate act, written into the log."""

from datetime import datetime

from django.db import transaction

from accounts import approvals, audit
from accounts.models import Organisation, User
from notifications import providers
from notifications.mailings.said_no import NotNow
from notifications.models import Mailing, Outbox, Recipient

MOVABLE = [Mailing.State.PREPARED, Mailing.State.RUNNING, Mailing.State.PAUSED]


@transaction.atomic
def move_rest(mailing: Mailing, *, to: str, by: User, at: datetime | None = None) -> dict[str, int]:
    """From now on the mailing goes through the channel named `to`, from that channel's sender.

    Only what still waits goes there; what was handed over stays where it is, and the unknown stay unknown: nobody is
    written to twice for it. A window that is on the wire this moment ends through the old provider. The mailing keeps
    its state: one that was paused is resumed by a person. Before it has started an approval ends by it: whoever says
    yes says it to this sender, too.

    The counts: {"moved": those waiting, "sending": those in a window under way, "unknown": those left as they are}.
    Raises NotNow where the mailing is over, goes through that channel already, or the channel may not be used.
    """
    mailing = Mailing.objects.select_for_update(of=("self",), no_key=True).select_related("incident").get(pk=mailing.pk)
    if mailing.state not in MOVABLE:
        raise NotNow(f"Mailing {mailing.number} is {mailing.get_state_display().lower()}: nothing of it waits.")
    if mailing.provider == to:
        raise NotNow(f"Mailing {mailing.number} goes through {to} already.")
    try:
        channel = providers.channel(to)
        sender = channel.sender or Organisation.get().sender
        providers.refuse_exposed(mailing.incident, sender=sender, provider=to)
    except (providers.NoSuchChannel, providers.Exposed) as error:
        raise NotNow(str(error)) from error
    before = {"provider": mailing.provider, "sender": mailing.sender}
    mailing.provider, mailing.sender = to, sender
    mailing.save(update_fields=["provider", "sender"])
    counts = _counts(mailing)
    if mailing.state == Mailing.State.PREPARED:
        approvals.void(act="mail", thing=mailing, because="it goes through another provider", by=by, at=at)
    audit.record(act="mailing.moved", thing=mailing, by=by, at=at, incident=mailing.incident_id, number=mailing.number,
                 before=before, after={"provider": to, "sender": sender}, counts=counts)  # fmt: skip
    return counts


def _counts(mailing: Mailing) -> dict[str, int]:
    waiting = Outbox.objects.filter(mailing=mailing)
    return {
        "moved": waiting.filter(state=Outbox.State.READY).count()
        or mailing.recipients.filter(state=Recipient.State.PREPARED).count(),
        "sending": waiting.filter(state=Outbox.State.LEASED).count(),
        "unknown": mailing.recipients.filter(state=Recipient.State.UNKNOWN).count(),
    }
