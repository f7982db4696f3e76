import socket
from collections.abc import Callable, Sequence
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from notifications.outcomes import RELEASED, Result
from notifications.smtp.window import Window, write

RECONNECT_AFTER = 200  # messages; servers cut a connection after some number of them


class PhasedBackend(EmailBackend):
    """Django's SMTP backend; `hand_over` sends a window over one kept-open connection and says how each ended."""

    connection: Any
    _partial_connection: Any
    sent_over_connection = 0
    needs_reset = False
    """A transaction was left half-way: the next one begins with RSET."""

    def hand_over(self, messages: Sequence[EmailMessage], *, go_on: Callable[[], bool]) -> list[Result]:
        """One Result per message, in their order; what was not spoken of when it had to end is released."""
        written = [write(place, message) for place, message in enumerate(messages)]
        results = {place: result for place, result in enumerate(written) if isinstance(result, Result)}
        results |= Window(self, [letter for letter in written if not isinstance(letter, Result)], go_on).speak()
        return [results.get(place, RELEASED) for place in range(len(messages))]

    def connect(self) -> Any:
        """The connection to speak over: the kept one, or a new one. Raises OSError where there is none."""
        if self.is_worn():
            self.drop()
        if self.connection is None:
            self.open()
            opened: Any = self.connection
            opened.ehlo_or_helo_if_needed()
            # A group of commands must not wait for the acknowledgement of the one before (RFC 2920, 4.1).
            opened.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.connection

    def is_worn(self) -> bool:
        return self.sent_over_connection >= RECONNECT_AFTER

    def close(self) -> None:
        """As Django's, but a QUIT nobody answers is no error: every message already has its outcome."""
        try:
            super().close()
        except OSError:
            self.drop()
        self.sent_over_connection, self.needs_reset = 0, False

    def drop(self) -> None:
        """Close without QUIT: a server that hangs would make us wait for its answer."""
        for connection in (self.connection, self._partial_connection):
            if connection is not None:
                connection.close()
        self.connection = self._partial_connection = None
        self.sent_over_connection, self.needs_reset = 0, False
