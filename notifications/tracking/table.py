"""The transition table: the state of a recipient is a function of the set of its events."""

from collections.abc import Collection

from notifications.models import Attempt, DeliveryEvent
from notifications.models.recipients import State

Type = DeliveryEvent.Type
Outcome = Attempt.Outcome

# Anymail's words that say something about one message. Opens and clicks are not asked for and not kept.
TYPES = {
    "queued": Type.ACCEPTED,
    "sent": Type.ACCEPTED,
    "deferred": Type.DEFERRED,
    "delivered": Type.DELIVERED,
    "bounced": Type.BOUNCED,
    "rejected": Type.REJECTED,
    "failed": Type.FAILED,
    "complained": Type.COMPLAINED,
}

# The transition table, in two parts; the first that applies wins.
#
# 1. Events, the more cautious first: whoever is both delivered and bounced (a mailbox that took the message and
#    returned it later, a forwarder) counts as not told, since a missed notice is unlawful and a second merely awkward.
BY_EVENTS = [
    (Type.BOUNCED, State.BOUNCED),
    (Type.REJECTED, State.FAILED),  # dropped by the provider: an old unsubscription, a suppression list
    (Type.FAILED, State.FAILED),
    (Type.DELIVERED, State.DELIVERED),
    (Type.COMPLAINED, State.DELIVERED),  # whoever complains has it before them; the complaint stands beside the state
    (Type.SOFT_BOUNCED, State.ACCEPTED),  # any event proves that the provider had accepted it
    (Type.DEFERRED, State.ACCEPTED),
    (Type.ACCEPTED, State.ACCEPTED),
]
# 2. No event: what the latest attempt came to.
BY_OUTCOME = {
    "": State.SENDING,
    Outcome.ACCEPTED: State.ACCEPTED,
    Outcome.RETRY: State.QUEUED,
    Outcome.RELEASED: State.QUEUED,
    Outcome.FAILED: State.FAILED,
    Outcome.UNKNOWN: State.UNKNOWN,
}


def derive(attempt_outcome: str, event_types: Collection[str]) -> State:
    """The state of a recipient: a function of the latest attempt's outcome and the set of events, not their order.

    A person's decision about an unknown one (`unconfirmed`, or queued again) holds until an event says more.
    """
    for type_, state in BY_EVENTS:
        if type_ in event_types:
            return state
    return BY_OUTCOME[attempt_outcome]
