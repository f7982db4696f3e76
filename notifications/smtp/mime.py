"""A message as bytes: those Django's own MIME makes, without taking the long way to them.

The email package parses, folds and generates every header of every part anew, a millisecond a message. A notice has
one shape, so its bytes are put together from parts that are known; whatever has another shape takes the long way.
"""

import hashlib
import re
from email.policy import compat32
from email.utils import formatdate
from functools import lru_cache
from itertools import accumulate
from smtplib import quoteaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.message import (
    RFC5322_EMAIL_LINE_LENGTH_LIMIT,
    forbid_multi_line_headers,
    sanitize_address,
)

HTML = "text/html"
PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9.-]+")
# Longer, or with other marks: folded or encoded by the email package.
_SHORT_VALUE = re.compile(r"[!-~]+(?: [!-~]+)*")
_LETTERS = re.compile(r"[^ ,;]")
_LINE = 76  # characters of a header, its name included


def as_bytes(message: EmailMessage) -> bytes:
    """The message as it goes over the wire, dots not yet doubled. Raises what Django's own MIME raises."""
    boundary = boundary_of(message)
    if not _is_text_and_html(message, boundary):
        return message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]
    (html, _) = message.alternatives[0]  # type: ignore[attr-defined]
    text, html = message.body.encode(), html.encode()
    line = f"--{boundary}".encode()
    head = [
        f'Content-Type: multipart/alternative;\n boundary="{boundary}"\nMIME-Version: 1.0\n'.encode(),
        *_head(message),
    ]
    together = b"".join([*head, b"\n", line, _part(text, b"plain"), line, _part(html, b"html"), line, b"--\n"])
    return together.replace(b"\n", b"\r\n")


def boundary_of(message: EmailMessage) -> str:
    """The same each time, so that the bytes of a message written again are the same."""
    return "=_" + hashlib.sha256(message.extra_headers.get("Message-ID", "").encode()).hexdigest()[:40]


def path(value: str) -> str:
    """As it stands in MAIL FROM and RCPT TO, in angle brackets. Raises ValueError where it cannot be said in ASCII."""
    return f"<{value}>" if PLAIN_ADDRESS.fullmatch(value) else _path(value)


@lru_cache(maxsize=64)
def _path(value: str) -> str:
    path = quoteaddr(sanitize_address(value, settings.DEFAULT_CHARSET))
    if not path.isascii() or not path.isprintable():
        raise ValueError("an address that cannot be said")
    return path


def _is_text_and_html(message: Any, boundary: str) -> bool:
    return (
        isinstance(message, EmailMultiAlternatives)
        and len(message.alternatives) == 1
        and message.alternatives[0][1] == HTML
        and bool(message.body)
        and not message.attachments
        and not (message.cc or message.bcc)
        and message.encoding in (None, "utf-8")
        and settings.DEFAULT_CHARSET == "utf-8"
        and message.extra_headers.keys() == {"Message-ID", "Auto-Submitted"}
        and all(_needs_no_encoding(part, boundary) for part in (message.body, message.alternatives[0][0]))
    )


def _needs_no_encoding(text: Any, boundary: str) -> bool:
    """Lines of a length that SMTP takes, and nothing that the email package would understand as an end of line."""
    return (
        isinstance(text, str)
        and "\r" not in text
        and boundary not in text
        and (
            len(text) * 4 <= RFC5322_EMAIL_LINE_LENGTH_LIMIT
            or max(map(len, text.encode().split(b"\n"))) <= RFC5322_EMAIL_LINE_LENGTH_LIMIT
        )
    )


def _head(message: EmailMessage) -> list[bytes]:
    lines = [
        _header("Subject", message.subject),
        _kept_header("From", message.from_email),
        _header("To", ", ".join(map(str, message.to))),
    ]
    if message.reply_to:
        lines.append(_kept_header("Reply-To", ", ".join(map(str, message.reply_to))))
    lines.append(f"Date: {formatdate(localtime=settings.EMAIL_USE_LOCALTIME)}\n".encode())
    lines += [_header(name, value) for name, value in message.extra_headers.items()]
    return lines


def _header(name: str, value: Any) -> bytes:
    if isinstance(value, str) and len(name) + 2 + len(value) <= _LINE and _SHORT_VALUE.fullmatch(value):
        return f"{name}: {value}\n".encode()
    if isinstance(value, str) and _SHORT_VALUE.fullmatch(value):
        return _folded(name, value)
    return compat32.fold_binary(*forbid_multi_line_headers(name, value, "utf-8"))


def _folded(name: str, value: str) -> bytes:
    """Where a line of plain words ends depends on their lengths and on its commas: kept for subjects of one shape."""
    lines, start = [], 0
    for end in _line_ends(name, _LETTERS.sub("x", value)):
        lines.append(value[start:end])
        start = end
    return f"{name}: {chr(10).join(lines)}\n".encode()


@lru_cache(maxsize=1024)
def _line_ends(name: str, shape: str) -> list[int]:
    folded = compat32.fold_binary(*forbid_multi_line_headers(name, shape, "utf-8")).decode()
    lines = folded.removeprefix(f"{name}:").removeprefix(" ").rstrip("\n").split("\n")
    return list(accumulate(map(len, lines)))


_kept_header = lru_cache(maxsize=64)(_header)


def _part(text: bytes, kind: bytes) -> bytes:
    encoding = b"7bit" if text.isascii() else b"8bit"
    return b'\nContent-Type: text/%s; charset="utf-8"\nMIME-Version: 1.0\nContent-Transfer-Encoding: %s\n\n%s\n' % (
        kind,
        encoding,
        text,
    )
