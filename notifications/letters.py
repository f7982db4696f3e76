"""Letters by post: the notice as pages to print, in the order of the list of addresses that comes with them."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from accounts import audit
from accounts.models import Organisation, User
from incidents.audience import exporting
from incidents.models import AffectedAccount, Incident
from notifications import composing
from notifications.dispatch.claiming import NOT_ANY_MORE
from notifications.mailings.owing import silent
from notifications.models import Mailing, Notice, Recipient

PART = 500  # letters in one file: a printer's stack, and some seconds of work
FONT, SIZE, LEADING = "Letter", 10.5, 14.5  # points
LEFT, RIGHT, TOP, BOTTOM = 25 * mm, 20 * mm, 20 * mm, 25 * mm
WINDOW_TOP = 50 * mm  # where the address stands in a window envelope (DIN 5008 B, and near enough elsewhere)
BODY_TOP = 105 * mm
HEADER = ["letter", "first page", "reference code", "account", "name", "address"]


@dataclass
class _Written:
    """What went into the file, and who could not: lines for the two lists."""

    printed: list[list[object]] = field(default_factory=list)
    not_printed: list[list[object]] = field(default_factory=list)


def to_post(mailing: Mailing) -> QuerySet[Recipient]:
    """Letters of it that are not on record yet, in order."""
    return mailing.recipients.filter(state=Recipient.State.LETTER).order_by("pk")


def drop() -> int:
    """Letters that wait and must not go out any more are cancelled, with the reason; how many.

    As those by email are at their turn: whoever was ruled out since, or has moved from the address, gets no letter.
    """
    waiting = Recipient.objects.filter(state=Recipient.State.LETTER)
    ruled_out = Q(affected_account__certainty=AffectedAccount.Certainty.RULED_OUT)
    is_clear = Q(kind=Notice.Kind.ALL_CLEAR)
    dropped = 0
    for incident in Incident.objects.filter(Exists(waiting.filter(incident=OuterRef("pk")))):
        silenced = AffectedAccount.objects.filter(silent(incident), incident=incident)
        for why, condition in {
            "ruled_out": ruled_out & ~is_clear, "on_the_list": is_clear & ~ruled_out,
            "withdrawn": Q(address__withdrawn_at__isnull=False), "not_trusted": Q(address__trusted=False),
            "silenced": Q(affected_account__in=silenced),
        }.items():  # fmt: skip
            gone = waiting.filter(condition, incident=incident).values("pk")
            dropped += waiting.filter(pk__in=gone).update(
                state=Recipient.State.CANCELLED, state_at=Now(), reason=NOT_ANY_MORE[why]
            )
    return dropped


def parts(mailing: Mailing) -> int:
    return -(-to_post(mailing).count() // PART)


def write(mailing: Mailing, file: IO[bytes], *, part: int, by: User, at: datetime) -> int:
    """A zip of letters.pdf, addresses.csv in the same order, and not-printed.csv where the font lacks their letters.

    part: 1 for the first PART letters. How many people are in it; the log says so before the file leaves.
    """
    rows = to_post(mailing).select_related("address", "link", "account", "affected_account")
    chosen = list(rows[(part - 1) * PART : part * PART])
    pages = io.BytesIO()
    written = _set(mailing, chosen, pages, at=at)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        if written.printed:
            bundle.writestr("letters.pdf", pages.getvalue())
        bundle.writestr("addresses.csv", "".join(exporting.lines(HEADER, written.printed)))
        if written.not_printed:
            header = ["reference code", "account", "name", "address", "why"]
            bundle.writestr("not-printed.csv", "".join(exporting.lines(header, written.not_printed)))
    with transaction.atomic():
        audit.record(act="mailing.letters_taken", thing=mailing, by=by, at=at, incident=mailing.incident_id,
                     number=mailing.number, part=part, count=len(chosen),
                     not_printed=len(written.not_printed))  # fmt: skip
    return len(chosen)


def _set(mailing: Mailing, recipients: list[Recipient], file: IO[bytes], *, at: datetime) -> _Written:
    register_font()
    canvas = Canvas(file, pagesize=A4, pageCompression=1)
    canvas.setTitle(f"Letters of mailing {mailing.number}")
    written, ours = _Written(), Organisation.get()
    for recipient in recipients:
        recipient.mailing, recipient.incident = mailing, mailing.incident
        address = recipient.address.value if recipient.address else ""
        who = [recipient.code, str(recipient.account), recipient.account.name, address]
        try:
            letter = _Letter(recipient, ours=ours, on=f"{at:%d %B %Y}")
        except (composing.CannotCompose, CannotPrint) as no:
            written.not_printed.append([*who, str(no)])
            continue
        first = canvas.getPageNumber()
        letter.draw(canvas)
        written.printed.append([len(written.printed) + 1, first, *who])
    if written.printed:
        canvas.save()
    return written


class CannotPrint(Exception):
    """The font lacks characters of this letter; the message names them."""


class _Letter:
    """One letter: where it goes, and the lines of its text as they fit the page."""

    def __init__(self, recipient: Recipient, *, ours: Organisation, on: str) -> None:
        message = composing.compose(recipient)
        assert recipient.address is not None
        self.sender = ours.name
        self.to = [recipient.account.name, *_lines_of(recipient.address.value)]
        self.on, self.code, self.subject = on, recipient.code, message.subject
        self.lines = [line for text in message.text.splitlines() for line in _fitting(text)]
        missing = sorted(set("".join([*self.to, self.subject, message.text])) - _letters() - {"\n", "\r", "\t"})
        if missing:
            raise CannotPrint(f"The font has no {' '.join(missing[:10])}: print this one by other means.")

    def draw(self, canvas: Canvas) -> None:
        pages = list(self._pages())
        for number, lines in enumerate(pages, 1):
            canvas.setFont(FONT, SIZE)
            top = self._head(canvas) if number == 1 else A4[1] - TOP
            text = canvas.beginText(LEFT, top)
            text.setFont(FONT, SIZE, leading=LEADING)
            text.textLines(lines, trim=0)
            canvas.drawText(text)
            canvas.setFont(FONT, 8)
            canvas.drawString(LEFT, 12 * mm, f"{self.code} · {number}/{len(pages)}")
            canvas.showPage()

    def _pages(self) -> Iterator[list[str]]:
        rest, room = self.lines, int((A4[1] - BODY_TOP - 2 * LEADING - BOTTOM) / LEADING)
        while True:
            yield rest[:room]
            rest, room = rest[room:], int((A4[1] - TOP - BOTTOM) / LEADING)
            if not rest:
                return

    def _head(self, canvas: Canvas) -> float:
        """Sender, address, date and code, subject; where the text begins."""
        canvas.setFont(FONT, 8)
        canvas.drawString(LEFT, A4[1] - WINDOW_TOP + 10, self.sender)
        canvas.setFont(FONT, SIZE)
        for number, line in enumerate(self.to):
            canvas.drawString(LEFT, A4[1] - WINDOW_TOP - LEADING * (number + 1), line)
        canvas.drawRightString(A4[0] - RIGHT, A4[1] - WINDOW_TOP - LEADING, self.on)
        canvas.drawRightString(A4[0] - RIGHT, A4[1] - WINDOW_TOP - 2 * LEADING, self.code)
        lines = _fitting(self.subject)
        for number, line in enumerate(lines):
            canvas.drawString(LEFT, A4[1] - BODY_TOP - number * LEADING, line)
        return A4[1] - BODY_TOP - (len(lines) + 1) * LEADING


def _lines_of(address: str) -> list[str]:
    """A post address as it stands on an envelope: lines as given, or its parts between commas."""
    lines = address.splitlines() if "\n" in address else address.split(",")
    return [line.strip() for line in lines if line.strip()][:8]


def _fitting(text: str) -> list[str]:
    """The line broken where it is wider than the page: between words, and within a long address of the web."""
    width, lines, line = A4[0] - LEFT - RIGHT, [], ""
    for word in re.split(r"(?<= )", text.rstrip()):
        if _width(line + word) <= width:
            line += word
            continue
        if line:
            lines.append(line)
        line = word
        while _width(line) > width:
            fits = next(end for end in range(len(line), 0, -1) if _width(line[:end]) <= width)
            lines.append(line[:fits])
            line = line[fits:]
    return [*lines, line]


def _width(text: str) -> float:
    return pdfmetrics.stringWidth(text, FONT, SIZE)


@cache
def register_font() -> None:
    pdfmetrics.registerFont(TTFont(FONT, str(_font_file())))


@cache
def _letters() -> frozenset[str]:
    """Characters the font can print."""
    font: Any = pdfmetrics.getFont(FONT)
    return frozenset(chr(code) for code in font.face.charToGlyph)


def _font_file() -> Path:
    if settings.LETTER_FONT:
        return Path(settings.LETTER_FONT)
    spec = find_spec("font_roboto")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "files" / "Roboto-Regular.ttf"
