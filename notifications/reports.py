"""Messages people take for fakes: what may be said at once of a sender or subject, and what they report to us."""

from datetime import datetime, timedelta
from email.utils import parseaddr

from django.db import transaction
from django.utils.html import strip_tags

from accounts import audit
from accounts.models import Organisation, User
from incidents.models import Incident
from notifications import providers
from notifications.models import FakeReport, Mailing

KEPT = timedelta(days=180)
MOST_WAITING = 10_000
"""Reports nobody has looked at; of more than these a flood makes no further rows."""


def is_our_sender(pasted: str) -> bool | None:
    """Whether notices come from this address; None where it is no address. A yes proves nothing: anyone can type it."""
    address = parseaddr(pasted.strip())[1].casefold()
    if "@" not in address:
        return None
    senders = [Organisation.get().sender, *(one.sender for one in providers.all_channels() if one.sender)]
    senders += Mailing.objects.filter(started_at__isnull=False).values_list("sender", flat=True).distinct()
    return address in {parseaddr(sender)[1].casefold() for sender in senders}


def is_our_subject(pasted: str) -> bool:
    """Whether a notice of an incident that is public has this subject, apart from what differs between readers."""
    typed = _folded(pasted)
    public = Incident.objects.published().values_list("telling", flat=True)
    return any(_fits(_folded(subject), typed) for telling in public for subject in telling.get("subjects", []))


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _fits(subject: str, typed: str) -> bool:
    """The pieces between the ellipses stand in the typed text, in order, from its beginning to its end."""
    pieces = subject.split("…")
    if len(pieces) == 1:
        return subject == typed
    if not typed.startswith(pieces[0]) or not typed.endswith(pieces[-1]):
        return False
    place = 0
    for piece in pieces:
        found = typed.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return True


def report(*, sender: str, words: str, at: datetime) -> None:
    """Kept as plain text without marks of HTML; beyond MOST_WAITING it is dropped, and the answer is the same."""
    if FakeReport.objects.filter(state=FakeReport.State.NEW)[: MOST_WAITING + 1].count() <= MOST_WAITING:
        FakeReport.objects.create(sender=_plain(sender)[:254], words=_plain(words)[:5000], at=at)


def _plain(text: str) -> str:
    said = strip_tags(text.replace("\0", ""))
    return "".join(mark for mark in said if mark in "\n\t" or mark.isprintable()).strip()


@transaction.atomic
def look_at(one: FakeReport, *, state: str, note: str, by: User, at: datetime) -> None:
    one.state, one.note, one.looked_by, one.looked_at = state, note, by, at
    one.save(update_fields=["state", "note", "looked_by", "looked_at"])
    audit.record(act="report.looked_at", thing=one, by=by, at=at, answer=str(state))


def forget(*, at: datetime) -> int:
    return FakeReport.objects.filter(at__lt=at - KEPT).delete()[0]
