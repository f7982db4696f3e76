"""Finding affected accounts among a million, without an address in an address bar."""

from django.db import transaction
from django.db.models import Count

from accounts import audit
from accounts.addresses import lookup_hash, normalise
from accounts.models import User
from incidents.models import AffectedAccount, Incident

PAGE = 50
MOST_FOUND = 20  # accounts that share one address


@transaction.atomic
def look_up(incident: Incident | None, text: str, *, by: User) -> list[AffectedAccount]:
    """Accounts of this incident, or of any, with exactly this id or address.

    That somebody looked is recorded, for what is not.
    """
    text = text.strip()
    affected = AffectedAccount.objects.select_related("incident")
    if incident:
        affected = affected.filter(incident=incident)
    if "@" in text:
        hits = affected.filter(account__addresses__lookup=lookup_hash(normalise(text))).distinct()
    else:
        hits = affected.filter(account__external_id=text)
    found = list(hits.order_by("pk")[:MOST_FOUND])
    audit.record(act="account.searched", thing=incident or by, by=by, incident=incident.pk if incident else None,
                 found=[affected.pk for affected in found])  # fmt: skip
    return found


def by_certainty(incident: Incident) -> dict[str, int]:
    """How many there are of each certainty, and in all."""
    rows = (
        AffectedAccount.objects.filter(incident=incident)
        .order_by()
        .values_list("certainty")
        .annotate(count=Count("pk"))
    )
    counts = dict.fromkeys(AffectedAccount.Certainty.values, 0) | dict(rows)
    return {"": sum(counts.values())} | counts


def page(incident: Incident, *, certainty: str = "", prefix: str = "", only: list[int] | None = None,
         after: int = 0, before: int = 0) -> tuple[list[AffectedAccount], bool, bool]:  # fmt: skip
    """(accounts of one page, whether there are earlier ones, whether there are later ones), in the order they came.

    A page is found by the key it begins after or ends before: the last of a million costs as much as the first.
    """
    rows = AffectedAccount.objects.filter(incident=incident)
    if certainty:
        rows = rows.filter(certainty=certainty)
    if prefix:
        rows = rows.filter(account__external_id__startswith=prefix)
    if only is not None:
        rows = rows.filter(pk__in=only)
    rows = rows.select_related("account").prefetch_related("segments", "account__addresses")
    if before:
        found = list(rows.filter(pk__lt=before).order_by("-pk")[: PAGE + 1])
        return found[:PAGE][::-1], len(found) > PAGE, True
    found = list(rows.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
    return found[:PAGE], bool(after), len(found) > PAGE
