"""Which notices are somebody's: of every account with a mailbox they have shown to be theirs, over all incidents."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from accounts import readers
from accounts.addresses import lookup_hash
from accounts.models import Address, User
from incidents.documents import words
from incidents.models import AffectedAccount, ImportBatch, Incident, PageVersion
from incidents.publishing.versions import last_said
from notifications.models import Mailing, Recipient, Retention
from notifications.reading import facts

MOST_SHOWN = 50
LISTS_SHOWN = 5  # public incidents of which we say what we do not hold

ON_THE_WAY = [Recipient.State.QUEUED, Recipient.State.SENDING]
NEVER_LEFT = [Recipient.State.PREPARED, Recipient.State.CANCELLED]


def told() -> QuerySet[AffectedAccount]:
    """Whom an approved notice was sent to, or is being sent to this minute: nobody learns here before they are told.

    A message that was refused or came back counts: its words were approved for that person. Of an incident whose
    people are forgotten there is nothing left to show.
    """
    left = Q(mailing__started_at__isnull=False) & ~Q(state__in=[*NEVER_LEFT, *ON_THE_WAY])
    leaving = Q(mailing__state=Mailing.State.RUNNING, state__in=ON_THE_WAY)
    messages = Recipient.objects.filter(left | leaving, affected_account=OuterRef("pk"))
    rows = AffectedAccount.objects.filter(Exists(messages), incident__drill=False)
    return rows.exclude(incident__in=_forgotten()).select_related("account", "incident")


def _forgotten() -> QuerySet[Retention, int]:
    return Retention.objects.begun().values_list("pk", flat=True)


@dataclass(frozen=True)
class Theirs:
    """One account in one incident, and the address by which it is theirs."""

    affected_account: AffectedAccount
    address: Address


def of_reader(user: User, *, affected: int | None = None) -> list[Theirs]:
    """The newest first; with affected, that one alone.

    By addresses that stand and are trusted: where a mailbox may be in the wrong hands, showing that one reads it
    proves nothing.
    """
    lookups = [lookup_hash(mailbox) for mailbox in readers.mailboxes_of(user)]
    addresses = Address.objects.reachable().filter(lookup__in=lookups)
    by_account: dict[int, Address] = {}
    for address in addresses:
        by_account.setdefault(address.account_id, address)
    rows = told().filter(account__in=list(by_account)).order_by("-pk")
    if affected is not None:
        rows = rows.filter(pk=affected)
    return [Theirs(row, by_account[row.account_id]) for row in rows[:MOST_SHOWN]]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A notice in the list of them. code: of its newest message; opens it, and is printed in that message."""

    code: str
    title: str
    concerns: facts.Concerns
    certainty: str
    first_at: words.Said
    last_at: words.Said
    messages: int
    acknowledged: bool


def lines(found: Collection[Theirs]) -> list[Line]:
    """One question for all of them, and one for each incident."""
    messages = Recipient.objects.filter(affected_account__in=[one.affected_account.pk for one in found])
    by_account: dict[int, list[Recipient]] = {}
    for message in messages.exclude(state__in=NEVER_LEFT).select_related("mailing__version").order_by("state_at", "pk"):
        by_account.setdefault(message.affected_account_id, []).append(message)
    said = {incident: last_said(incident) for incident in {one.affected_account.incident for one in found}}
    return [_line(one, by_account[one.affected_account.pk], said[one.affected_account.incident]) for one in found]


def _line(one: Theirs, messages: list[Recipient], version: PageVersion | None) -> Line:
    return Line(
        code=messages[-1].code, title=_title(version, messages[-1]),
        concerns=facts.concerns(one.affected_account.account, one.address), certainty=one.affected_account.certainty,
        first_at=words.instant(messages[0].state_at), last_at=words.instant(messages[-1].state_at),
        messages=len(messages), acknowledged=one.affected_account.acknowledged_at is not None,
    )  # fmt: skip


def _title(version: PageVersion | None, message: Recipient) -> str:
    """As it was published; before that as it was approved with the message."""
    guidance = version.content if version else message.mailing.version.guidance
    return guidance.get("title", "")


@dataclass(frozen=True)
class List:
    """What we hold of a public incident's affected accounts: version n is the nth import that was confirmed."""

    title: str
    slug: str
    version: int
    as_of: words.Said | None


def lists() -> list[List]:
    """Of the newest public incidents, for whoever is on none of them. As of the last change of each list."""
    found = []
    public = Incident.objects.published().exclude(pk__in=_forgotten()).order_by("-first_published_at")
    for incident in public[:LISTS_SHOWN]:
        confirmed = ImportBatch.objects.filter(incident=incident, state=ImportBatch.State.CONFIRMED)
        last: datetime | None = confirmed.aggregate(last=Max("confirmed_at"))["last"]
        version = last_said(incident)
        if version is not None:
            found.append(List(version.content["title"], version.content["slug"], confirmed.count(),
                              words.instant(last) if last else None))  # fmt: skip
    return found
