"""Hands messages to the provider, one reader per message, and says how each of them ended.

`calling` speaks HTTP through Anymail, `smtp` SMTP; `outcomes` holds what their answers are put into.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.utils import getaddresses
from typing import Any

from django.core.mail import EmailMessage, get_connection

from notifications import calling, providers
from notifications.outcomes import RELEASED, Outcome, Result, one_by_one, words
from notifications.smtp.mime import PLAIN_ADDRESS

__all__ = ["RELEASED", "Lines", "NotOneReader", "Outcome", "Result", "always", "hand_over", "line", "lines", "words"]


class NotOneReader(Exception):
    """A message that would show its readers to each other, or reach somebody beside its reader."""


def always() -> bool:
    return True


def hand_over(
    messages: Sequence[EmailMessage], *, connection: Any = None, channel: providers.Channel | None = None,
    go_on: Callable[[], bool] = always,
) -> list[Result]:  # fmt: skip
    """One Result per message, in their order. Once `go_on` says no the rest is released: surely not sent.

    channel: what `connection` leads to; None: the first one. Raises NotOneReader before anything is sent.
    """
    for message in messages:
        require_one_reader(message)
    channel = channel or providers.first()
    connection = connection or _connection(channel)
    if hasattr(connection, "hand_over"):  # ours: a window at a time
        return connection.hand_over(messages, go_on=go_on)
    return one_by_one(messages, lambda message: calling.call(connection, message, channel.adapter), go_on)


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
    return get_connection(channel.backend, **channel.options)


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
