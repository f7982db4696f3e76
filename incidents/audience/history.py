"""What an import did to accounts that were there before: told on the account's page, and what an undo stands on.

An account that the import itself made needs no history; a first import of a million writes none.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from accounts.models import User
from incidents.models import AccountChange, AffectedAccount, ImportBatch

# Held and changed by a row; new here and known from elsewhere, where the row changes what all incidents share; and
# whoever is missing from a file that is the whole list.
CHANGING = """
CREATE TEMPORARY TABLE changing ON COMMIT DROP AS
SELECT account_id FROM imported WHERE affected_id IS NOT NULL AND changes
 UNION
SELECT account.id
  FROM imported
  JOIN accounts_account account ON account.id = imported.account_id
 WHERE imported.affected_id IS NULL AND NOT imported.made
   AND ((imported.name <> '' AND imported.name <> account.name)
     OR (imported.locale <> '' AND (imported.locale <> account.locale OR account.locale_from <> ''))
     OR (imported.jurisdiction <> ''
         AND (imported.jurisdiction <> account.jurisdiction OR account.jurisdiction_from <> ''))
    )
 UNION
SELECT imported.account_id
  FROM imported
  JOIN imported_address said ON said.account_key = imported.account_key
  JOIN accounts_address held
    ON held.account_id = imported.account_id AND held.kind = said.kind AND held.normal = said.normal
 WHERE imported.affected_id IS NULL AND NOT imported.made
   AND (said.role <> held.role OR (held.trusted AND NOT said.trusted))
 UNION
SELECT affected.account_id
  FROM incidents_affectedaccount affected
 WHERE %(whole_list)s AND affected.incident_id = %(incident)s AND affected.certainty <> 'ruled_out'
   AND NOT EXISTS (SELECT FROM imported WHERE imported.affected_id = affected.id)
"""
AS_IT_STANDS = """
SELECT changing.account_id, affected.id AS affected_id,
       jsonb_build_object(
           'name', account.name, 'locale', account.locale, 'locale_from', account.locale_from,
           'jurisdiction', account.jurisdiction, 'jurisdiction_from', account.jurisdiction_from,
           'addresses', coalesce(address.said, '{}')
       ) || CASE WHEN affected.id IS NULL THEN '{}' ELSE jsonb_build_object(
           'certainty', affected.certainty, 'facts', affected.facts, 'segments', coalesce(segment.keys, '[]')
       ) END AS said
  FROM changing
  JOIN accounts_account account ON account.id = changing.account_id
  LEFT JOIN incidents_affectedaccount affected
         ON affected.account_id = account.id AND affected.incident_id = %(incident)s
  LEFT JOIN (
    SELECT address.account_id, jsonb_object_agg(
               address.id, jsonb_build_object('role', address.role, 'trusted', address.trusted)
           ) AS said
      FROM changing JOIN accounts_address address ON address.account_id = changing.account_id
     GROUP BY address.account_id
  ) address ON address.account_id = account.id
  LEFT JOIN (
    SELECT member.affectedaccount_id, jsonb_agg(segment.key ORDER BY segment.key) AS keys
      FROM changing
      JOIN incidents_affectedaccount one
        ON one.account_id = changing.account_id AND one.incident_id = %(incident)s
      JOIN incidents_affectedaccount_segments member ON member.affectedaccount_id = one.id
      JOIN incidents_segment segment ON segment.id = member.segment_id
     GROUP BY member.affectedaccount_id
  ) segment ON segment.affectedaccount_id = affected.id
"""
BEFORE = (
    "DROP TABLE IF EXISTS changing, stood_before",
    CHANGING,
    "CREATE UNIQUE INDEX ON changing (account_id)",
    "ANALYZE changing",
    f"CREATE TEMPORARY TABLE stood_before ON COMMIT DROP AS {AS_IT_STANDS}",
)
# Materialised, or what stands now would be put together once for each field it is compared by.
KEEP = f"""
INSERT INTO incidents_accountchange (batch_id, affected_account_id, before, after)
  WITH now AS MATERIALIZED ({AS_IT_STANDS})
SELECT %(batch)s, now.affected_id, differing.before, differing.after
  FROM stood_before
  JOIN now USING (account_id)
 CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(key, value) AS before, jsonb_object_agg(key, now.said -> key) AS after
      FROM jsonb_each(stood_before.said)
     WHERE value <> now.said -> key
 ) AS differing
 WHERE differing.before IS NOT NULL AND now.affected_id IS NOT NULL
 ORDER BY now.affected_id
"""  # noqa: S608  (fixed text)

WORDS = {
    "name": "name", "locale": "language", "jurisdiction": "country", "certainty": "certainty", "segments": "segments",
    "facts": "personal facts", "addresses": "addresses",
}  # fmt: skip


def before(batch: ImportBatch) -> None:
    """In a save, over the tables of `resolve`, before anything is written."""
    whole_list = batch.mode == ImportBatch.Mode.REPLACE
    _run(BEFORE, {"batch": batch.pk, "incident": batch.incident_id, "whole_list": whole_list})


def keep(batch: ImportBatch) -> None:
    """In the same transaction, after everything is written."""
    _run((KEEP,), {"batch": batch.pk, "incident": batch.incident_id})


def _run(statements: tuple[str, ...], given: dict) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, given)


# Told -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One import in the life of an affected account: what it said of it, when, who confirmed it.

    changes: (what, before, after) in words. evidence: what was cited, where it ruled the account out.
    """

    batch: ImportBatch
    at: datetime
    by: User | None
    added: bool
    ruled_out: bool
    changes: list[tuple[str, str, str]]

    @property
    def evidence(self) -> str:
        return self.batch.evidence if self.ruled_out else ""


def of(affected: AffectedAccount) -> list[Step]:
    """The imports that touched this account, the first one first; those that were undone among them."""
    steps = []
    if affected.batch:
        steps.append(_step(affected.batch, affected.added_at, added=True))
    rows = AccountChange.objects.filter(affected_account=affected).select_related("batch__confirmed_by")
    for row in rows.order_by("batch__confirmed_at", "pk"):
        said = [
            one for name in WORDS if name in row.before for one in _changed(name, row.before[name], row.after[name])
        ]
        steps.append(_step(row.batch, row.batch.confirmed_at, changes=said,
                           ruled_out=row.after.get("certainty") == "ruled_out"))  # fmt: skip
    return steps


def _step(batch: ImportBatch, at: datetime | None, *, added: bool = False, ruled_out: bool = False,
          changes: list[tuple[str, str, str]] | None = None) -> Step:  # fmt: skip
    return Step(batch=batch, at=at or batch.uploaded_at, by=batch.confirmed_by, added=added, ruled_out=ruled_out,
                changes=changes or [])  # fmt: skip


def _changed(name: str, before: Any, after: Any) -> list[tuple[str, str, str]]:
    if name == "facts":
        names = [fact for fact in after if after[fact] != before.get(fact)]
        return [(fact, _plain(before.get(fact)), _plain(after[fact])) for fact in names]
    if name == "addresses":
        return _addresses(before, after)
    if name == "certainty":
        words = dict(AffectedAccount.Certainty.choices)
        return [(name, words.get(before, before), words.get(after, after))]
    return [(WORDS[name], _plain(before), _plain(after))]


def _addresses(before: dict, after: dict) -> list[tuple[str, str, str]]:
    """How many, and what of those that stay: an address itself stands on the page already."""
    new = len(after.keys() - before.keys())
    said = [("addresses", str(len(before)), str(len(after)))] if new else []
    for pk, held in before.items():
        now = after.get(pk, held)
        if now["role"] != held["role"]:
            said.append(("role of an address", held["role"], now["role"]))
        if held["trusted"] and not now["trusted"]:
            said.append(("an address", "trusted", "not trusted"))
    return said


def _plain(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "none"
    if isinstance(value, list | dict):
        return f"{len(value):,} lines"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not said" if value in (None, "") else str(value)
