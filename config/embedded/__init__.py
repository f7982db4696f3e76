"""A real PostgreSQL and a real Valkey for demo and tests, from wheels, on a machine that has neither.

    python -m config.embedded run -- COMMAND …    the command, with DATABASE_URL and REDIS_URL set
    python -m config.embedded status | stop [--force]

`run` starts what is missing: a DATABASE_URL or REDIS_URL that is already set is left as it is. Whoever comes second
joins the servers that run; whoever leaves last stops them. Everything lies in one folder: CANDOR_VAR, or `var/`.

Who holds the servers is no list of process ids but a shared flock on `servers.held`: the kernel lets go of it
whatever kills a holder, SIGKILL and power cuts included, so there is nothing stale to mend.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import postgres as postgres_server
from . import valkey as valkey_server


@dataclass(frozen=True)
class Servers:
    """Where they listen; None for one that was not asked for. `held` is the descriptor that keeps them running."""

    database_url: str | None
    redis_url: str | None
    held: int

    def environment(self) -> dict[str, str]:
        """What a command needs to find them."""
        found = {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}
        return {name: url for name, url in found.items() if url}


@contextmanager
def servers(folder: Path, *, postgres: bool = True, valkey: bool = True) -> Iterator[Servers]:
    """Running servers whose data lie in `folder`; stopped at the end unless another living process uses them.

    Raises ServerFailed.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder / "servers.held", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with one_at_a_time(folder):
            fcntl.flock(held, fcntl.LOCK_SH)
            database_url = postgres_server.start(folder / "postgres") if postgres else None
            redis_url = valkey_server.start(folder / "valkey") if valkey else None
        yield Servers(database_url, redis_url, held)
    finally:
        with one_at_a_time(folder):
            os.close(held)
            if not in_use(folder):
                stop(folder)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Starting and stopping exclude one another, so that nobody joins a server that is just going."""
    with (folder / "servers.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def in_use(folder: Path) -> bool:
    """Whether a living process holds them."""
    with (folder / "servers.held").open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def stop(folder: Path) -> None:
    """Stop both, whoever uses them. Stopping what does not run is no error."""
    valkey_server.stop(folder / "valkey")
    postgres_server.stop(folder / "postgres")
