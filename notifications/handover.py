"""Hands messages to the provider, one reader per message, and says how each of them ended.

`calling` speaks HTTP through Anymail, `smtp` SMTP; `outcomes` holds what their answers are put into.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.utils import getaddresses
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from notifications import batches, calling, providers
from notifications.composing import Personal
from notifications.outcomes import RELEASED, Outcome, Result, one_by_one, rest_of, words
from notifications.smtp.mime import PLAIN_ADDRESS

__all__ = ["RELEASED", "Lines", "NotOneReader", "Outcome", "Result", "always", "hand_over", "line", "lines", "words"]


class NotOneReader(Exception):
    """A message that would show its readers to each other, or reach somebody beside its reader."""


def always() -> bool:
    return True


def hand_over(
    messages: Sequence[EmailMessage | Personal], *, connection: Any = None, channel: providers.Channel | None = None,
    go_on: Callable[[], bool] = always,
) -> list[Result]:  # fmt: skip
    """One Result per message, in their order. Once `go_on` says no the rest is released: surely not sent.

    channel: what `connection` leads to; None: the first one. Raises NotOneReader before anything is sent.
    """
    channel = channel or providers.first()
    if connection is None:
        with line(channel) as opened:
            return hand_over(messages, connection=opened, channel=channel, go_on=go_on)
    alone = [message for message in messages if not isinstance(message, Personal)]
    for message in alone:
        require_one_reader(message)
    together = [message for message in messages if isinstance(message, Personal)]
    ended = batches.hand_over(together, connection, channel.adapter, go_on) if together else []
    rest = next((rest_of(result) for result in ended if result.rest), None)
    if rest:
        ended_alone = [rest] * len(alone)
    elif hasattr(connection, "hand_over"):  # ours: a window at a time
        ended_alone = connection.hand_over(alone, go_on=go_on)
    else:
        ended_alone = one_by_one(alone, lambda message: calling.call(connection, message, channel.adapter), go_on)
    of_each = {True: iter(ended), False: iter(ended_alone)}
    return [next(of_each[isinstance(message, Personal)]) for message in messages]


def goes_together(name: str) -> bool:
    """Whether messages through this channel are handed over many in a call."""
    return settings.SENDING_BATCHES and providers.channel(name).adapter.batch > 1


class Lines:
    """Connections for many windows, one for each channel, opened when they are needed."""

    def __init__(self) -> None:
        self.open: dict[str, Any] = {}

    def to(self, channel: providers.Channel) -> Any:
        if channel.name not in self.open:
            self.open[channel.name] = connection = _connection(channel)
            if channel.adapter.is_anymail:
                connection.open()  # a session that is kept; the others open when they are needed
        return self.open[channel.name]


@contextmanager
def lines() -> Iterator[Lines]:
    """Closed at the end, whatever state they are in."""
    held = Lines()
    try:
        yield held
    finally:
        for connection in held.open.values():
            connection.close()


@contextmanager
def line(channel: providers.Channel | None = None) -> Iterator[Any]:
    with lines() as held:
        yield held.to(channel or providers.first())


def _connection(channel: providers.Channel) -> Any:
    return get_connection(channel.adapter.ours or channel.backend, **channel.options)


def require_one_reader(message: EmailMessage) -> None:
    """Raises NotOneReader. Through a backend that knows no merge, several `to` become one mail for all to see."""
    one = len(message.to) == 1 and _is_one_address(message.to[0])
    if (
        not one
        or message.cc
        or message.bcc
        or getattr(message, "merge_data", None)
        or getattr(message, "merge_metadata", None)
    ):
        raise NotOneReader("a notice has exactly one reader: one To, no Cc, no Bcc, no merge data")


def _is_one_address(to: str) -> bool:
    return bool(PLAIN_ADDRESS.fullmatch(to)) or (len(getaddresses([to])) == 1 and to.isprintable())
