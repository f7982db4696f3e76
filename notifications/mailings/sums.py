"""What became of the people of one mailing: each in exactly one line, the lines add up, each line opens its list.

A person may stand in the ledger more than once: whoever was not reached at the first address was written to at the
next one. The furthest of their rows counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When

from accounts.models import Account, Address
from notifications import telling
from notifications.mailings.owing import unreachable
from notifications.mailings.running import messages
from notifications.models import Mailing, Recipient

State = Recipient.State

# line: (states of it, words). In the order of the page; of one person's rows the one in the earliest line counts.
LINES: dict[str, tuple[list[str], str]] = {
    "told": ([State.DELIVERED], "told: it arrived, or a letter is on record"),
    "sent": ([State.ACCEPTED], "sent: taken by their provider, and nothing came back"),
    "under_way": ([State.PREPARED, State.QUEUED, State.SENDING], "under way"),
    "letter": ([State.LETTER], "a letter to be posted and put on record"),
    "unknown": ([State.UNKNOWN], "unknown: handed over, and no answer came"),
    "unreached": ([State.BOUNCED, State.UNCONFIRMED], "unreached: it came back, or was left unconfirmed"),
    "failed": ([State.FAILED], "failed: refused, or could not be written"),
    "cancelled": ([State.CANCELLED], "cancelled: not written to"),
}
NAMES = tuple(LINES)
LINE_OF = {state: number for number, (states, _) in enumerate(LINES.values()) for state in states}
RANK = Case(*(When(state=state, then=Value(number)) for state, number in LINE_OF.items()), output_field=IntegerField())

_RANKS = " ".join(f"WHEN '{state}' THEN {number}" for state, number in LINE_OF.items())
COUNTS = f"""
SELECT line, count(*) FROM (
  SELECT min(CASE r.state {_RANKS} END) AS line FROM notifications_recipient r
  JOIN notifications_mailing m ON m.id = r.mailing_id
  WHERE m.id = %s AND r.channel = m.channel AND (r.channel = 'email' OR r.address_id IS NOT NULL)
  GROUP BY r.affected_account_id
) AS each GROUP BY line
"""  # noqa: S608


@dataclass(frozen=True)
class Line:
    name: str
    words: str
    count: int


def lines(mailing: Mailing) -> list[Line]:
    """Every line somebody is in; together all people of the mailing."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [mailing.pk])
        counts = dict(cursor.fetchall())
    return [
        Line(name, words, counts[number]) for number, (name, (_, words)) in enumerate(LINES.items()) if number in counts
    ]


def of(mailing: Mailing) -> dict[str, Any]:
    """Everything its page sums up: {lines: {name: count}, people, unreachable, by_letter, by_decision}.

    unreachable: of the set, without an address to try; by_letter: those of them a letter could be written to.
    """
    counts = {line.name: line.count for line in lines(mailing)}
    left = unreachable(mailing)
    letters = Address.objects.for_letters().filter(account=OuterRef("account"))
    is_by_mail = mailing.channel == Mailing.Channel.EMAIL and mailing.state == Mailing.State.FINISHED
    return {
        "lines": counts, "people": sum(counts.values()), "unreachable": left.count(),
        "by_letter": left.filter(Exists(letters)).count() if is_by_mail else 0,
        "by_decision": telling.outcomes(mailing.incident)["by_decision_not_told"],
    }  # fmt: skip


def people(mailing: Mailing, name: str) -> QuerySet[Recipient]:
    """The row that counts of everyone in this line, by id."""
    states = LINES[name][0]
    rank = LINE_OF[states[0]]
    own = messages(mailing).filter(affected_account=OuterRef("affected_account")).exclude(pk=OuterRef("pk"))
    further = own.annotate(rank=RANK).filter(Q(rank__lt=rank) | Q(rank=rank, pk__gt=OuterRef("pk")))
    return messages(mailing).filter(~Exists(further), state__in=states).order_by("pk")


def page_of(mailing: Mailing, name: str, *, after: int = 0, size: int) -> list[Recipient]:
    """One more than `size`, where there are more. By id, so that the last page costs what the first does."""
    rows = people(mailing, name).filter(pk__gt=after).select_related("account", "affected_account")
    return list(rows[: size + 1])


def find(mailing: Mailing, text: str, *, code: str = "") -> list[Recipient]:
    """Rows of the account with exactly this id, or with this reference code."""
    account = Account.objects.filter(external_id=text).first()
    rows = messages(mailing).select_related("account")
    # One index or the other: asked with "or" it would be neither.
    rows = rows.filter(account=account) if account else rows.filter(code=code or text)
    return list(rows.order_by("pk")[:20])


HEADER = ["account", "name", "outcome", "state", "since (UTC)", "reason", "reference code", "channel", "notice version"]


def rows(mailing: Mailing, name: str = "") -> Iterator[list[object]]:
    """For the file: one line a person, without addresses. All lines, or those of one."""
    for one in [name] if name else NAMES:
        values = people(mailing, one).values_list(
            "account__external_id", "account__name", Value(one), "state", "state_at", "reason", "code", "channel",
            F("mailing__version__number"),
        )  # fmt: skip
        for row in values.iterator(chunk_size=2000):
            account, called, outcome, state, since, *rest = row
            yield [account or "", called, outcome, state, f"{since:%Y-%m-%d %H:%M:%S}", *rest]
