"""A message to look at: what differs from one reader to the next is set off from what all of them get."""

import re
from dataclasses import dataclass

from django.utils.html import conditional_escape

from notifications.composing.message import Addressed, compose, filled
from notifications.composing.pieces import Gap, Lines, Values
from notifications.composing.tables import Table
from notifications.composing.template import THEIRS, THEIRS_END, Template, make, reader_of
from notifications.composing.variables import LINK_TOKEN_GAP

VALUE, VALUE_END = "\uf8f4", "\uf8f5"
_KINDS = {VALUE: "value", VALUE_END: "value end", THEIRS: "theirs", THEIRS_END: "theirs end"}
_SIGNS = re.compile(f"([{''.join(_KINDS)}])")

Marked = list[tuple[str, str]]
"""(kind, words): words of no kind, and the bounds "value", "value end", "theirs", "theirs end", which have no words."""


@dataclass(frozen=True)
class Shown:
    subject: Marked
    text: Marked
    html: str
    """With `<mark>` around values and `<div class="theirs">` around parts that only some get."""


def shown(recipient: Addressed) -> Shown:
    """The same words as `compose` writes, and where they are the reader's own. Raises CannotCompose."""
    message = compose(recipient)
    template, values, _ = filled(recipient, recipient.mailing.version)
    with_parts = make(recipient.mailing.version, reader_of(recipient.merge), showing=True)
    if _plain(_text(with_parts, values)) == message.text:
        template = with_parts  # else the signs have come between lines that belong together
    subject = "".join(piece if isinstance(piece, str) else _signed(values[piece]) for piece in template.subject)
    return Shown(_pieces(subject), _pieces(_text(template, values)), _html(template, values))


def _signed(words: str) -> str:
    return f"{VALUE}{words}{VALUE_END}"


def _plain(text: str) -> str:
    return _SIGNS.sub("", text)


def _pieces(text: str) -> Marked:
    return [(_KINDS.get(piece, ""), "" if piece in _KINDS else piece) for piece in _SIGNS.split(text) if piece]


def _text(template: Template, values: Values) -> str:
    text = "".join(part if isinstance(part, str) else _lines(part, values) for part in template.text)
    return text.replace(f"{THEIRS}\n\n", THEIRS).replace(f"\n\n{THEIRS_END}", THEIRS_END)


def _lines(lines: Lines, values: Values) -> str:
    """The paragraph as it is written, with its values found in it again: lines break where they will."""
    text = lines.filled(values)
    if isinstance(text, Table):
        return _signed(text)
    pattern = "".join(
        _anywhere(piece) if isinstance(piece, str) else f"({_anywhere(values[piece])})" for piece in lines.pieces
    )
    found = re.fullmatch(pattern, text)
    if not found:
        return text
    at, said = 0, []
    for group in range(1, len(found.groups()) + 1):
        start, end = found.span(group)
        said += [text[at:start], _signed(text[start:end])]
        at = end
    return "".join([*said, text[at:]])


def _anywhere(words: str) -> str:
    return r"\s+".join(re.escape(word) for word in re.split(r"\s+", words))


def _html(template: Template, values: Values) -> str:
    in_html: dict[Gap, str] = {gap: _signed(conditional_escape(value)) for gap, value in values.items()}
    in_html[LINK_TOKEN_GAP] = values[LINK_TOKEN_GAP]  # it stands in addresses, where no tag may stand
    head, end, body = template.in_html(in_html).partition("</head>")
    body = body.replace(VALUE, "<mark>").replace(VALUE_END, "</mark>")
    body = body.replace(f"<p>{THEIRS}</p>", '<div class="theirs">').replace(f"<p>{THEIRS_END}</p>", "</div>")
    return _plain(head + end + body)
