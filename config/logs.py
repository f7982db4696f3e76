"""Log lines: one formatter, one filter that takes addresses and link tokens out of whatever is about to be written."""

import logging

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
