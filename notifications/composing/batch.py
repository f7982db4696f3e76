"""For providers that take many recipients in a call: one text for all, and beside it what differs from one to the next.

Put into their places the values give the very words that `compose` writes: the provider only joins, it understands
nothing. Paragraphs of the text part are values as a whole, since a long name sets their lines anew.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.utils.html import conditional_escape

from notifications.composing.message import TOKEN_MASK, Addressed, filled
from notifications.composing.template import Template, Values

PLACE = "%recipient.{}%"  # as Mailgun writes it
_SIGN = "%recipient"


class CannotShare(Exception):
    """This message must be handed over by itself: the provider would take something in it for a place."""


@dataclass(frozen=True, eq=False)
class Shared:
    """What all recipients of a call have in common; one object for each version and kind of reader."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Personal:
    """One recipient of a call."""

    shared: Shared
    to: str
    from_email: str
    reply_to: tuple[str, ...]
    message_id: str
    merge: dict[str, str]
    sha256: str
    """Over the version's hash, the envelope and the merge data as canonical JSON, the link's token masked."""


def personal(recipient: Addressed) -> Personal:
    """The recipient's part of a call. Raises CannotCompose as `compose` does, or CannotShare."""
    mailing = recipient.mailing
    template, values, token = filled(recipient, mailing.version)
    shared, places = _shared(template)
    merge = {name: _value(kind, what, values) for name, kind, what in places}
    merge["id"] = recipient.message_id
    said = {
        "version": mailing.version.sha256, "segments": recipient.merge.get("segments", []), "from": mailing.sender,
        "reply_to": mailing.reply_to, "to": recipient.address.value, "merge": merge,
        **{name: recipient.merge[name] for name in ("language", "jurisdictions") if name in recipient.merge},
    }  # fmt: skip
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if _SIGN in canonical:
        raise CannotShare(f"{_SIGN} stands in a value")
    masked = canonical.replace(token, TOKEN_MASK) if token else canonical
    return Personal(
        shared, recipient.address.value, mailing.sender, (mailing.reply_to,) if mailing.reply_to else (),
        recipient.message_id, merge, hashlib.sha256(masked.encode()).hexdigest(),
    )  # fmt: skip


def _value(kind: str, what: Any, values: Values) -> str:
    if kind == "text":
        return what.filled(values)
    return conditional_escape(values[what]) if kind == "html" else values[what]


def joined(part: str, merge: dict[str, str]) -> str:
    """What the provider makes of a part: for tests and for whoever wants to see it again."""
    for name, value in merge.items():
        part = part.replace(PLACE.format(name), value)
    return part


Places = list[tuple[str, str, Any]]

_made: dict[int, tuple[Template, Shared, Places]] = {}
_KEPT = 256


def _shared(template: Template) -> tuple[Shared, Places]:
    held = _made.get(id(template))
    if held is None or held[0] is not template:
        if len(_made) >= _KEPT:
            _made.clear()
        held = _made[id(template)] = (template, *_take_apart(template))
    return held[1], held[2]


def _take_apart(template: Template) -> tuple[Shared, Places]:
    """The text with a place where each gap was, and (name, kind, gap or lines) of each place."""
    names: dict[Any, str] = {}
    places: Places = []

    def place(kind: str, what: Any) -> str:
        key = (kind, what if kind != "text" else id(what))
        if key not in names:
            names[key] = f"{kind[0]}{len(names)}"
            places.append((names[key], kind, what))
        return PLACE.format(names[key])

    def part(kind: str, pieces: Any) -> str:
        fixed = "".join(piece for piece in pieces if isinstance(piece, str))
        if _SIGN in fixed:
            raise CannotShare(f"{_SIGN} stands in the notice")
        return "".join(piece if isinstance(piece, str) else place(kind, piece) for piece in pieces)

    shared = Shared(part("subject", template.subject), part("text", template.text), part("html", template.html))
    return shared, places
