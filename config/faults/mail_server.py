"""An SMTP server on a raw socket that breaks a conversation wherever a fault wants it, and keeps what it took.

aiosmtpd cannot drop a connection cleanly, nor say half a reply.
"""

import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import BinaryIO


class Hangup(Exception):
    """The server closes the connection."""


@dataclass(frozen=True)
class Arrived:
    """One message as the receiving server has it. reader: whom the envelope named."""

    at: float
    message_id: str
    reader: str
    raw: bytes

    @property
    def message(self) -> Message:
        return message_from_bytes(self.raw)


def no_fault(point: str, reader: str) -> str:
    return ""


@dataclass
class MailServer:
    """script(point, reader) says what happens instead of the usual reply; empty: the usual reply.

    Points: connect, mail, rcpt, data, dot, after. Words: a reply ("451 later"; after 421 the line is closed), "drop",
    "hang", "half" (two digits of a reply, then the line is closed), or "late 3" (seconds before the usual reply).
    At the dot everything but a 4xx or 5xx takes the message first, as a server does whose answer gets lost.
    """

    script: Callable[[str, str], str] = no_fault
    delay: float = 0.0  # seconds before the reply to a final dot
    hang: float = 20.0  # seconds
    arrived: list[Arrived] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> "MailServer":
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # not only close: a thread in accept() would keep the port open
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        try:
            with client, client.makefile("rb") as heard:
                self._converse(client, heard)
        except (Hangup, OSError, ValueError):
            pass

    def _converse(self, client: socket.socket, heard: BinaryIO) -> None:
        def say(line: str) -> bool:
            client.sendall(f"{line}\r\n".encode())
            return True

        def instead(point: str, reader: str) -> bool:
            return self._instead(self.script(point, reader), client, say)

        instead("connect", "*") or say("220 sink ready")
        has_sender, reader = False, ""
        while line := heard.readline():
            command = line.decode("ascii", "replace").strip()
            match command[:4].upper():
                case "EHLO":
                    say("250-sink\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SIZE")
                case "MAIL":
                    has_sender = not instead("mail", "*")
                    if has_sender:
                        say("250 ok")
                case "RSET":
                    has_sender, reader = False, ""
                    say("250 ok")
                case "RCPT" if not has_sender:
                    say("503 MAIL first")
                case "RCPT":
                    named = re.sub(r"^.*<(.*)>.*$", r"\1", command)
                    if not instead("rcpt", named):
                        reader = named
                        say("250 ok")
                case "DATA" if not reader:
                    say("503 RCPT first")
                case "DATA":
                    if not instead("data", reader):
                        say("354 go ahead")
                        self._take(heard, reader, client, say)
                        has_sender, reader = False, ""
                case "QUIT":
                    say("221 bye")
                    return
                case _:
                    say("250 ok")

    def _take(self, heard: BinaryIO, reader: str, client: socket.socket, say: Callable[[str], bool]) -> None:
        lines = []
        while (line := heard.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line[1:] if line.startswith(b".") else line)
        fault = self.script("dot", reader)
        if fault[:1] in ("4", "5"):
            self._instead(fault, client, say)
            return
        self.keep(b"".join(lines), reader)
        time.sleep(self.delay)
        self._instead(fault, client, say) or say("250 taken")
        self._instead(self.script("after", reader), client, say)

    def keep(self, raw: bytes, reader: str) -> None:
        head = raw.partition(b"\r\n\r\n")[0]
        named = re.search(rb"(?im)^Message-ID:\s*<(.*?)>", head)
        self.arrived.append(Arrived(time.time(), named[1].decode() if named else "", reader, raw))

    def _instead(self, fault: str, client: socket.socket, say: Callable[[str], bool]) -> bool:
        """Whether a fault took the place of the usual reply."""
        if fault.startswith("late"):
            time.sleep(float(fault.split()[1]))
            return False
        if fault == "hang":
            time.sleep(self.hang)
        if fault == "half":
            client.sendall(b"25")
        if fault in ("drop", "hang", "half"):
            raise Hangup
        if fault:
            say(fault)
            if fault.startswith("421"):
                raise Hangup
        return bool(fault)
