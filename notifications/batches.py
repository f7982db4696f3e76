"""Calls that take many recipients with merge data: each gets a message of their own, made by the provider.

Such a call through a backend that does not know merge would be ONE mail that shows everybody to everybody. So it is
built here alone, only for adapters of which the table says that they batch, with data for each single reader.
"""

from collections.abc import Callable, Sequence
from json.encoder import encode_basestring  # as json.dumps(…, ensure_ascii=False)
from typing import Any

from django.core.mail import EmailMultiAlternatives

from notifications import calling
from notifications.composing import Personal
from notifications.outcomes import RELEASED, Outcome, Result, rest_of
from notifications.providers import Adapter

SPLIT = {400, 413, 422}
"""HTTP answers that say of a call with many that something in it is wrong, not of which one."""


class ReadersWouldMeet(Exception):
    """A call that would show its readers to each other."""


def hand_over(
    personals: Sequence[Personal], connection: Any, adapter: Adapter, go_on: Callable[[], bool]
) -> list[Result]:
    """One Result for each, in their order. One bad address refuses a whole call: it is found by halving."""
    results: dict[int, Result] = {}
    waiting = _calls(personals, adapter.batch)
    while waiting and go_on():
        places = waiting.pop(0)
        result = _call([personals[place] for place in places], connection, adapter)
        if result.outcome == Outcome.FAILED and result.code in SPLIT and len(places) > 1:
            middle = len(places) // 2
            waiting[:0] = [places[:middle], places[middle:]]
            continue
        results |= dict.fromkeys(places, result)
        if result.rest is not None:
            results |= dict.fromkeys((place for left in waiting for place in left), rest_of(result))
            break
    return [results.get(place, RELEASED) for place in range(len(personals))]


def _calls(personals: Sequence[Personal], most: int) -> list[list[int]]:
    """Places in calls of one text each; an address once in a call, since the merge data goes by address."""
    open_calls: dict[tuple, list[tuple[list[int], set[str]]]] = {}
    for place, one in enumerate(personals):
        alike = open_calls.setdefault((id(one.shared), one.from_email, one.reply_to), [])
        address = one.to.casefold()
        for places, addresses in alike:
            if address not in addresses and len(places) < most:
                break
        else:
            alike.append((places := [], addresses := set()))
        places.append(place)
        addresses.add(address)
    return [places for alike in open_calls.values() for places, _ in alike]


def _call(personals: list[Personal], connection: Any, adapter: Adapter) -> Result:
    message = build(personals, adapter)
    try:
        connection.send_messages([message])
    except Exception as error:  # noqa: BLE001  (each error means something)
        return calling.meaning(error)
    return calling.accepted(message, alone=len(personals) == 1)


def build(personals: list[Personal], adapter: Adapter) -> EmailMultiAlternatives:
    """Raises ReadersWouldMeet."""
    merge = {one.to: one.merge for one in personals}
    if (
        adapter.batch < max(2, len(personals))
        or len(merge) != len(personals)
        or len({one.shared for one in personals}) != 1
    ):
        raise ReadersWouldMeet(f"{adapter.name} would not keep {len(personals)} readers apart")
    first = personals[0]
    message: Any = EmailMultiAlternatives(
        first.shared.subject, first.shared.text, first.from_email, list(merge), reply_to=list(first.reply_to),
        headers={"Message-ID": "<%recipient.id%>", "Auto-Submitted": "auto-generated"},
    )  # fmt: skip
    message.attach_alternative(first.shared.html, "text/html")
    message.merge_data = merge
    message.variables = "{" + ",".join([f"{encode_basestring(one.to)}:{one.merge_json}" for one in personals]) + "}"
    message.metadata = {"recipient": "%recipient.id%"}  # each reader's own, as Anymail's merge_metadata would say it
    message.track_clicks = message.track_opens = False
    return message
