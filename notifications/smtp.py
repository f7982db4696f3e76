"""SMTP that knows how far a conversation got.

smtplib raises the same SMTPServerDisconnected whether the connection broke before the message left or after its
final dot; the first is surely not accepted, the second is unknown (RFC 1047). The connections here note the phase.
"""

import smtplib
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import sanitize_address

from notifications.handover import Outcome, Result, one_by_one, words

RECONNECT_AFTER = 200  # messages; servers cut a connection after some number of them


class Phase(Enum):
    ENVELOPE = "up to the reply to DATA"
    BODY = "between that and the final dot"
    DOT = "the final dot has gone out"


class _NotesPhase:
    phase = Phase.ENVELOPE

    def data(self: Any, msg: bytes) -> tuple[int, bytes]:
        """smtplib's, with the phase noted. Body and dot leave in one sendall: where that raises, the last bytes,
        and with them the dot, have not been taken by the kernel.
        """
        self.putcmd("data")
        code, reply = self.getreply()
        if code != 354:
            return code, reply
        self.phase = Phase.BODY
        text = smtplib._quote_periods(msg)  # type: ignore[attr-defined]
        self.send(text + (b".\r\n" if text.endswith(b"\r\n") else b"\r\n.\r\n"))
        self.phase = Phase.DOT
        return self.getreply()


class PhasedSMTP(_NotesPhase, smtplib.SMTP):  # type: ignore[misc]
    pass


class PhasedSMTP_SSL(_NotesPhase, smtplib.SMTP_SSL):  # type: ignore[misc]  # noqa: N801  (as smtplib spells it)
    pass


class PhasedBackend(EmailBackend):
    """Django's SMTP backend; `hand_over` sends a window over one kept-open connection and says how each ended."""

    connection: Any
    _partial_connection: Any
    sent_over_connection = 0

    @property
    def connection_class(self) -> Any:
        return PhasedSMTP_SSL if self.use_ssl else PhasedSMTP

    def hand_over(self, messages: Sequence[EmailMessage], *, go_on: Callable[[], bool]) -> list[Result]:
        """A window. To pipeline it (RFC 2920) later, only this method changes."""
        return one_by_one(messages, self.send_one, go_on)

    def send_one(self, message: EmailMessage) -> Result:
        try:
            sender, reader, text = envelope(message)
        except (ValueError, TypeError, LookupError, AttributeError) as error:  # what headers and charsets raise
            return Result(Outcome.FAILED, reply=f"The message cannot be written: {type(error).__name__}")
        result = self._try(sender, reader, text)
        if result is None:  # a kept connection had gone stale; surely nothing was accepted
            result = self._try(sender, reader, text)
        return result or Result(Outcome.RETRY, reply="The mail server closed the connection")

    def _try(self, sender: str, reader: str, text: bytes) -> Result | None:
        """None: the connection, kept from earlier, was gone before this message left."""
        if self.sent_over_connection >= RECONNECT_AFTER:
            self.drop()
        kept = self.connection is not None
        try:
            self.open()
        except OSError as error:  # smtplib's exceptions are OSErrors, too
            self.drop()
            return _no_line(error)
        self.sent_over_connection += 1
        try:
            return self._converse(sender, reader, text)
        except (OSError, ValueError) as error:
            phase = self.connection.phase
            self.drop()
            if phase is Phase.DOT:
                return Result(Outcome.UNKNOWN, reply="No answer after the final dot", rest=Outcome.RELEASED)
            return None if kept else Result(Outcome.RETRY, reply=words(error) or type(error).__name__)

    def _converse(self, sender: str, reader: str, text: bytes) -> Result:
        smtp = self.connection
        smtp.phase = Phase.ENVELOPE
        smtp.ehlo_or_helo_if_needed()
        options = [f"size={len(text)}"] if smtp.has_extn("size") else []
        if smtp.has_extn("8bitmime"):
            options.append("body=8bitmime")
        code, reply = smtp.mail(sender, options)
        if 500 <= code < 600 and code != 552:  # 552: this message is too big
            self._reset()
            return _refused_us(code, "The mail server refused our sender")
        if code == 250:
            code, reply = smtp.rcpt(reader)
            if code in (250, 251):
                code, reply = smtp.data(text)
        if smtp.phase is not Phase.DOT:
            self._reset()
        return self._end(code, reply, smtp.phase)

    def _end(self, code: int, reply: bytes, phase: Phase) -> Result:
        """What a final reply means. A code that cannot be read (smtplib says -1) is no answer at all."""
        if code == 421 or code < 200:
            self.drop()
        if phase is Phase.DOT and 200 <= code < 300:
            return Result(Outcome.ACCEPTED, code, words(reply))
        if 400 <= code < 500:
            return Result(Outcome.RETRY, code, words(reply), throttled=code == 421)
        if code == 530:
            return _refused_us(code, "The mail server wants us to sign in")
        if 500 <= code < 600:
            return Result(Outcome.FAILED, code, words(reply))
        if phase is Phase.DOT:
            self.drop()
            return Result(Outcome.UNKNOWN, None, "An answer that cannot be read", rest=Outcome.RELEASED)
        return Result(Outcome.RETRY, None, "An answer that cannot be read")

    def _reset(self) -> None:
        try:
            self.connection.rset()
        except OSError:
            self.drop()

    def close(self) -> None:
        """As Django's, but a QUIT nobody answers is no error: every message already has its outcome."""
        try:
            super().close()
        except OSError:
            self.drop()

    def drop(self) -> None:
        """Close without QUIT: a server that hangs would make us wait for its answer."""
        for connection in (self.connection, self._partial_connection):
            if connection is not None:
                connection.close()
        self.connection = self._partial_connection = None
        self.sent_over_connection = 0


def envelope(message: EmailMessage) -> tuple[str, str, bytes]:
    """Sender, reader and the bytes as they go over the wire."""
    encoding = message.encoding or settings.DEFAULT_CHARSET
    (reader,) = message.recipients()
    text = message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]
    return _address(message.from_email, encoding), _address(reader, encoding), text


def _address(value: str, encoding: Any) -> str:
    address = sanitize_address(value, encoding)
    address.encode("ascii")  # smtplib would raise in the middle of the conversation
    return address


def _no_line(error: OSError) -> Result:
    """No connection: TCP, TLS, greeting, EHLO or AUTH. Nothing has been said of any message."""
    if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
        return _refused_us(error.smtp_code, "The mail server refused our user name or password")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return _refused_us(None, "The mail server does not offer the sign-in or encryption that the settings ask for")
    code = getattr(error, "smtp_code", None)
    code = code if isinstance(code, int) and code > 0 else None
    return Result(Outcome.RETRY, code, f"No connection: {words(error)}"[:300], throttled=True, rest=Outcome.RETRY)


def _refused_us(code: int | None, fact: str) -> Result:
    because = f"{fact}{f' (SMTP {code})' if code else ''}. Check the mail settings, then resume."
    return Result(Outcome.RELEASED, code, because, pause=because, rest=Outcome.RELEASED)
