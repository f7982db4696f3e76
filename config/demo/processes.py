"""The rehearsal's processes: web server, workers, beat and mailbox, run by honcho in a process group of their own."""

import fcntl
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config import settings

BIN = Path(sys.executable).parent


class DidNotStart(Exception):
    """A service did not answer; the message names the log to read."""


class Stopped(Exception):
    """A service ended by itself, and with it all the others; the message names the log to read."""


@dataclass(frozen=True)
class Ports:
    web: int
    smtp: int
    mailbox: int


def choose_ports() -> tuple[Ports, list[str]]:
    """The usual ports, or the next free ones; and a sentence for each that was taken."""
    said: list[str] = []
    taken: set[int] = set()
    chosen = []
    for name, usual in (("web server", 8000), ("mail server", 1025), ("mailbox page", 8025)):
        port = next(port for port in range(usual, usual + 200) if port not in taken and _is_free(port))
        taken.add(port)
        chosen.append(port)
        if port != usual:
            said.append(f"Port {usual} is taken; the {name} uses {port} instead.")
    return Ports(*chosen), said


def _is_free(port: int) -> bool:
    return _is_not_promised(port) and _can_be_bound(port)


def _is_not_promised(port: int) -> bool:
    """Between choosing a port and listening on it lies half a minute: another rehearsal must not choose it meanwhile.

    The lock ends with this process, and not with the exec in which its settings begin anew.
    """
    lock = os.open(Path(tempfile.gettempdir()) / f"candor-rehearsal-{port}.lock", os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    os.set_inheritable(lock, True)
    return True


def _can_be_bound(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def environment(ports: Ports, folder: Path) -> dict[str, str]:
    """What the services and the story itself must agree on."""
    return {
        "PUBLIC_BASE_URL": f"http://localhost:{ports.web}",
        "EMAIL_HOST": "localhost",
        "EMAIL_PORT": str(ports.smtp),
        "EMAIL_BACKEND": "notifications.smtp.PhasedBackend",
        "PROVIDER_REPORTS_BOUNCES": "true",
        "LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
        "CANDOR_VAR": str(settings.VAR),
        "DEMO_FOLDER": str(folder),
    }


def _procfile(ports: Ports, folder: Path) -> str:
    python, granian, celery = (shlex.quote(str(path)) for path in (sys.executable, BIN / "granian", BIN / "celery"))
    quiet = "--loglevel WARNING --without-gossip --without-mingle"
    return "\n".join([
        f"web: {granian} --interface wsgi --host 127.0.0.1 --port {ports.web} --workers 1 --blocking-threads 8 "
        "--no-ws --log-level warning config.wsgi:application",
        f"worker: {celery} -A config worker -Q celery --concurrency 2 {quiet}",
        f"importer: {celery} -A config worker -Q imports,updates --concurrency 1 {quiet}",
        f"beat: {celery} -A config beat --loglevel WARNING",
        f"mailbox: {python} -m config.demo.mailbox --smtp-port {ports.smtp} --web-port {ports.mailbox} "
        f"--file {shlex.quote(str(folder / 'mailbox.sqlite3'))}",
        "",
    ])  # fmt: skip


@contextmanager
def running(ports: Ports, folder: Path) -> Iterator[Callable[[], None]]:
    """Start the services, wait until they answer, and stop every one of them at the end.

    Yields a function that raises Stopped once they no longer run: honcho ends them all when one ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Procfile").write_text(_procfile(ports, folder))
    log = folder / "services.log"
    command = [str(BIN / "honcho"), "--no-colour", "--no-prefix", "-d", str(settings.ROOT)]
    command += ["-e", os.devnull, "-f", str(folder / "Procfile"), "start"]  # nobody's .env plays along
    with log.open("ab") as output:
        honcho = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(settings.ROOT)},
        )  # fmt: skip
    try:
        _wait(honcho, ports, log)
        yield lambda: _must_run(honcho, log)
    finally:
        _stop(honcho)


def _wait(honcho: subprocess.Popen, ports: Ports, log: Path, seconds: int = 60) -> None:
    until = time.monotonic() + seconds
    waiting_for = [f"http://127.0.0.1:{ports.web}/health/", f"http://127.0.0.1:{ports.mailbox}/"]
    while waiting_for:
        if honcho.poll() is not None or time.monotonic() > until:
            raise DidNotStart(f"{waiting_for[0]} does not answer. What the services said stands in {log}.")
        try:
            with urllib.request.urlopen(waiting_for[0], timeout=2):  # noqa: S310  (our own server)
                waiting_for.pop(0)
        except OSError:
            time.sleep(0.2)


def _must_run(honcho: subprocess.Popen, log: Path) -> None:
    if honcho.poll() is not None:
        raise Stopped(f"One of the services ended. What it said stands in {log}.")


def _stop(honcho: subprocess.Popen) -> None:
    """Ask, wait, and only then insist: a worker finishes the window it is in."""
    if honcho.poll() is None:
        honcho.send_signal(signal.SIGTERM)
    try:
        honcho.wait(timeout=40)
    except subprocess.TimeoutExpired:
        os.killpg(honcho.pid, signal.SIGKILL)
        honcho.wait()
