"""For providers that take many recipients in a call: one text for all, and beside it what differs from one to the next.

Put into their places the values give the very words that `compose` writes: the provider only joins, it understands
nothing. Paragraphs of the text part are values as a whole, since a long name sets their lines anew.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from json.encoder import encode_basestring  # as json.dumps(…, ensure_ascii=False)
from typing import Any

from django.utils.html import conditional_escape

from notifications.composing.message import TOKEN_MASK, Addressed, filled
from notifications.composing.pieces import Values
from notifications.composing.template import Template

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
    merge_json: str
    """`merge` as canonical JSON."""
    sha256: str
    """Over the version's hash, the envelope and the merge data as canonical JSON, the link's token masked."""


def personal(recipient: Addressed) -> Personal:
    """The recipient's part of a call. Raises CannotCompose as `compose` does, or CannotShare."""
    mailing = recipient.mailing
    template, values, token = filled(recipient, mailing.version)
    shared, places = _shared(template)
    merge = {
        name: recipient.message_id if kind == "id" else _value(kind, what, values) for name, kind, what in places
    }  # fmt: skip
    merge_json = "{" + ",".join([f'"{name}":{encode_basestring(value)}' for name, value in merge.items()]) + "}"
    head, tail = _around_merge(
        mailing.version.sha256, mailing.sender, mailing.reply_to, tuple(recipient.merge.get("segments", ())),
        *(_frozen(recipient.merge.get(name)) for name in ("language", "jurisdictions")),
    )  # fmt: skip
    canonical = f"{head}{merge_json}{tail[0]}{encode_basestring(recipient.address.value)}{tail[1]}"
    if _SIGN in canonical:
        raise CannotShare(f"{_SIGN} stands in a value")
    masked = canonical.replace(token, TOKEN_MASK) if token else canonical
    return Personal(
        shared, recipient.address.value, mailing.sender, (mailing.reply_to,) if mailing.reply_to else (),
        recipient.message_id, merge, merge_json, hashlib.sha256(masked.encode()).hexdigest(),
    )  # fmt: skip


def _value(kind: str, what: Any, values: Values) -> str:
    if kind == "text":
        return what.filled(values)
    value = values[what]
    if kind != "html":
        return value
    return escape(value) if type(value) is str else conditional_escape(value)  # a table brings its own HTML


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@lru_cache(maxsize=256)
def _around_merge(
    version: str, sender: str, reply_to: str, segments: tuple[str, ...], language: str | None,
    jurisdictions: tuple[str, ...] | None,
) -> tuple[str, tuple[str, str]]:  # fmt: skip
    """Canonical JSON of what a hash covers: up to the merge data; from there up to the address, and from that on."""
    said = {
        "version": version, "segments": segments, "from": sender, "reply_to": reply_to, "to": 0, "merge": 0,
        **({} if language is None else {"language": language}),
        **({} if jurisdictions is None else {"jurisdictions": jurisdictions}),
    }  # fmt: skip
    each = [
        (name, json.dumps(name) + ":", json.dumps(value, separators=(",", ":"), ensure_ascii=False))
        for name, value in sorted(said.items())
    ]
    places = {name: place for place, (name, *_) in enumerate(each)}
    before, between, after = (
        each[: places["merge"]], each[places["merge"] + 1 : places["to"]], each[places["to"] + 1 :]
    )  # fmt: skip
    together = ["".join(f"{key}{value}," for _, key, value in part) for part in (before, between)]
    last = "".join(f",{key}{value}" for _, key, value in after)
    return f'{{{together[0]}"merge":', (f',{together[1]}"to":', f"{last}}}")


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
    return shared, sorted([*places, ("id", "id", None)], key=lambda place: place[0])
