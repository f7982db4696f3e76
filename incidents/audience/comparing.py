"""What a file would change. Computed once after reading and kept with the batch; looking at it costs nothing."""

from dataclasses import asdict, dataclass, fields
from decimal import Decimal

from django.db import connection, transaction

from incidents.audience import differences, findings, turns
from incidents.audience.fitting import judge
from incidents.audience.resolving import resolve
from incidents.models import AffectedAccount, ImportBatch, Incident

COUNTS = """
SELECT count(*) FILTER (WHERE affected_id IS NULL) AS new,
       count(*) FILTER (WHERE affected_id IS NOT NULL AND NOT changes) AS unchanged,
       count(*) FILTER (WHERE changes) AS changed,
       count(*) FILTER (WHERE affected_id IS NULL AND NOT made) AS new_here_only,
       count(*) FILTER (WHERE imported.certainty = 'ruled_out'
                          AND affected.certainty <> 'ruled_out') AS newly_ruled_out,
       count(*) FILTER (WHERE imported.certainty = '' AND affected.certainty = 'ruled_out') AS stay_ruled_out,
       count(DISTINCT affected_id) AS held,
       count(*) FILTER (WHERE coalesce(nullif(imported.certainty, ''), affected.certainty, 'confirmed')
                              <> 'ruled_out') AS owed,
       count(*) FILTER (WHERE affected.certainty <> 'ruled_out') AS owed_before
  FROM imported
  LEFT JOIN incidents_affectedaccount affected ON affected.id = imported.affected_id
"""

WHOM_IT_RULES_OUT = """
SELECT encode(sha256(convert_to(string_agg(id::text, ',' ORDER BY id), 'UTF8')), 'hex')
  FROM (
    SELECT affected.id
      FROM incidents_affectedaccount affected JOIN imported ON imported.affected_id = affected.id
     WHERE imported.certainty = 'ruled_out' AND affected.certainty <> 'ruled_out'
     UNION
    SELECT affected.id
      FROM incidents_affectedaccount affected
     WHERE %(whole_list)s AND affected.incident_id = %(incident)s AND affected.certainty <> 'ruled_out'
       AND NOT EXISTS (SELECT FROM imported WHERE imported.affected_id = affected.id)
  ) AS leaving
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of accounts, in words of the batch page.

    missing: already in this incident and not in this file. not_held: in a file that rules out, and not in this
    incident. newly_ruled_out: of those owed a notice now. after: everyone owed a notice once this is saved.
    owed_before: now. share: `after` in percent of all customers (None: nobody has said how many there are).
    stop: the file says more than the page; saving needs an explicit yes.
    same_address: mailboxes that several accounts have. stay_ruled_out: ruled out before, and the file does not say
    otherwise. whom_it_rules_out: SHA-256 of which; empty for nobody.
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
    stay_ruled_out: int = 0
    whom_it_rules_out: str = ""

    @property
    def nothing_new(self) -> bool:
        return not self.new and not self.changed and not self.newly_ruled_out

    def as_json(self) -> dict:
        return asdict(self) | {"share": None if self.share is None else float(self.share)}


JUDGED = ("share", "stop", "verdict")
KEPT = [field.name for field in fields(Comparison) if field.name not in JUDGED]


@transaction.atomic
def compare(batch: ImportBatch) -> Comparison:
    """What saving a staged batch would do now; kept with the batch, with examples among its findings."""
    turns.hold_list(batch.incident_id)
    found = findings.find(batch)
    resolve(batch)
    comparison = of_resolved(batch, same_address=found["same_address"])
    found |= differences.find(
        batch, changed=comparison.changed, missing=comparison.missing, not_held=comparison.not_held
    )
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
    if but:
        waiting = waiting.exclude(pk=but.pk)
    waiting.update(comparison={}, tries=0)


def of_resolved(batch: ImportBatch, *, same_address: int = 0) -> Comparison:
    """As `compare`, over the tables that `resolve` has filled in this transaction.

    same_address: how many mailboxes several accounts have; for saving it does not matter.
    """
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        names = [column.name for column in cursor.description]
        counts = dict(zip(names, cursor.fetchone(), strict=True))
    affected = AffectedAccount.objects.filter(incident=batch.incident_id)
    owed_before, owed_now = affected.owed_a_notice().count(), counts.pop("owed")
    after = owed_now if batch.mode == ImportBatch.Mode.REPLACE else owed_before - counts["owed_before"] + owed_now
    not_held = batch.counts["accounts"] - counts["new"] - counts["unchanged"] - counts["changed"]
    if batch.mode == ImportBatch.Mode.REPLACE:
        counts["newly_ruled_out"] += owed_before - counts["owed_before"]
    whom = _whom_it_rules_out(batch) if counts["newly_ruled_out"] else ""
    share, stop, verdict = judge(batch.incident, after)
    return Comparison(
        missing=affected.count() - counts.pop("held"), not_held=not_held, after=after, share=share, stop=stop,
        verdict=verdict, same_address=same_address,
        whom_it_rules_out=whom, **counts | {"owed_before": owed_before},
    )  # fmt: skip


def _whom_it_rules_out(batch: ImportBatch) -> str:
    """Equal numbers of other people are not what somebody said yes to."""
    given = {"incident": batch.incident_id, "whole_list": batch.mode == ImportBatch.Mode.REPLACE}
    with connection.cursor() as cursor:
        cursor.execute(WHOM_IT_RULES_OUT, given)
        return cursor.fetchone()[0]
