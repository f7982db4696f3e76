"""What all of the embedded servers can fail with."""

from pathlib import Path


class ServerFailed(Exception):
    """A server did not start, stop or answer. The message ends with the last lines of its own log."""

    def __init__(self, message: str, *, log: Path | None = None) -> None:
        if log and log.exists():
            message += "\n" + "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        super().__init__(message)
