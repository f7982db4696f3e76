"""What exactly a file changes, with old and new, and whom it leaves out: the first of each, as findings."""

import json

from django.db import connection

from incidents.audience.columns import FACT
from incidents.models import Finding, ImportBatch

KINDS = (Finding.Kind.CHANGED.value, Finding.Kind.MISSING.value, Finding.Kind.NOT_HELD.value)
MOST = 10_000  # findings of a kind that are kept; `find` counts all of them

# An account is called by its id, or by what it is known by.
CALLED = "coalesce(nullif(imported.external_id, ''), nullif(imported.normal, ''), imported.name)"

DIFFERENCES = f"""
SELECT imported.line, {CALLED} AS account, difference.meaning, difference.value, difference.other
  FROM imported
  JOIN accounts_account account ON account.id = imported.account_id
  JOIN incidents_affectedaccount affected ON affected.id = imported.affected_id
 CROSS JOIN LATERAL (
    SELECT * FROM (VALUES ('name', imported.name, account.name), ('locale', imported.locale, account.locale),
                          ('jurisdiction', imported.jurisdiction, account.jurisdiction),
                          ('certainty', imported.certainty, affected.certainty)) AS field (meaning, value, other)
     WHERE value <> '' AND value <> other
    UNION ALL
    SELECT 'fact:' || key, imported.facts ->> key, coalesce(affected.facts ->> key, '')
      FROM jsonb_object_keys(imported.facts) AS key
     WHERE imported.facts -> key IS DISTINCT FROM affected.facts -> key
    UNION ALL
    SELECT 'segments', said.key, ''
      FROM jsonb_array_elements_text(imported.segments) AS said (key)
      JOIN incidents_segment segment ON segment.incident_id = %(incident)s AND segment.key = said.key
     WHERE NOT EXISTS (SELECT FROM incidents_affectedaccount_segments held
                        WHERE held.affectedaccount_id = affected.id AND held.segment_id = segment.id)
    UNION ALL
    SELECT said.kind, said.value || CASE WHEN held.id IS NULL THEN '' ELSE coalesce(', ' || said.role, '') END
                                 || CASE WHEN said.trusted THEN '' ELSE ', not trusted' END,
           coalesce(held.role || CASE WHEN held.trusted THEN '' ELSE ', not trusted' END, '')
      FROM imported_address said
      LEFT JOIN accounts_address held
             ON held.account_id = account.id AND held.kind = said.kind AND held.normal = said.normal
     WHERE said.account_key = imported.account_key
       AND (held.id IS NULL OR said.role <> held.role OR (held.trusted AND NOT said.trusted))
 ) AS difference
 WHERE imported.changes
"""  # noqa: S608  (fixed text)

CHANGED = f"""
INSERT INTO incidents_finding (batch_id, kind, line, account, "column", value, other, words)
SELECT %(batch)s, 'changed', line, account,
       coalesce(%(headers)s::jsonb ->> meaning, regexp_replace(meaning, '^fact:', '')), value, other, ''
  FROM ({DIFFERENCES}) AS difference ORDER BY line LIMIT {MOST}
"""  # noqa: S608

MISSING = f"""
INSERT INTO incidents_finding (batch_id, kind, account, "column", value, other, words)
SELECT %(batch)s, 'missing',
       coalesce(account.external_id,
                (SELECT value FROM accounts_address WHERE account_id = account.id ORDER BY id LIMIT 1), account.name),
       '', '', affected.certainty, ''
  FROM incidents_affectedaccount affected
  JOIN accounts_account account ON account.id = affected.account_id
 WHERE affected.incident_id = %(incident)s
   AND NOT EXISTS (SELECT FROM imported WHERE imported.affected_id = affected.id)
 ORDER BY affected.id LIMIT {MOST}
"""  # noqa: S608

NOT_HELD = f"""
INSERT INTO incidents_finding (batch_id, kind, line, account, "column", value, other, words)
SELECT %(batch)s, 'not_held', min(line), min(coalesce(nullif(external_id, ''), nullif(address, ''), name)),
       '', '', '', 'Not on the list: nothing is done about it.'
  FROM incidents_stagedrow row
 WHERE batch_id = %(batch)s
   AND NOT EXISTS (SELECT FROM imported WHERE imported.account_key = row.account_key)
 GROUP BY account_key ORDER BY min(line) LIMIT {MOST}
"""  # noqa: S608


def find(batch: ImportBatch, missing: int, not_held: int) -> dict[str, int]:
    """Over the tables that `resolve` has filled; how many there are of each kind, also of those not kept."""
    Finding.objects.filter(batch=batch, kind__in=KINDS).delete()
    given = {"batch": batch.pk, "incident": batch.incident_id, "headers": _headers(batch)}
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, given)
        changed = cursor.rowcount
        if changed == MOST:
            cursor.execute(f"SELECT count(*) FROM ({DIFFERENCES}) AS difference", given)  # noqa: S608
            changed = cursor.fetchone()[0]
        if batch.mode == ImportBatch.Mode.RULE_OUT:  # whoever it does not name is no news
            cursor.execute(NOT_HELD, given)
            missing = 0
        elif missing:
            cursor.execute(MISSING, given)
    return dict(zip(KINDS, (changed, missing, not_held), strict=True))


def _headers(batch: ImportBatch) -> str:
    """{meaning: header}; of a fact without its type."""
    return json.dumps({
        ":".join(meaning.split(":")[:2]) if meaning.startswith(FACT) else meaning: header
        for header, meaning in batch.columns.items()
    })  # fmt: skip
