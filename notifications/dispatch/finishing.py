"""When a mailing has nothing left to hand over."""

from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.db.models.functions import Now

from accounts import audit
from notifications.models import Mailing, Outbox, Recipient


def finish_mailings() -> int:
    """Running mailings with nothing left to hand over are finished; their unknown ones are listed, not hidden."""
    finished = 0
    left = Exists(Outbox.objects.filter(mailing=OuterRef("pk")))
    for mailing in Mailing.objects.filter(~left, state=Mailing.State.RUNNING).order_by("pk"):
        with transaction.atomic():
            # Its row first: whoever adds a message holds it, and the look at the outbox has to come after them.
            Mailing.objects.select_for_update(no_key=True).filter(pk=mailing.pk).first()
            if (
                Mailing.objects.filter(~left, pk=mailing.pk, state=Mailing.State.RUNNING).update(
                    state=Mailing.State.FINISHED, finished_at=Now()
                )
                and not mailing.is_again
            ):  # it comes and goes with every single message
                audit.record(act="mailing.finished", thing=mailing, by=None, incident=mailing.incident_id,
                             counts=_counts(mailing), unknown=_unknown(mailing))  # fmt: skip
                finished += 1
    return finished


def _counts(mailing: Mailing) -> dict[str, int]:
    messages = mailing.recipients.filter(channel=Recipient.Channel.EMAIL)
    return dict(messages.order_by().values_list("state").annotate(Count("pk")))


def _unknown(mailing: Mailing) -> list[int]:
    """Ids of the unknown; the first thousand, where there are more the counts say so."""
    unknown = mailing.recipients.filter(state=Recipient.State.UNKNOWN).order_by("pk")
    return list(unknown.values_list("pk", flat=True)[:1000])
