"""Who is owed a notice, and the addresses that are left to try for each of them."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from accounts.models import Address
from incidents.models import AffectedAccount, Decision, Incident
from notifications.mailings import whom
from notifications.mailings.whom import To
from notifications.models import Mailing, Recipient

# No message of this kind has come through to anybody with such a Recipient alone.
NOT_TOLD = [
    Recipient.State.BOUNCED, Recipient.State.FAILED, Recipient.State.UNCONFIRMED, Recipient.State.CANCELLED,
    Recipient.State.LETTER,
]  # fmt: skip


def with_address(incident: Incident, kind: str, sequence: int, to: To) -> QuerySet[Any]:
    """The set without those who have this notice, each with the address it goes to as `address_id`; None: no such.

    By letter: the first post address of whoever has no email address left to try; the others are not in it.
    """
    owed, address = _owed_and_address(incident, kind, sequence, to)
    return owed.annotate(address_id=Subquery(address.values("pk")[:1]))


def _owed_and_address(incident: Incident, kind: str, sequence: int, to: To) -> tuple[QuerySet[Any], QuerySet[Address]]:
    """The set without those who have it, and for each of them the addresses left to try, in order."""
    sent = Recipient.objects.filter(incident=incident, kind=kind, sequence=sequence)
    has_it = sent.filter(affected_account=OuterRef("pk")).exclude(state__in=NOT_TOLD)
    owed = whom.everyone(incident, to).filter(~Exists(has_it)).filter(~silent(incident))
    tried = sent.filter(address=OuterRef("pk")).exclude(state=Recipient.State.CANCELLED)
    email = Address.objects.reachable().filter(~Exists(tried), account=OuterRef("account"))
    if to.channel == Mailing.Channel.EMAIL:
        return owed, email
    post = Address.objects.for_letters().filter(~Exists(tried), account=OuterRef("account"))
    return owed.filter(~Exists(email)), post


def silent(incident: Incident) -> Q | Exists:
    """Condition on AffectedAccount: by standing Decision, or as a group nobody writes to, not to be told.

    Somebody who is in another Segment as well is told: a missed notice is worse than one too many.
    """
    not_contacted = incident.decisions.standing().filter(kind=Decision.Kind.DO_NOT_CONTACT)
    segments = set(not_contacted.values_list("segment", flat=True))
    if None in segments:
        return Q(pk__isnull=False)
    segments |= set(incident.segments.filter(receives_notice=False).values_list("pk", flat=True))
    member = AffectedAccount.segments.through.objects.filter(affectedaccount=OuterRef("pk"))
    return Q(Exists(member.filter(segment__in=segments))) & ~Q(Exists(member.exclude(segment__in=segments)))


def unreachable(mailing: Mailing) -> QuerySet[AffectedAccount]:
    """Accounts owed this notice for which no trusted email address is left: they need another channel."""
    if mailing.is_again:
        return AffectedAccount.objects.none()
    kind = mailing.version.notice.kind
    owed, address = _owed_and_address(mailing.incident, kind, mailing.sequence, To.of(mailing))
    # "None is there" can be answered for all of them at once; "which one" is asked for each.
    return owed.filter(~Exists(address)).select_related("account")
