"""The rehearsal's mail server and a small page to read what it caught: `python -m config.demo.mailbox`.

Demo and tests only. It keeps every message in an SQLite file, so that a second run finds the first one's, and
refuses the addresses of one domain as a closed mailbox would.
"""

import argparse
import email.policy
import sqlite3
import threading
from datetime import UTC, datetime
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller

from config.demo import pages
from config.demo.affected_csv import CLOSED

TABLE = """CREATE TABLE IF NOT EXISTS mail (
  id INTEGER PRIMARY KEY, at TEXT, recipient TEXT, sender TEXT, subject TEXT, message_id TEXT, raw BLOB)"""


class Store:
    """The caught messages; one connection, one lock: SMTP and web threads share it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()
        self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=OFF")
        self.connection.execute(TABLE)

    def keep(self, recipient: str, raw: bytes) -> None:
        message = message_from_bytes(raw, policy=email.policy.default)
        row = (
            datetime.now(UTC).isoformat(timespec="seconds"), recipient, str(message["From"]), str(message["Subject"]),
            str(message["Message-ID"]).strip("<>"), raw,
        )  # fmt: skip
        with self.lock:
            self.connection.execute(
                "INSERT INTO mail (at, recipient, sender, subject, message_id, raw) VALUES (?, ?, ?, ?, ?, ?)", row
            )

    def query(self, sql: str, *values: object) -> list[tuple]:
        with self.lock:
            return self.connection.execute(sql, values).fetchall()


class Catch:
    """aiosmtpd handler: everything is kept, except for closed mailboxes."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802  (aiosmtpd's name)
        if address.rpartition("@")[2].endswith(CLOSED):
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        for recipient in envelope.rcpt_tos:
            self.store.keep(recipient, envelope.content)
        return "250 OK kept"


def web(store: Store) -> type[BaseHTTPRequestHandler]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            url = urlsplit(self.path)
            query = parse_qs(url.query)
            kind = "text/html"
            if url.path == "/styles.css":
                kind, body = "text/css", pages.styles()
            elif url.path == "/authenticator":
                body = pages.authenticator()
            elif url.path.startswith("/message/"):
                body = self._message(url.path.removeprefix("/message/"), "source" in query)
            else:
                body = self._list(query.get("q", [""])[0], int(query.get("page", ["1"])[0] or 1))
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write((body or pages.not_found()).encode())

        def _list(self, wanted: str, page: int) -> str:
            like = f"%{wanted}%"
            where = "WHERE recipient LIKE ? OR subject LIKE ?"
            total = store.query(f"SELECT count(*) FROM mail {where}", like, like)[0][0]  # noqa: S608
            rows = store.query(
                f"SELECT id, at, recipient, subject FROM mail {where} ORDER BY id DESC LIMIT 50 OFFSET ?",  # noqa: S608
                like, like, 50 * (max(page, 1) - 1),
            )  # fmt: skip
            return pages.mail_list(rows, total, wanted, max(page, 1))

        def _message(self, number: str, source: bool) -> str:
            rows = store.query("SELECT at, recipient, raw FROM mail WHERE id = ?", number if number.isdigit() else -1)
            return pages.message(number, *rows[0], source=source) if rows else ""

        def log_message(self, *args: object) -> None:
            pass

    return Page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--web-port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    options = parser.parse_args()
    store = Store(options.file)
    Controller(Catch(store), hostname="127.0.0.1", port=options.smtp_port).start()
    ThreadingHTTPServer(("127.0.0.1", options.web_port), web(store)).serve_forever()


if __name__ == "__main__":
    main()
