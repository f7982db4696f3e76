"""A small SMTP server on a raw socket that can break a conversation wherever a test wants it (faults.md, F5).

aiosmtpd cannot drop a connection cleanly. In a test: `with SmtpServer() as server`. As a process of its own, which
writes the Message-ID of every message it took to a file: `python -m tests.notifications.smtp_server --log FILE`.
"""

import argparse
import email
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message

PIPELINING = True  # whether servers offer it that are not told


class Hangup(Exception):
    """The server closes the connection."""


@dataclass
class SmtpServer:
    """faults: by point of the conversation ("greeting", "auth", "mail", "rcpt", "data", "body", "dot", "after"), what
    happens there to whom: a reply such as "451 later", "drop", or "hang"; keyed by local part, or "*" for everyone.

    accepted holds the messages it took, whether or not the client could learn of it.
    """

    faults: dict[str, dict[str, str]] = field(default_factory=dict)
    delay: float = 0.0  # seconds before the reply to the final dot
    hang: float = 5.0  # seconds
    port: int = 0
    auth: bool = False
    pipelining: bool = field(default_factory=lambda: PIPELINING)
    careless: bool = False  # takes DATA although it refused the reader (RFC 2920, 3.1)
    on_accept: Callable[[Message], None] = lambda message: None
    accepted: list[Message] = field(default_factory=list)
    connections: int = 0
    commands: list[str] = field(default_factory=list)

    def __enter__(self) -> "SmtpServer":
        self._socket = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        # Not only close: a thread in accept() would keep the port open.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    @property
    def readers(self) -> list[str]:
        return [message["X-Envelope-To"] for message in self.accepted]

    @property
    def message_ids(self) -> list[str]:
        return [message["Message-ID"].strip("<>") for message in self.accepted]

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
            with client, client.makefile("rwb") as wire:
                self._converse(wire)
        except (Hangup, OSError, ValueError):
            pass

    def _converse(self, wire) -> None:
        def say(line: str) -> None:
            wire.write(f"{line}\r\n".encode())
            wire.flush()

        self._fault("greeting", "*", say)
        say("220 sink ready")
        has_sender, reader = False, ""
        while line := wire.readline():
            command = line.decode("ascii", "replace").strip()
            self.commands.append(command)
            verb = command[:4].upper()
            if verb == "EHLO":
                offers = [*(["AUTH PLAIN"] if self.auth else []), *(["PIPELINING"] if self.pipelining else [])]
                say("\r\n".join(f"250-{offer}" for offer in ["sink", "8BITMIME", *offers]) + "\r\n250 SIZE")
            elif verb == "AUTH":
                self._fault("auth", "*", say) or say("235 welcome")
            elif verb == "MAIL":
                if has_sender:
                    say("503 one at a time")
                elif not self._fault("mail", "*", say):
                    has_sender = True
                    say("250 ok")
            elif verb == "RSET":
                has_sender, reader = False, ""
                say("250 ok")
            elif verb == "RCPT":
                named = re.search(r"<(.*?)>", command)[1]
                if not has_sender:
                    say("503 MAIL first")
                elif not self._fault("rcpt", named, say):
                    reader = named
                    say("250 ok")
            elif verb == "DATA":
                if not reader and not self.careless:
                    say("503 RCPT first")
                    continue
                if self._fault("data", reader, say):
                    continue
                say("354 go ahead")
                self._take(wire, reader, say)
                has_sender, reader = False, ""
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")

    def _take(self, wire, reader: str, say: Callable[[str], None]) -> None:
        self._fault("body", reader, say)
        lines = []
        while (line := wire.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line[1:] if line.startswith(b".") else line)
        if not reader:
            say("554 nobody to give it to")
            return
        refused = self._faulty("dot", reader)
        if refused[:1] in ("4", "5"):
            say(refused)
            return
        message = email.message_from_bytes(b"".join(lines))
        message["X-Envelope-To"] = reader
        self.accepted.append(message)
        self.on_accept(message)
        time.sleep(self.delay)
        self._fault("dot", reader, say) or say("250 taken")
        self._fault("after", reader, say)

    def _faulty(self, point: str, reader: str) -> str:
        at_point = self.faults.get(point, {})
        return at_point.get(reader.partition("@")[0], at_point.get("*", ""))

    def _fault(self, point: str, reader: str, say: Callable[[str], None]) -> bool:
        """Whether a fault took the place of the usual reply."""
        fault = self._faulty(point, reader)
        if fault == "hang":
            time.sleep(self.hang)
        if fault in ("drop", "hang"):
            raise Hangup
        if fault:
            say(fault)
            if fault.startswith("421"):
                raise Hangup
        return bool(fault)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", required=True, help="Message-ID and reader of each message taken, a line each")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before the reply to the final dot")
    arguments = parser.parse_args()
    with open(arguments.log, "a", buffering=1) as log:

        def note(message: Message) -> None:
            log.write(f"{message['Message-ID'].strip('<>')} {message['X-Envelope-To']}\n")

        with SmtpServer(port=arguments.port, delay=arguments.delay, on_accept=note):
            threading.Event().wait()


if __name__ == "__main__":
    main()
