"""Stand-ins for the APIs of mail providers: what Mailgun's documentation says of messages and events, on a free port.

In a test: `with Mailgun() as mailgun`. It makes each reader's message of a batch call as Mailgun does.
"""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parseaddr
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from config.faults.esp import fields_of


@dataclass
class Stub:
    """Answers GET and POST by `answer(path, fields) -> (status, body)`; keeps what it was asked."""

    answer: Callable[[str, dict], tuple[int, dict]] | None = None
    asked: list[tuple[str, dict, dict]] = field(default_factory=list)

    def __enter__(self):
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.reply(parse_qs(urlsplit(self.path).query))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                form = self.headers.get("Content-Type", "")
                self.reply(json.loads(body) if "json" in form else fields_of(form, body))

            def reply(self, fields):
                path = urlsplit(self.path).path
                stub.asked.append((path, fields, dict(self.headers)))
                status, said = stub.replies(path, fields)
                body = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def replies(self, path: str, fields: dict) -> tuple[int, dict]:
        return self.answer(path, fields)


@dataclass
class Mailgun(Stub):
    bad: set[str] = field(default_factory=set)
    """Addresses for which a call is refused as a whole."""
    status: int = 200
    sent: list[dict] = field(default_factory=list)
    """A message for each reader: to, subject, text, html, message_id, metadata, and how many shared its To."""
    events: list[dict] = field(default_factory=list)

    def settings(self) -> dict:
        return {
            "MAILGUN_API_KEY": "key", "MAILGUN_SENDER_DOMAIN": "mg.relaypost.example",
            "MAILGUN_API_URL": f"{self.url}/v3", "REQUESTS_TIMEOUT": (2, 2),
        }  # fmt: skip

    @property
    def calls(self) -> list[dict]:
        return [fields for path, fields, _ in self.asked if path.endswith("/messages")]

    def replies(self, path: str, fields: dict) -> tuple[int, dict]:
        if path.endswith("/events"):
            return 200, {"items": [one for one in self.events if one["recipient"] == fields["recipient"][0]]}
        if self.status != 200:
            return self.status, {"message": "no"}
        readers = [parseaddr(to)[1] for to in fields["to"]]
        if self.bad & set(readers):
            return 400, {"message": "'to' parameter is not a valid address. please check documentation"}
        variables = json.loads(fields.get("recipient-variables", ["{}"])[0])
        for reader in readers:
            of_reader = variables.get(reader, {})
            self.sent.append({
                "to": reader, "together": 1 if variables else len(readers),
                **{name: _merged(fields[name][0], of_reader) for name in ("subject", "text", "html")},
                "message_id": _merged(fields["h:Message-Id"][0], of_reader),
                "metadata": _merged(fields["v:recipient"][0], of_reader),
            })  # fmt: skip
        return 200, {"id": "<20180105.1@mg.relaypost.example>", "message": "Queued. Thank you."}


def _merged(text: str, variables: dict) -> str:
    return re.sub(r"%recipient\.([\w:-]+)%", lambda found: str(variables.get(found[1], found[0])), text)
