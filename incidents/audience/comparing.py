"""What a file would change, and whether its size fits what the page says."""

from dataclasses import asdict, dataclass
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import F

from accounts.models import Organisation
from incidents.audience.resolving import resolve
from incidents.models import AffectedAccount, ImportBatch, Incident, ScopeEstimate

EXAMPLES = 10
ABOUT = Decimal("1.2")  # "about 5" is no longer true above 6

COUNTS = """
SELECT count(*) FILTER (WHERE affected_id IS NULL) AS new,
       count(*) FILTER (WHERE affected_id IS NOT NULL AND NOT changes) AS unchanged,
       count(*) FILTER (WHERE changes) AS changed,
       count(*) FILTER (WHERE affected_id IS NULL AND imported.account_id IS NOT NULL) AS new_here_only,
       count(*) FILTER (WHERE imported.certainty = 'ruled_out'
                          AND affected.certainty IS DISTINCT FROM 'ruled_out') AS newly_ruled_out,
       count(DISTINCT affected_id) AS held,
       count(*) FILTER (WHERE coalesce(nullif(imported.certainty, ''), affected.certainty, 'confirmed')
                              <> 'ruled_out') AS owed,
       count(*) FILTER (WHERE affected.certainty <> 'ruled_out') AS owed_before
  FROM imported
  LEFT JOIN incidents_affectedaccount affected ON affected.id = imported.affected_id
"""

# The same mailbox under several accounts, in the file or between the file and what we hold.
SAME_ADDRESS = """
WITH holder AS (
    SELECT imported_address.lookup, coalesce(account.external_id, imported.external_id) AS external_id,
           coalesce(imported.account_id::text, imported.account_key) AS who
      FROM imported_address
      JOIN imported USING (account_key)
      LEFT JOIN accounts_account account ON account.id = imported.account_id
    UNION
    SELECT address.lookup, account.external_id, account.id::text
      FROM imported_address
      JOIN accounts_address address ON address.lookup = imported_address.lookup AND address.kind = imported_address.kind
      JOIN accounts_account account ON account.id = address.account_id
)
SELECT array_agg(DISTINCT coalesce(nullif(external_id, ''), '(no id)')) AS accounts, count(*) OVER () AS addresses
  FROM holder
 GROUP BY lookup
HAVING count(DISTINCT who) > 1
 ORDER BY 1
 LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of accounts, in words of the batch page.

    missing: already in this incident and not in this file; they stay. after: everyone owed a notice once this is
    saved. share: that, in percent of all customers (None where the organisation has not said how many there are).
    stop: the file says more than the page; saving needs an explicit yes.
    same_address: mailboxes that several accounts have; `same_address_examples`: the accounts' ids.
    """

    new: int
    unchanged: int
    changed: int
    missing: int
    new_here_only: int
    newly_ruled_out: int
    after: int
    share: Decimal | None
    stop: bool
    verdict: str
    same_address: int
    same_address_examples: list[list[str]]

    @property
    def nothing_new(self) -> bool:
        return not self.new and not self.changed

    def as_json(self) -> dict:
        """Without the examples: counts and words only."""
        facts = asdict(self) | {"share": None if self.share is None else float(self.share)}
        del facts["same_address_examples"]
        return facts


@transaction.atomic
def compare(batch: ImportBatch) -> Comparison:
    """What saving a staged batch would do now. Writes nothing."""
    resolve(batch)
    return of_resolved(batch)


def of_resolved(batch: ImportBatch) -> Comparison:
    """As `compare`, over the tables that `resolve` has filled in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        names = [column.name for column in cursor.description]
        counts = dict(zip(names, cursor.fetchone(), strict=True))
        cursor.execute(SAME_ADDRESS, [EXAMPLES])
        same = cursor.fetchall()
    affected = AffectedAccount.objects.filter(incident=batch.incident_id)
    owed_before, owed = counts.pop("owed_before"), counts.pop("owed")
    after = affected.owed_a_notice().count() - owed_before + owed
    total = Organisation.get().customers_total
    share = Decimal(after) * 100 / total if total else None
    stop, verdict = _judge(newest_estimate(batch.incident), after, share)
    return Comparison(
        missing=affected.count() - counts.pop("held"), after=after, share=share, stop=stop, verdict=verdict,
        same_address=same[0][1] if same else 0, same_address_examples=[row[0] for row in same], **counts,
    )  # fmt: skip


def newest_estimate(incident: Incident) -> ScopeEstimate | None:
    """The one the page states now: not held back, not revised."""
    return (
        incident.estimates.filter(held_back=False, revised_by=None)
        .order_by(F("at").desc(nulls_last=True), "-position", "-pk")
        .first()
    )


def _judge(estimate: ScopeEstimate | None, after: int, share: Decimal | None) -> tuple[bool, str]:
    """(whether the file says more than the page, the sentence that says so)."""
    if estimate is None:
        return False, "The page gives no estimate to compare with."
    if estimate.value is None:
        return False, f"The page says “{estimate.get_bound_display()}”: there is no number to compare with."
    percent = estimate.unit == "percent"
    measured = share if percent else Decimal(after)
    if measured is None:
        return False, (
            "The page states a share of customers; how many customers there are in all is not set, so it cannot be"
            " compared. An administrator can set it under Organisation."
        )
    unit = " %" if percent else f" {estimate.unit}".rstrip()
    said = f"“{estimate.get_bound_display()} {estimate.value.normalize():,f}{unit}”"
    ours = f"{_readable(measured)}{unit}" if percent else f"{after:,}{unit}"
    if _more(estimate, measured):
        return True, f"This is more than the page says: {ours} against {said}. Correct the page, or check the file."
    if estimate.bound in {"exactly", "at_least"} and measured < estimate.value:
        return False, f"This is fewer than the page says: {ours} against {said}. Is this the whole list?"
    return False, f"This fits what the page says: {ours} against {said}."


def _more(estimate: ScopeEstimate, measured: Decimal) -> bool:
    value = estimate.value
    assert value is not None
    match estimate.bound:
        case ScopeEstimate.Bound.LESS_THAN:
            return measured >= value
        case ScopeEstimate.Bound.AT_MOST:
            return measured > value
        case ScopeEstimate.Bound.EXACTLY:
            # Ours is a fraction, the page's a rounded number: one more in the last digit is no contradiction.
            return measured > value + (Decimal("0.5").scaleb(_exponent(value)) if estimate.unit == "percent" else 0)
        case ScopeEstimate.Bound.ABOUT:
            return measured > value * ABOUT
        case _:
            return False


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return min(0, exponent) if isinstance(exponent, int) else 0


def _readable(share: Decimal) -> str:
    """Two digits that mean something: 0.79, 12, 0.0042."""
    if share >= 10 or share == 0:
        return f"{share:.0f}"
    return f"{share:.{max(0, 1 - share.adjusted())}f}"
