"""Reading a message that came back: a delivery report, a complaint, an automatic reply, or none of them.

Whatever a stranger sends is read without an error: what cannot be read is not a report.
"""

import base64
import binascii
import email
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesParser, HeaderParser
from email.policy import compat32
from email.utils import parsedate_to_datetime
from enum import Enum

from notifications.bounces import return_path, unstandardised
from notifications.tracking.table import Type

LONGEST = 512 * 1024  # bytes of a message that are looked at: a report comes before the message it returns
MOST = 100  # groups of one report: a message of ours has one reader, who may be a list's address
DEEPEST = 8  # parts within parts; a report needs two

STATUS_PARTS = {"message/delivery-status", "message/global-delivery-status"}
RETURNED = {"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers",
            "message/global-headers"}  # fmt: skip
# Where mail servers note to whom the report came. `To` is the last: it may be rewritten.
CAME_TO = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To")


class Kind(Enum):
    REPORT = "a report about a message"
    AUTOMATIC = "an automatic reply, a read receipt: nothing to keep"
    NOTHING = "nothing a program can read"


@dataclass(frozen=True)
class Said:
    """What a report says of one message."""

    type: Type
    at: datetime | None
    words: str = ""
    whom: str = ""
    """The address as the reporting server names it: only tells one part of a report from another."""


@dataclass
class Report:
    kind: Kind
    said: list[Said] = field(default_factory=list)
    recipients: list[int] = field(default_factory=list)
    """By return paths with our signature, the surest first."""
    message_ids: list[str] = field(default_factory=list)
    """Of the messages it returns. Ours cannot be guessed: whoever names one had the message."""
    own_id: str = ""
    """What makes this report this one, however often it is read."""


def read(raw: bytes, *, to: str = "") -> Report:
    """to: the envelope's recipient, where the mail server told it."""
    try:
        message = BytesParser(policy=compat32).parsebytes(raw[:LONGEST])
        return _read(message, to)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError, email.errors.MessageError):
        # Nested a thousandfold, in a charset nobody knows, with headers in the place of bodies.
        return Report(Kind.NOTHING)


def _read(message: Message, to: str) -> Report:
    came_to = [to, *(value for name in CAME_TO for value in _all(message, name))]
    report = Report(Kind.NOTHING, recipients=return_path.find("\n".join(came_to)))
    report.own_id = _one(message, "Message-ID") or f"{_one(message, 'Date')}|{_one(message, 'Subject')}"
    for part in own_parts(message):
        kind = part.get_content_type()
        if kind in STATUS_PARTS:
            report.said += _statuses(_groups(part), _when(_one(message, "Date")))
            report.kind = Kind.REPORT
        elif kind == "message/feedback-report":
            _complaint(report, part, _when(_one(message, "Date")))
        elif kind == "message/disposition-notification":
            report.kind = Kind.AUTOMATIC
        elif kind in RETURNED and report.kind != Kind.NOTHING:
            _returned(report, part)
    if report.kind == Kind.NOTHING:
        _without_standard(report, message)
    return report


def own_parts(message: Message, depth: int = 0) -> Iterator[Message]:
    """The parts of the message itself, not those of the message it returns."""
    yield message
    if message.get_content_maintype() == "multipart" and message.is_multipart() and depth < DEEPEST:
        for part in message.get_payload():
            yield from own_parts(part, depth + 1)  # type: ignore[arg-type]


# RFC 3464 and RFC 6533: delivery reports ----------------------------------------------------------------------------

TYPES = {
    "delayed": Type.DEFERRED,
    "delivered": Type.DELIVERED,
    "relayed": Type.ACCEPTED,  # to a server that does not report: no more than handed on
    "expanded": Type.ACCEPTED,
}
ENHANCED = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")


def _statuses(groups: list[dict[str, str]], sent: datetime | None) -> list[Said]:
    """Of each recipient's group; the first group, about the whole message, says no Action."""
    found = []
    for group in groups[:MOST]:
        type_ = _type(group)
        if type_ is not None:
            words = _words(group)
            when = _when(group.get("last-attempt-date", "")) or sent
            found.append(Said(type_, when, words, group.get("final-recipient", "")))
    return found


def _type(group: dict[str, str]) -> Type | None:
    action = group.get("action", "").split(";")[0].split("(")[0].strip().casefold()
    if action != "failed":
        return TYPES.get(action)
    # 4.x.x: given up for now, and the address may still be good. Without a code it is for good: RFC 3464, 2.3.3.
    code = ENHANCED.search(group.get("status", "")) or ENHANCED.search(group.get("diagnostic-code", ""))
    return Type.SOFT_BOUNCED if code and code[1] == "4" else Type.BOUNCED


def _words(group: dict[str, str]) -> str:
    said = group.get("diagnostic-code", "").partition(";")
    return " ".join((said[2] or said[0]).split()) or f"Status {group.get('status', 'unknown')}"


def _groups(part: Message) -> list[dict[str, str]]:
    """Fields by lower-case name, of each group of a status part."""
    payload = part.get_payload()
    if isinstance(payload, list) and part.get_content_type() == "message/delivery-status":
        return [_fields(block) for block in payload if isinstance(block, Message)]
    # Python takes message/global-delivery-status for one message: its first group, and the rest as a body.
    first = payload[0] if isinstance(payload, list) else part
    assert isinstance(first, Message)
    body = _decoded(part, str(first.get_payload()))
    blocks = [HeaderParser(policy=compat32).parsestr(text) for text in re.split(r"\r?\n\r?\n", body) if text.strip()]
    return [_fields(block) for block in [first, *blocks]]


def _decoded(part: Message, text: str) -> str:
    if _one(part, "Content-Transfer-Encoding").casefold() != "base64":
        return text
    try:
        return base64.b64decode(text).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return text


def _fields(block: Message) -> dict[str, str]:
    return {name.casefold(): _text(value) for name, value in block.raw_items()}


# RFC 5965: complaints -----------------------------------------------------------------------------------------------

COMPLAINTS = {"abuse", "fraud", "virus", "other"}


def _complaint(report: Report, part: Message, sent: datetime | None) -> None:
    (fields, *_) = _groups(part)
    kind = fields.get("feedback-type", "").strip().casefold()
    report.recipients += return_path.find(fields.get("original-mail-from", ""))
    if kind in COMPLAINTS:
        report.kind = Kind.REPORT
        arrived = _when(fields.get("arrival-date", "") or fields.get("received-date", ""))
        report.said.append(Said(Type.COMPLAINED, arrived or sent, f"Reported as {kind}"))
    else:  # not-spam, a report about a signature: says nothing of a message's way
        report.kind = Kind.AUTOMATIC


# The message it is about --------------------------------------------------------------------------------------------


def _returned(report: Report, part: Message) -> None:
    payload = part.get_payload()
    if isinstance(payload, list):
        original = payload[0]
    else:
        original = HeaderParser(policy=compat32).parsestr(_decoded(part, str(payload)))
    assert isinstance(original, Message)
    report.recipients += return_path.find("\n".join(_all(original, "Return-Path")))
    report.message_ids += [value.strip().strip("<>")[:200] for value in _all(original, "Message-ID")]


def _without_standard(report: Report, message: Message) -> None:
    """What has no standard is believed only where it came to a return path of ours."""
    headers = {name.casefold(): _text(value) for name, value in message.raw_items()}
    if report.recipients and unstandardised.is_from_a_mail_server(headers):
        found = unstandardised.classify(_plain_text(message))
        if found is not None:
            type_, words = found
            report.kind, report.said = Kind.REPORT, [Said(type_, _when(headers.get("date", "")), words)]
            return
    if unstandardised.is_automatic(headers):
        report.kind = Kind.AUTOMATIC


def _plain_text(message: Message) -> str:
    for part in own_parts(message):
        if part.get_content_type() == "text/plain":
            body = part.get_payload(decode=True)
            return body.decode("utf-8", "replace") if isinstance(body, bytes) else ""
    return ""


# Header values ------------------------------------------------------------------------------------------------------


def _all(message: Message, name: str) -> list[str]:
    wanted = name.casefold()
    return [_text(value) for found, value in message.raw_items() if found.casefold() == wanted]


def _one(message: Message, name: str) -> str:
    return next(iter(_all(message, name)), "")


def _text(value: object) -> str:
    """Bytes beyond ASCII as UTF-8, where they are (RFC 6532); on one line."""
    text = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join(text.split())


def _when(value: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
