"""The next address: whoever's message met a final no is tried at the account's next trusted one."""

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Address
from incidents.models import AffectedAccount, Decision
from notifications import links, mailing_states
from notifications.mailings.owing import silent
from notifications.mailings.texts import message_id
from notifications.models import Mailing, Outbox, Recipient

State = Recipient.State
NO_FOR_GOOD = [State.BOUNCED, State.FAILED, State.UNCONFIRMED]
AT_A_TIME = 500  # recipients a call; the next tick goes on


class AlreadyFollowed(Exception):
    """A message at the account's next address is there already."""


class NoOtherAddress(Exception):
    """No trusted address is left that was not tried: the account is unreached until a letter or call is recorded."""


@transaction.atomic
def queue(recipient: Recipient) -> Recipient:
    """A new recipient at the account's next trusted address, queued in the same mailing.

    Only addresses that were there when the mailing started: nobody has said yes to a later one.
    Raises AlreadyFollowed, NoOtherAddress, or mailing_states.NotOpen where its mailing sends nothing more.
    """
    mailing = mailing_states.keep_open(recipient.mailing_id, by=None)
    if Recipient.objects.filter(follows=recipient).exists():
        raise AlreadyFollowed(f"{recipient} was followed up by another worker")
    address = _untried(recipient).first()
    if address is None:
        raise NoOtherAddress(f"{recipient} was at the last trusted address of its account")
    affected = recipient.affected_account
    link = links.make_links([(affected, address)])[affected.pk, address.pk]
    following = Recipient.objects.create(
        incident_id=recipient.incident_id, mailing=mailing, affected_account=affected, account_id=recipient.account_id,
        address=address, link=link, kind=recipient.kind, sequence=recipient.sequence, code=links.new_code(),
        merge=recipient.merge, merge_seal=recipient.merge_seal, state=State.QUEUED, follows=recipient,
        message_id=message_id(mailing.sender),
    )  # fmt: skip
    Outbox.objects.create(recipient=following, mailing=mailing)
    return following


def queue_all() -> int:
    """Try the next address of everyone whose message met a final no; how many there were.

    Found by looking, not by remembering: a crash between the no and the next try changes nothing.
    """
    held = Decision.objects.standing().filter(incident=OuterRef("incident"), kind=Decision.Kind.LAW_ENFORCEMENT_HOLD)
    stuck = Exists(_stuck().filter(mailing=OuterRef("pk")))
    # What was sent again went to the address it was asked for, and to no other.
    mailings = (
        Mailing.objects.of_sets().filter(stuck, ~Exists(held), state__in=mailing_states.OPEN).select_related("incident")
    )
    return sum(_queue_all_of(mailing) for mailing in mailings.order_by("pk") if mailing_states.is_fresh(mailing))


def _queue_all_of(mailing: Mailing) -> int:
    # Since the mailing started somebody may have been ruled out, or a Decision made not to contact them.
    affected = AffectedAccount.objects.filter(incident=mailing.incident).exclude(silent(mailing.incident))
    if mailing.whom == Mailing.Whom.RULED_OUT:
        owed = affected.filter(certainty=AffectedAccount.Certainty.RULED_OUT)
    else:
        owed = affected.owed_a_notice()
    stuck = _stuck().filter(mailing=mailing, affected_account__in=owed).select_related("affected_account")
    followed = 0
    for recipient in stuck.order_by("pk")[:AT_A_TIME]:
        try:
            queue(recipient)
        except (AlreadyFollowed, NoOtherAddress):
            continue  # another worker was here first
        except mailing_states.NotOpen:
            break  # cancelled a moment ago, or another mailing of this text has to finish before
        followed += 1
    return followed


def _stuck() -> QuerySet[Recipient]:
    """Met a final no, was not followed up, and the account has an address that was not tried."""
    tried = Recipient.objects.filter(
        address=OuterRef("pk"), incident=OuterRef(OuterRef("incident")), kind=OuterRef(OuterRef("kind")),
        sequence=OuterRef(OuterRef("sequence")),
    )  # fmt: skip
    another = Address.objects.reachable().filter(
        ~Exists(tried), account=OuterRef("account"), created_at__lte=OuterRef("mailing__started_at")
    )
    return Recipient.objects.filter(
        Exists(another), state__in=NO_FOR_GOOD, followed_by=None, channel=Recipient.Channel.EMAIL
    )


def _untried(recipient: Recipient) -> QuerySet[Address]:
    tried = Recipient.objects.filter(
        incident=recipient.incident_id, kind=recipient.kind, sequence=recipient.sequence, address=OuterRef("pk")
    )
    return Address.objects.reachable().filter(
        ~Exists(tried), account=recipient.account_id, created_at__lte=recipient.mailing.started_at
    )
