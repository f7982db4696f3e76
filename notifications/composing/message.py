import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Protocol

from django.core.mail import EmailMultiAlternatives
from django.utils.html import conditional_escape

from incidents.audience import facts as personal_facts
from incidents.audience.facts import TABLE
from notifications import links
from notifications.composing.errors import CannotCompose
from notifications.composing.pieces import Gap
from notifications.composing.tables import Table, laid_out, paragraph
from notifications.composing.template import Template, reader_of, template_of
from notifications.composing.variables import LINK_TOKEN_GAP
from notifications.composing.words import VARIABLES
from notifications.models import NoticeVersion

TOKEN_MASK = "<token>"  # noqa: S105  (stands for one)
LONGEST_VALUE = 1000  # characters
JOINERS = "\u200c\u200d"  # invisible, and part of how some languages are spelt


class Addressed(Protocol):
    """What composing reads of a Recipient; dispatch brings the same without a row of each model."""

    @property
    def mailing(self) -> Any: ...
    @property
    def address(self) -> Any: ...
    @property
    def link(self) -> Any: ...
    @property
    def merge(self) -> dict: ...
    @property
    def code(self) -> str: ...
    @property
    def message_id(self) -> str: ...


@dataclass(frozen=True)
class Message:
    """A notice version composed for one affected account. Composing it again gives the same bytes."""

    subject: str
    text: str
    html: str
    from_email: str
    reply_to: list[str]
    to: list[str]
    headers: dict[str, str]
    sha256: str
    """Over all the parts above as canonical JSON, the link token masked: see hash_of."""


def compose(recipient: Addressed, *, version: NoticeVersion | None = None) -> Message:
    """The message of one recipient. Raises CannotCompose, naming the variable.

    Asks the database nothing where mailing, its version, link and address are at hand: share one mailing object
    among the recipients of a window.
    """
    mailing = recipient.mailing
    template, values, token = filled(recipient, version or mailing.version)
    in_html = {gap: conditional_escape(value) for gap, value in values.items()}
    message: dict[str, Any] = {
        "subject": template.in_subject(values),
        "text": template.in_text(values),
        "html": template.in_html(in_html),
        "from_email": mailing.sender,
        "reply_to": [mailing.reply_to] if mailing.reply_to else [],
        "to": [recipient.address.value],
        "headers": {"Message-ID": f"<{recipient.message_id}>", "Auto-Submitted": "auto-generated"},
    }
    return Message(**message, sha256=hash_of(message, token=token))


def filled(recipient: Addressed, version: NoticeVersion) -> tuple[Template, dict[Gap, str], str]:
    """The version's template, what stands in its gaps for this recipient, and the link's token (empty: no link)."""
    if recipient.address is None:
        raise CannotCompose("address", "There is no email address to write to.")
    template = template_of(version, reader_of(recipient.merge))
    values = _values(template, recipient, version)
    token = ""
    if template.needs_link:
        if recipient.link is None:
            raise CannotCompose("link", "The notice prints the personal link, and there is none for this recipient.")
        token = links.token(recipient.link)
    values[LINK_TOKEN_GAP] = token
    return template, values, token


def hash_of(message: Mapping, *, token: str) -> str:
    """SHA-256 over the parts of a message as canonical JSON, with `<token>` where the link's token stands."""
    said = json.dumps(message, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((said.replace(token, TOKEN_MASK) if token else said).encode()).hexdigest()


def to_email(message: Message) -> EmailMultiAlternatives:
    """Plain text first, the same words as HTML beside it; one recipient, no Cc, no Bcc."""
    email = EmailMultiAlternatives(
        message.subject, message.text, message.from_email, message.to, reply_to=message.reply_to,
        headers=message.headers,
    )  # fmt: skip
    email.attach_alternative(message.html, "text/html")
    return email


def _values(template: Template, recipient: Addressed, version: NoticeVersion) -> dict[Gap, str]:
    known = _known(recipient, version)
    language = template.language
    facts = recipient.merge.get("facts", {})
    values = {}
    for gap in template.gaps:
        value = known[gap.name] if gap.name in VARIABLES else _fact(gap.name, facts.get(gap.name), language)
        if not value:
            if gap.fallback is None:
                raise CannotCompose(gap.name, f"There is no {gap.name} for this account.{_instead(gap.name, facts)}")
            value = gap.fallback
        if len(value) > LONGEST_VALUE and not isinstance(value, Table):
            raise CannotCompose(gap.name, f"{gap.name} is longer than {LONGEST_VALUE} characters for this account.")
        values[gap] = paragraph(value) if gap.name == TABLE and not isinstance(value, Table) else value
    return values


def _instead(name: str, facts: dict) -> str:
    """What may have been meant, where no variable and no fact of theirs has this name."""
    if name in facts or name in VARIABLES:
        return ""
    alike = get_close_matches(name, [*VARIABLES, *facts], n=1, cutoff=0.6)
    if alike:
        return f" Was {alike[0]} meant?"
    return f" They have {', '.join(sorted(facts))}." if facts else ""


def _known(recipient: Addressed, version: NoticeVersion) -> dict[str, str]:
    organisation = version.guidance["organisation"]
    return {
        "account": _one_line(recipient.merge.get("account")),
        "name": _one_line(recipient.merge.get("name")),
        "code": recipient.code,
        "page": version.guidance["page"],
        "organisation": _kept_line(organisation["name"]),
        "domain": _kept_line(organisation["domain"]),
        "security_email": _kept_line(organisation["security_email"]),
    }


def _fact(name: str, value: object, language: str) -> str:
    if name == TABLE and isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return laid_out(value, lambda cell: _one_line(cell, language))
    return _one_line(value, language)


@lru_cache(maxsize=64)
def _kept_line(value: str) -> str:
    """Of what is the same for everybody."""
    return _one_line(value)


def _one_line(value: object, language: str = "en") -> str:
    """A value as words on one line: no line break, no control or direction character survives."""
    if isinstance(value, dict):
        text = ", ".join(f"{key}: {_one_line(inner, language)}" for key, inner in value.items())
    elif isinstance(value, list):
        text = "; ".join(_one_line(inner, language) for inner in value)
    else:
        text = personal_facts.in_words(value, language)
    if text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join("".join(mark for mark in text if mark.isprintable() or mark.isspace() or mark in JOINERS).split())
