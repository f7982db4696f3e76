"""A stand-in for a mail provider's HTTP API, by which a fault can answer whatever providers answer on bad days.

Speaks as Mailgun does (form fields, merge data by recipient-variables), and as Mandrill where a JSON body comes.
"""

import json
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.utils import parseaddr
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import parse_qs

from config.faults.mail_server import Arrived


@dataclass(frozen=True)
class Answer:
    """What the provider says to a call. takes: whether it has the messages all the same."""

    status: int = 200
    body: bytes = b""
    takes: bool = True
    late: float = 0.0  # seconds
    headers: tuple[tuple[str, str], ...] = ()


OK = Answer()


@dataclass
class Esp:
    """script(number of the call, readers) -> Answer."""

    script: Callable[[int, list[str]], Answer] = lambda number, readers: OK
    arrived: list[Arrived] = field(default_factory=list)
    calls: list[tuple[float, int]] = field(default_factory=list)
    """When, and the status it was answered with."""

    def __enter__(self) -> "Esp":
        esp, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                form = "" if body[:1] == b"{" else self.headers["Content-Type"]
                messages = esp.of_mailgun(fields_of(form, body)) if form else esp.of_mandrill(body)
                with lock:
                    answer = esp.script(len(esp.calls), [one.reader for one in messages])
                    esp.calls.append((time.time(), answer.status))
                    if answer.takes:
                        esp.arrived.extend(messages)
                time.sleep(answer.late)
                said = answer.body or esp.usual(body)
                with suppress(OSError):  # whoever timed out is gone
                    self._say(answer, said)

            def _say(self, answer: Answer, said: bytes) -> None:
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def do_GET(self) -> None:  # its log of events: it knows nothing
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v3"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def last_bad_at(self) -> float:
        """When a call was answered with something else than yes last; the end of the first where none was."""
        return max((at for at, status in self.calls if status != 200), default=self.calls[0][0])

    def usual(self, body: bytes) -> bytes:
        if body[:1] == b"{":
            to = json.loads(body)["message"]["to"][0]["email"]
            return json.dumps([{"email": to, "status": "sent", "_id": f"{time.time_ns():x}"}]).encode()
        return json.dumps({"id": f"<{time.time_ns():x}@mg.relaypost.example>", "message": "Queued."}).encode()

    def of_mailgun(self, form: dict[str, list[str]]) -> list[Arrived]:
        """What each reader of the call would get."""
        fields = {name: values[0] for name, values in form.items()}
        readers = [parseaddr(to)[1] for to in form["to"]]
        variables = json.loads(fields.get("recipient-variables") or "{}")
        shown = ", ".join(readers)  # whoever shares a call without merge data sees the others

        def message(reader: str) -> Arrived:
            own = variables.get(reader, {})
            return _arrived(
                _merged(fields["h:Message-Id"], own).strip("<>"), reader, reader if variables else shown,
                [_merged(fields[name], own) for name in ("subject", "text", "html")],
            )  # fmt: skip

        return [message(reader) for reader in readers]

    def of_mandrill(self, body: bytes) -> list[Arrived]:
        message = json.loads(body)["message"]
        readers = [to["email"] for to in message["to"]]
        named = message["headers"]["Message-ID"].strip("<>")
        texts = [message["subject"], message["text"], message["html"]]
        return [_arrived(named, reader, ", ".join(readers), texts) for reader in readers]


def fields_of(content_type: str, body: bytes) -> dict[str, list[str]]:
    """Of a form, whichever way it is written."""
    if not content_type.startswith("multipart/"):
        return parse_qs(body.decode(), keep_blank_values=True)
    fields: dict[str, list[str]] = {}
    for part in message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body).walk():
        if name := part.get_param("name", header="Content-Disposition"):
            fields.setdefault(str(name), []).append(cast(bytes, part.get_payload(decode=True)).decode())
    return fields


def _merged(text: str, own: dict) -> str:
    return re.sub(r"%recipient\.([\w:-]+)%", lambda found: str(own.get(found[1], found[0])), text)


def _arrived(message_id: str, reader: str, to: str, texts: list[str]) -> Arrived:
    raw = f"To: {to}\r\nMessage-ID: <{message_id}>\r\n\r\n" + "\n".join(texts)
    return Arrived(time.time(), message_id, reader, raw.encode())
