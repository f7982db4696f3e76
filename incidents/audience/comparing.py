"""What a file would change. Computed once after reading and kept with the batch; looking at it costs nothing."""

from dataclasses import asdict, dataclass, fields
from decimal import Decimal

from django.db import connection, transaction

from incidents.audience import differences
from incidents.audience.fitting import judge
from incidents.audience.resolving import resolve
from incidents.models import AffectedAccount, ImportBatch, Incident

EXAMPLES = 10

COUNTS = """
SELECT count(*) FILTER (WHERE affected_id IS NULL) AS new,
       count(*) FILTER (WHERE affected_id IS NOT NULL AND NOT changes) AS unchanged,
       count(*) FILTER (WHERE changes) AS changed,
       count(*) FILTER (WHERE affected_id IS NULL AND NOT made) AS new_here_only,
       count(*) FILTER (WHERE imported.certainty = 'ruled_out'
                          AND affected.certainty <> 'ruled_out') AS newly_ruled_out,
       count(DISTINCT affected_id) AS held,
       count(*) FILTER (WHERE coalesce(nullif(imported.certainty, ''), affected.certainty, 'confirmed')
                              <> 'ruled_out') AS owed,
       count(*) FILTER (WHERE affected.certainty <> 'ruled_out') AS owed_before
  FROM imported
  LEFT JOIN incidents_affectedaccount affected ON affected.id = imported.affected_id
"""

# The same mailbox under several accounts, in the file or between the file and what we hold.
SAME_ADDRESS = """
WITH shared AS MATERIALIZED (
    SELECT lookup FROM imported_address WHERE kind = 'email'
     GROUP BY lookup HAVING min(account_key) <> max(account_key)
    UNION
    SELECT said.lookup
      FROM imported_address said
      JOIN accounts_address held ON held.lookup = said.lookup AND held.kind = 'email'
     WHERE said.kind = 'email' AND held.account_id IS DISTINCT FROM said.account_id
), holder AS (
    SELECT shared.lookup, coalesce(account.external_id, imported.external_id) AS external_id,
           coalesce(imported.account_id::text, imported.account_key) AS who
      FROM shared
      JOIN imported_address said ON said.lookup = shared.lookup AND said.kind = 'email'
      JOIN imported ON imported.account_key = said.account_key
      LEFT JOIN accounts_account account ON account.id = imported.account_id
    UNION
    SELECT shared.lookup, account.external_id, account.id::text
      FROM shared
      JOIN accounts_address address ON address.lookup = shared.lookup AND address.kind = 'email'
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

    missing: already in this incident and not in this file. not_held: in a file that rules out, and not in this
    incident. newly_ruled_out: of those owed a notice now. after: everyone owed a notice once this is saved.
    owed_before: now. share: `after` in percent of all customers (None: nobody has said how many there are).
    stop: the file says more than the page; saving needs an explicit yes.
    same_address: mailboxes that several accounts have; `same_address_examples`: the accounts' ids.
    """

    new: int
    unchanged: int
    changed: int
    missing: int
    new_here_only: int
    newly_ruled_out: int
    not_held: int
    owed_before: int
    after: int
    share: Decimal | None
    stop: bool
    verdict: str
    same_address: int
    same_address_examples: list[list[str]]

    @property
    def nothing_new(self) -> bool:
        return not self.new and not self.changed and not self.newly_ruled_out

    def as_json(self) -> dict:
        """Without the examples: counts and words only."""
        facts = asdict(self) | {"share": None if self.share is None else float(self.share)}
        del facts["same_address_examples"]
        return facts


JUDGED = ("share", "stop", "verdict")
KEPT = [field.name for field in fields(Comparison) if field.name not in JUDGED]


@transaction.atomic
def compare(batch: ImportBatch) -> Comparison:
    """What saving a staged batch would do now; kept with the batch, with examples among its findings."""
    resolve(batch)
    comparison = of_resolved(batch, same_address=True)
    found = differences.find(batch, comparison.missing, comparison.not_held)
    batch.counts["findings"] = batch.counts.get("findings", {}) | found
    batch.comparison = {name: getattr(comparison, name) for name in KEPT}
    batch.save(update_fields=["counts", "comparison"])
    return comparison


def compared(batch: ImportBatch) -> Comparison | None:
    """As `compare` left it; None: not compared yet, or the list has changed since and a worker compares anew.

    What the page says may have changed, too: that is looked up again.
    """
    if not batch.comparison:
        return None
    share, stop, verdict = judge(batch.incident, batch.comparison["after"])
    return Comparison(**batch.comparison, share=share, stop=stop, verdict=verdict)


def outdate(incident: Incident | int, *, but: ImportBatch | None = None) -> None:
    """The list has changed: what batches that wait were compared with is no longer so."""
    waiting = ImportBatch.objects.filter(
        incident=incident, state__in=[ImportBatch.State.STAGED, ImportBatch.State.CONFIRMING]
    )
    waiting.exclude(pk=but.pk if but else None).update(comparison={}, tries=0)


def of_resolved(batch: ImportBatch, *, same_address: bool = False) -> Comparison:
    """As `compare`, over the tables that `resolve` has filled in this transaction.

    same_address: look for mailboxes of several accounts, too; for saving it does not matter.
    """
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        names = [column.name for column in cursor.description]
        counts = dict(zip(names, cursor.fetchone(), strict=True))
        same = []
        if same_address:
            cursor.execute(SAME_ADDRESS, [EXAMPLES])
            same = cursor.fetchall()
    affected = AffectedAccount.objects.filter(incident=batch.incident_id)
    owed_before, owed_now = affected.owed_a_notice().count(), counts.pop("owed")
    after = owed_now if batch.mode == ImportBatch.Mode.REPLACE else owed_before - counts["owed_before"] + owed_now
    not_held = batch.counts["accounts"] - counts["new"] - counts["unchanged"] - counts["changed"]
    if batch.mode == ImportBatch.Mode.REPLACE:
        counts["newly_ruled_out"] += owed_before - counts["owed_before"]
    share, stop, verdict = judge(batch.incident, after)
    return Comparison(
        missing=affected.count() - counts.pop("held"), not_held=not_held, after=after, share=share, stop=stop,
        verdict=verdict, same_address=same[0][1] if same else 0, same_address_examples=[row[0] for row in same],
        **counts | {"owed_before": owed_before},
    )  # fmt: skip
