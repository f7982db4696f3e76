"""Log lines: one formatter, one filter that takes addresses and link tokens out of whatever is about to be written."""

import logging
import time

import structlog

from accounts.redaction import redact


class Redact(logging.Filter):
    """Replaces message, arguments and traceback by a redacted text: tracebacks and server replies quote addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info:
            record.msg += "\n" + redact(logging.Formatter().formatException(record.exc_info))
            record.exc_info = record.exc_text = None
        return True


class OncePerWindow(logging.Filter):
    """Failures of strangers (a wrong webhook secret, an odd Host): one line per kind and minute, with its number.

    Whoever posts five hundred forged events a second shall not bury the line that matters.
    """

    SECONDS = 60

    def __init__(self) -> None:
        super().__init__()
        self._windows: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("django.security"):
            return True
        began, held_back = self._windows.get(record.name, (float("-inf"), 0))
        now = time.monotonic()
        if now - began < self.SECONDS:
            self._windows[record.name] = (began, held_back + 1)
            return False
        self._windows[record.name] = (now, 0)
        record.exc_info = record.exc_text = None  # a traceback says nothing about a stranger
        if held_back:
            record.msg, record.args = f"{record.getMessage()} ({held_back} more like this since the last line)", None
        return True


def formatter() -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "logger", "event"]),
        ],
    )
