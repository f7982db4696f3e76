"""Bounces in words of a mail server's own, as qmail's and older Exim's, told apart cautiously.

What is neither surely for good nor surely for now is left for a person to read.
"""

import re
from collections.abc import Mapping

from notifications.tracking.table import Type

DAEMONS = re.compile(r"\b(mailer-daemon|mail-daemon|postmaster|mdaemon|mail\.daemon)@", re.IGNORECASE)
# The copy of what we sent begins here: its words are ours.
COPY = re.compile(
    r"^-{2,} ?(?:below this line|this is a copy|original message|the body of the message|returned message)"
    r"|^this is a copy of the message|^return-path: ",
    re.IGNORECASE | re.MULTILINE,
)
LONGEST = 20_000  # characters

REPLY = re.compile(r"(?:\b[45]\d\d[ #-]{1,3}|\(#)([45])\.\d{1,3}\.\d{1,3}\b")
OLD_REPLY = re.compile(r"\b(5[05]\d)[ -](?=.{0,80}(?:unknown|no such|not exist|unavailable|rejected|disabled))", re.I)
STILL_TRYING = re.compile(
    r"will (?:be|continue to be|keep) (?:retried|trying)|still (?:trying|being retried)|do(?:es)? not need to resend"
    r"|has been delayed|delivery attempts will continue|warning message only",
    re.IGNORECASE,
)


def is_from_a_mail_server(headers: Mapping[str, str]) -> bool:
    """headers: by lower-case name. An empty return path is no proof: automatic replies have one, too."""
    return "x-failed-recipients" in headers or bool(DAEMONS.search(headers.get("from", "")))


def is_automatic(headers: Mapping[str, str]) -> bool:
    """An automatic reply (RFC 3834) or one of its older spellings."""
    return (
        headers.get("auto-submitted", "no").split(";")[0].strip().casefold() == "auto-replied"
        or headers.get("precedence", "").casefold() in {"auto_reply", "auto-reply"}
        or any(name in headers for name in ("x-autoreply", "x-autorespond", "x-autoresponder"))
    )


def classify(text: str) -> tuple[Type, str] | None:
    """What it comes to, and the line that says so; None where it does not say so clearly."""
    text = text[:LONGEST]
    if copy := COPY.search(text):
        text = text[: copy.start()]
    if still := STILL_TRYING.search(text):
        return Type.DEFERRED, _line(text, still)
    found = list(REPLY.finditer(text))
    classes = {reply[1] for reply in found}
    if classes == {"5"}:
        return Type.BOUNCED, _line(text, found[0])
    if classes == {"4"}:
        return Type.SOFT_BOUNCED, _line(text, found[0])
    if not classes and (old := OLD_REPLY.search(text)):
        return Type.BOUNCED, _line(text, old)
    return None


def _line(text: str, found: re.Match[str]) -> str:
    begins, ends = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
    return " ".join(text[begins : ends if ends >= 0 else len(text)].split())
