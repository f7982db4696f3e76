"""The command line of the embedded servers: see the package."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from . import in_use, one_at_a_time, postgres, servers, stop, valkey
from .failure import ServerFailed

PROJECT = Path(__file__).resolve().parent.parent.parent


def main() -> int:
    arguments = _arguments()
    folder = Path(os.environ.get("CANDOR_VAR") or PROJECT / "var").resolve()
    try:
        match arguments.act:
            case "run":
                return run(folder, arguments.command)
            case "stop":
                return stop_unless_in_use(folder, force=arguments.force)
            case _:
                return status(folder)
    except ServerFailed as failure:
        print(failure, file=sys.stderr)
        return 1


def run(folder: Path, command: list[str]) -> int:
    """The command's own exit code; 128 + n where signal n ended it, as shells say it."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    given = os.environ
    with servers(folder, postgres=not given.get("DATABASE_URL"), valkey=not given.get("REDIS_URL")) as running:
        # The command holds the servers, too: were we killed, they would not vanish under it.
        try:
            child = subprocess.Popen(command, env=given | running.environment(), pass_fds=[running.held])
        except OSError as error:
            print(f"{command[0]}: {error.strerror}", file=sys.stderr)
            return 127
        _forward_signals(child)
        code = child.wait()
    return code if code >= 0 else 128 - code


def stop_unless_in_use(folder: Path, *, force: bool) -> int:
    """0 when they are stopped, or never ran; 1 when a living process uses them and `force` was not said."""
    if not folder.exists():
        return 0
    with one_at_a_time(folder):
        if in_use(folder) and not force:
            print("Somebody uses the servers: end that first (Ctrl-C), or say --force.", file=sys.stderr)
            return 1
        stop(folder)
    return 0


def status(folder: Path) -> int:
    """Says where they are; 0 when both run, 3 otherwise."""
    found = {
        "DATABASE_URL": postgres.running_url(folder / "postgres"),
        "REDIS_URL": valkey.running_url(folder / "valkey"),
    }
    for name, url in found.items():
        print(f"{name}={url}" if url else f"{name}: not running")
    return 0 if all(found.values()) else 3


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description="PostgreSQL and Valkey from wheels.")
    acts = parser.add_subparsers(dest="act", required=True)
    acts.add_parser("run", help="run a command with both servers").add_argument("command", nargs="+")
    acts.add_parser("stop", help="stop servers left behind").add_argument("--force", action="store_true")
    acts.add_parser("status", help="say where they listen")
    return parser.parse_args()


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # so that servers half started are stopped on the way out


def _forward_signals(child: subprocess.Popen[bytes]) -> None:
    """From here on the command decides; we wait for its end, then stop the servers."""

    def forward(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM or not _terminal_tells_everyone():
            child.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)


def _terminal_tells_everyone() -> bool:
    """Whether Ctrl-C reaches the command without us; told twice, many programs skip their clean-up."""
    try:
        with open("/dev/tty") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
