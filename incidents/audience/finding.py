"""Finding affected accounts among millions: whom somebody means, who fits a filter, one page of them at a time.

Every query here is answered by an index that its model names, and none of them counts beyond MOST_COUNTED: a list of
five million opens as fast as one of ten thousand.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value

from accounts import audit
from accounts.addresses import lookup_hash, normalise, normalise_phone, normalise_post
from accounts.models import Address, User
from accounts.models.accounts import Folded
from incidents.models import AffectedAccount, ImportBatch, Incident, Segment, Step, StepState

PAGE = 50
MOST_FOUND = 200  # who finds more has not yet said whom they mean
MOST_COUNTED = 50_000


@dataclass(frozen=True)
class Found:
    """accounts: keys of AffectedAccount. exactly: by a whole id or address, not by how it begins. more: not all."""

    accounts: list[int]
    exactly: bool
    more: bool


# Whom somebody means ------------------------------------------------------------------------------------------


@transaction.atomic
def look_up(incident: Incident | None, text: str, *, by: User) -> list[AffectedAccount]:
    """Accounts of this incident, or of any, with exactly this id or address.

    That somebody looked is recorded, for what is not.
    """
    found = list(_exactly(incident, text.strip())[:MOST_FOUND])
    _record(incident, [affected.pk for affected in found], by)
    return found


@transaction.atomic
def search(incident: Incident, text: str, *, by: User) -> Found:
    """Who has exactly this id or address; where nobody has, whose id, name or email address begins like this."""
    text = text.strip()
    exact = [affected.pk for affected in _exactly(incident, text)[: MOST_FOUND + 1]]
    accounts = exact or _beginning(incident, text)
    _record(incident, accounts[:MOST_FOUND], by)
    return Found(accounts[:MOST_FOUND], exactly=bool(exact), more=len(accounts) > MOST_FOUND)


def _exactly(incident: Incident | None, text: str) -> QuerySet[AffectedAccount]:
    held = AffectedAccount.objects.filter(incident=incident) if incident else AffectedAccount.objects.all()
    spellings = {normalise(text), normalise_phone(text), normalise_post(text)}
    addressed = Address.objects.filter(lookup__in=[lookup_hash(normal) for normal in spellings])
    # One set of ids instead of OR: PostgreSQL answers both halves from their indexes, whatever else is in the house.
    by_id = held.filter(account__external_id=text)
    by_address = held.filter(account__in=addressed.values("account"))
    return (
        held.filter(pk__in=by_id.values("pk").union(by_address.values("pk"))).select_related("incident").order_by("pk")
    )


def _beginning(incident: Incident, text: str) -> list[int]:
    if not text:
        return []
    held = AffectedAccount.objects.filter(incident=incident).order_by()
    email = Q(account__addresses__kind=Address.Kind.EMAIL)
    found: dict[int, None] = {}
    for some in (
        held.filter(account__external_id__startswith=text),
        held.alias(name=Folded("account__name")).filter(name__startswith=Folded(Value(text))),
        held.filter(email, account__addresses__normal__startswith=normalise(text)),
    ):
        found |= dict.fromkeys(some.values_list("pk", flat=True)[: MOST_FOUND + 1])
        if len(found) > MOST_FOUND:
            break
    return sorted(found)


def _record(incident: Incident | None, accounts: list[int], by: User) -> None:
    audit.record(act="account.searched", thing=incident or by, by=by, incident=incident.pk if incident else None,
                 found=accounts)  # fmt: skip


# Who fits a filter --------------------------------------------------------------------------------------------


def matching(
    incident: Incident, *, certainty: str = "", segment: Segment | None = None, wave: ImportBatch | None = None,
    step: Step | None = None, country: str = "", no_email: bool = False,
) -> QuerySet[AffectedAccount]:  # fmt: skip
    """Accounts of this incident that fit all that is said.

    wave: the import they came with. step: theirs, and still open. country: DE finds DE and DE-BY.
    no_email: no trusted address that mail could go to.
    """
    rows = AffectedAccount.objects.filter(incident=incident)
    if certainty:
        rows = rows.filter(certainty=certainty)
    if segment:
        rows = rows.filter(_in(segment))
    if wave:
        rows = rows.filter(batch=wave)
    if step:
        rows = rows.owed_a_notice().filter(~Exists(_closed(step)))
        rows = rows.filter(_in(step.segment)) if step.segment else rows
    if country:
        rows = rows.filter(~Q(account__jurisdiction=""), account__jurisdiction__startswith=country)
    if no_email:
        rows = rows.filter(~Exists(Address.objects.reachable().order_by().filter(account=OuterRef("account"))))
    return rows


def _in(segment: Segment) -> Exists:
    through = AffectedAccount.segments.through.objects
    return Exists(through.filter(affectedaccount=OuterRef("pk"), segment=segment))


def _closed(step: Step) -> QuerySet[StepState]:
    return StepState.objects.filter(affected_account=OuterRef("pk"), step=step).exclude(state=StepState.State.OPEN)


def page(
    rows: QuerySet[AffectedAccount], *, after: int = 0, before: int = 0
) -> tuple[list[AffectedAccount], bool, bool]:
    """(accounts of one page, whether there are earlier ones, whether there are later ones), in the order they came.

    A page is found by the key it begins after or ends before: the last of a million costs as much as the first.
    """
    rows = rows.select_related("account").prefetch_related("segments", "account__addresses")
    if before:
        found = list(rows.filter(pk__lt=before).order_by("-pk")[: PAGE + 1])
        return found[:PAGE][::-1], len(found) > PAGE, True
    found = list(rows.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
    return found[:PAGE], bool(after), len(found) > PAGE


# How many -----------------------------------------------------------------------------------------------------


def counted(rows: QuerySet[AffectedAccount]) -> int | None:
    """How many; None for more than MOST_COUNTED."""
    count = rows.order_by()[: MOST_COUNTED + 1].count()
    return count if count <= MOST_COUNTED else None


def by_certainty(incident: Incident) -> dict[str, int | None]:
    """How many there are of each certainty, and in all (""); None for each where that would take long."""
    every = counted(AffectedAccount.objects.filter(incident=incident))
    if every is None:
        return dict.fromkeys(["", *AffectedAccount.Certainty.values])
    rows = AffectedAccount.objects.filter(incident=incident).order_by().values_list("certainty")
    none: dict[str, int | None] = dict.fromkeys(AffectedAccount.Certainty.values, 0)
    return {"": every} | none | dict(rows.annotate(count=Count("pk")))
