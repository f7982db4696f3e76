"""The whole house for one test: web server, workers, beat and mailbox as processes, on the test's own database."""

import sqlite3
import time
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.db import connection

from config.demo import processes


@dataclass(frozen=True)
class House:
    address: str
    mailbox: Path

    def messages(self, recipient: str = "%") -> list[EmailMessage]:
        """What the mail server caught for an address, oldest first."""
        with sqlite3.connect(self.mailbox) as box:
            rows = box.execute("SELECT raw FROM mail WHERE recipient LIKE ? ORDER BY id", [recipient]).fetchall()
        return [message_from_bytes(raw, policy=policy.default) for (raw,) in rows]  # type: ignore[misc]


def database_url() -> str:
    """The test database, as another process opens it."""
    database = connection.settings_dict
    host = database["HOST"] or database["OPTIONS"].get("host", "")
    port = f"&port={database['PORT']}" if database["PORT"] else ""
    return f"postgresql://{database['USER']}:{database['PASSWORD']}@/{database['NAME']}?host={host}{port}"


@pytest.fixture
def house(transactional_db, tmp_path, monkeypatch, settings) -> House:
    ports, _ = processes.choose_ports()
    here = {
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "CANDOR_VAR": str(tmp_path),
        "SITE_FOLDER": str(tmp_path / "site"),
    }
    for name, value in (processes.environment(ports, tmp_path) | here).items():
        monkeypatch.setenv(name, value)
    settings.PUBLIC_BASE_URL = f"http://localhost:{ports.web}"
    settings.SITE_FOLDER = tmp_path / "site"
    settings.EMAIL_PORT = ports.smtp
    with processes.running(ports, tmp_path):
        yield House(settings.PUBLIC_BASE_URL, tmp_path / "mailbox.sqlite3")


def eventually(what, *, seconds: float = 40):
    """The first true answer of `what`; fails after so many seconds."""
    until = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < until, f"waited {seconds} s in vain"
        time.sleep(0.1)
    return answer
