"""What providers say of answers: the word that wins stays in the row, whatever their order, as with subscriber mail."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from notifications.models import InquiryAttempt
from notifications.subscriptions.hearing import SETTLE as SETTLE_UPDATES
from notifications.subscriptions.hearing import One

MARK = "answer."
"""How the Message-IDs of answers begin: events about them are known by that."""
SETTLE = SETTLE_UPDATES.replace("notifications_updatemail", "notifications_inquirymail").replace(
    "notifications_updateoutbox", "notifications_inquiryoutbox"
)


def take_out(heard: Sequence[One], wins: Mapping[str, list[str]]) -> list[One]:
    """Events that are not about answers; the rest is dealt with. wins: types and states, the first wins."""
    by_provider_id = _known_by_provider_id(heard)
    ours: list[tuple[str, str]] = []
    rest: list[One] = []
    for one in heard:
        told = [one.opaque, one.message_id.strip("<>")]
        name = next((name for name in told if name.startswith(MARK)), "") or by_provider_id.get(told[1], "")
        if name:
            ours.append((name, str(one.type)))
        else:
            rest.append(one)
    if ours:
        given: dict[str, Any] = {**wins, "names": [name for name, _ in ours], "said": [said for _, said in ours]}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SETTLE, given)
    return rest


def _known_by_provider_id(heard: Sequence[One]) -> dict[str, str]:
    """For providers that bring back nothing but an id of their own: Message-ID by that id."""
    asked = {one.message_id.strip("<>") for one in heard if not one.opaque and one.message_id}
    asked = {name for name in asked if not name.startswith(MARK)}
    if not asked:
        return {}
    forms = [*asked, *(f"<{name}>" for name in asked)]
    found = InquiryAttempt.objects.filter(provider_id__in=forms).exclude(provider_id="")
    return {given.strip("<>"): name for given, name in found.values_list("provider_id", "recipient__message_id")}
