"""A window of messages over one SMTP connection, pipelined where the server offers it (RFC 2920).

The final dot of one message and the envelope of the next leave together, so a message costs one round trip instead
of four. DATA ends a group, so at any moment the dot of one message at most is out and unanswered: where the
conversation breaks, that one is unknown, what was answered before it stands, and all behind it is surely not sent.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.mail import EmailMessage

from notifications.outcomes import Outcome, Result, rest_of, words
from notifications.smtp import mime, replies

TAKEN = {"mail": (250,), "rcpt": (250, 251), "data": (354,)}


@dataclass
class Letter:
    """One message as it is spoken: paths in angle brackets; the text with its dots doubled and the final one."""

    place: int
    sender: str
    reader: str
    text: bytes
    tried_again: bool = False


def write(place: int, message: EmailMessage) -> Letter | Result:
    try:
        (reader,) = message.recipients()
        text = mime.as_bytes(message).replace(b"\r\n.", b"\r\n..")
        ended = text + (b".\r\n" if text.endswith(b"\r\n") else b"\r\n.\r\n")
        sender = getattr(message, "return_path", "") or message.from_email
        return Letter(place, mime.path(sender), mime.path(reader), ended)
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # what headers and charsets raise
        return Result(Outcome.FAILED, reply=f"The message cannot be written: {type(error).__name__}")


class Window:
    """Speaks letters in their order; `speak` says how each ended that was spoken of, or need not be any more."""

    def __init__(self, backend: Any, letters: Sequence[Letter], go_on: Callable[[], bool]) -> None:
        self.backend, self.go_on = backend, go_on
        self.waiting = deque(letters)
        self.results: dict[int, Result] = {}
        self.rest: Result | None = None
        """How what is still waiting ends, unspoken."""
        self.begun: Letter | None = None
        """Its envelope is being said, nothing of its text."""
        self.on_wire: Letter | None = None
        """Its text is going out, or its final dot is out and unanswered."""
        self.dot_is_out = False
        self.is_stopped = False
        self.unanswered: dict[str, bytes] = {}
        self.is_proven = False
        """Something was answered over this connection before."""

    def speak(self) -> dict[int, Result]:
        while self.waiting and self.rest is None and self._may_go_on():
            self.is_proven = self.backend.connection is not None
            try:
                self.connection = self.backend.connect()
            except OSError as error:  # smtplib's exceptions are OSErrors, too
                self.backend.drop()
                self._end(self.waiting.popleft(), replies.no_line(error))
                continue
            try:
                self._over_this_connection()
            except (OSError, ValueError) as error:
                self.backend.drop()
                self._broken(error)
        if self.rest is not None:
            self.results |= {letter.place: self.rest for letter in self.waiting}
        return self.results

    def _over_this_connection(self) -> None:
        """Until nothing is left, the connection must be renewed, or the server does not pipeline."""
        letter: Letter | None = self.waiting.popleft()
        first = letter
        self._say(b"", letter)
        while letter is not None:
            refusal = self._refusal(letter)
            if refusal is None and letter is not first and not self._may_go_on():
                self.backend.drop()  # there is no other way out of DATA; without its dot nothing is accepted
                self.waiting.appendleft(letter)
                return
            following = self.waiting.popleft() if self._may_pipeline(refusal) else None
            if refusal is None:
                self.on_wire = letter
                self._say(letter.text, following)
                self._end(letter, replies.answered(*self.connection.getreply()))
                if self.rest is not None:
                    raise ConnectionAbortedError("nothing more may be said over it")
            elif following is not None:
                self._say(b"", following)
            letter = following

    def _may_go_on(self) -> bool:
        self.is_stopped = self.is_stopped or not self.go_on()
        return not self.is_stopped

    def _may_pipeline(self, refusal: Result | None) -> bool:
        return bool(
            self.waiting
            and self.rest is None
            and self.backend.connection is not None
            and self.connection.has_extn("pipelining")
            and not self.backend.is_worn()
            and self._may_go_on()
        )

    def _end(self, letter: Letter, result: Result) -> None:
        self.results[letter.place] = result
        self.begun = None if self.begun is letter else self.begun
        self.on_wire, self.is_proven = None, True
        if result.rest is not None:
            self.rest = rest_of(result)

    def _broken(self, error: Exception) -> None:
        """The connection is gone. Who is where was noted while it was spoken."""
        reply = words(error) or type(error).__name__
        if self.begun is not None:
            if self.on_wire is not None:
                self.waiting.appendleft(self.begun)  # it broke at the message before
            elif self.is_proven and not self.begun.tried_again:
                self.begun.tried_again = True  # a kept connection had gone stale; surely nothing was accepted
                self.waiting.appendleft(self.begun)
            else:
                self.results[self.begun.place] = Result(Outcome.RETRY, reply=reply)
            self.begun = None
        if self.on_wire is not None:
            unknown = Result(Outcome.UNKNOWN, reply="No answer after the final dot", rest=Outcome.RELEASED)
            self._end(self.on_wire, unknown if self.dot_is_out else Result(Outcome.RETRY, reply=reply))

    # Saying and hearing -----------------------------------------------------------------------------------------

    def _say(self, text: bytes, following: Letter | None) -> None:
        """Text and final dot of one letter and, where the server pipelines, the next envelope, in one go."""
        self.dot_is_out, self.begun, envelope = False, following, b""
        if following is not None:
            self.backend.sent_over_connection += 1
            self.unanswered = self._envelope(following)
            if self.connection.has_extn("pipelining"):
                envelope = b"".join(self.unanswered.values())
        self._send(text + envelope, dot_at=len(text))

    def _send(self, group: bytes, *, dot_at: int = 0) -> None:
        # Not sendall: where it raises nobody can say what the kernel had taken, and only that can be accepted.
        sent, view = 0, memoryview(group)
        while sent < len(view):
            sent += self.connection.sock.send(view[sent:])
            self.dot_is_out = self.on_wire is not None and sent >= dot_at

    def _envelope(self, letter: Letter) -> dict[str, bytes]:
        options = f" size={len(letter.text)}" if self.connection.has_extn("size") else ""
        options += " body=8bitmime" if self.connection.has_extn("8bitmime") else ""
        reset = {"rset": b"RSET\r\n"} if self.backend.needs_reset else {}
        self.backend.needs_reset = False
        return reset | {
            "mail": f"MAIL FROM:{letter.sender}{options}\r\n".encode("ascii"),
            "rcpt": f"RCPT TO:{letter.reader}\r\n".encode("ascii"),
            "data": b"DATA\r\n",
        }

    def _refusal(self, letter: Letter) -> Result | None:
        """What the replies to its envelope say against a letter, written down; None: its text may go out."""
        refusal, code = None, 0
        for command, line in self.unanswered.items():
            if not self.connection.has_extn("pipelining"):
                if refusal is not None:
                    break
                self._send(line)
            code, reply = self.connection.getreply()
            if refusal is None and code not in TAKEN.get(command, (code,)) or code == 421 or code < 200:
                refusal = refusal or replies.refused(command, code, reply)
                self._end(letter, refusal)
            if code == 421 or code < 200:
                self.backend.drop()
                return refusal
        if refusal is not None:
            self._out_of_the_transaction(code)
        return refusal

    def _out_of_the_transaction(self, code: int) -> None:
        """After a refusal: the next envelope begins with RSET. DATA taken all the same ends with a lone dot
        (RFC 2920, 3.1): there is nobody it could go to.
        """
        if code == 354:
            self._send(b".\r\n")
            self.connection.getreply()
        self.backend.needs_reset = True
