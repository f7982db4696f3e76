"""What exactly a file changes, with old and new, and whom it leaves out: the first of each, as findings."""

import json
from typing import Any

from django.db import connection

from incidents.audience.columns import FACT
from incidents.audience.facts import TABLE
from incidents.models import Finding, ImportBatch

KINDS = (Finding.Kind.CHANGED.value, Finding.Kind.MISSING.value, Finding.Kind.NOT_HELD.value)
MOST = 10_000  # findings of a kind that are kept; `find` counts all of them

# An account is called by its id, or by what it is known by.
CALLED = "coalesce(nullif(imported.external_id, ''), nullif(imported.normal, ''), imported.name)"

# A table is told by its length: a person looks it up on the page of the account.
IN_WORDS = """CASE WHEN key = 'rows' AND jsonb_typeof({facts} -> key) = 'array' THEN
                   CASE jsonb_array_length({facts} -> key) WHEN 1 THEN '1 line'
                        ELSE jsonb_array_length({facts} -> key) || ' lines' END
               ELSE {facts} ->> key END"""

# Each by one join over all accounts that change: looked up account by account it would be read a million times.
DIFFERENCES = f"""
WITH changed AS MATERIALIZED (
    SELECT imported.line, {CALLED} AS called, imported.account_key, account_id, affected_id, name, locale, jurisdiction,
           certainty, segments, facts
      FROM imported WHERE changes
)
SELECT changed.line, called, field.meaning, field.value, field.other
  FROM changed
  JOIN accounts_account account ON account.id = changed.account_id
  JOIN incidents_affectedaccount affected ON affected.id = changed.affected_id
 CROSS JOIN LATERAL (VALUES ('name', changed.name, account.name), ('locale', changed.locale, account.locale),
                            ('jurisdiction', changed.jurisdiction, account.jurisdiction),
                            ('certainty', replace(changed.certainty, '_', ' '),
                             replace(affected.certainty, '_', ' '))) AS field (meaning, value, other)
 WHERE field.value <> '' AND field.value <> field.other
UNION ALL
SELECT changed.line, called, 'fact:' || key, {IN_WORDS.format(facts="changed.facts")},
       coalesce({IN_WORDS.format(facts="affected.facts")}, '')
  FROM changed
  JOIN incidents_affectedaccount affected ON affected.id = changed.affected_id
 CROSS JOIN LATERAL jsonb_object_keys(changed.facts) AS key
 WHERE changed.facts -> key IS DISTINCT FROM affected.facts -> key
UNION ALL
SELECT changed.line, called, 'segments', said.key, ''
  FROM changed
 CROSS JOIN LATERAL jsonb_array_elements_text(changed.segments) AS said (key)
  JOIN incidents_segment segment ON segment.incident_id = %(incident)s AND segment.key = said.key
  LEFT JOIN incidents_affectedaccount_segments held
         ON held.affectedaccount_id = changed.affected_id AND held.segment_id = segment.id
 WHERE held.id IS NULL
UNION ALL
SELECT changed.line, called, said.kind,
       said.value || CASE WHEN held.id IS NULL THEN '' ELSE coalesce(', ' || said.role, '') END
                  || CASE WHEN said.trusted THEN '' ELSE ', not trusted' END,
       coalesce(held.role || CASE WHEN held.trusted THEN '' ELSE ', not trusted' END, '')
  FROM changed
  JOIN imported_address said ON said.account_key = changed.account_key
  LEFT JOIN accounts_address held
         ON held.account_id = changed.account_id AND held.kind = said.kind AND held.normal = said.normal
 WHERE held.id IS NULL OR said.role <> held.role OR (held.trusted AND NOT said.trusted)
"""  # noqa: S608  (fixed text)

CHANGED = f"""
INSERT INTO incidents_finding (batch_id, kind, line, account, "column", value, other, words)
SELECT %(batch)s, 'changed', line, called,
       coalesce(%(headers)s::jsonb ->> meaning, regexp_replace(meaning, '^fact:', '')), value, other, ''
  FROM ({DIFFERENCES}) AS difference ORDER BY line LIMIT {MOST}
"""  # noqa: S608

MISSING = f"""
INSERT INTO incidents_finding (batch_id, kind, account, "column", value, other, words)
SELECT %(batch)s, 'missing',
       coalesce(account.external_id,
                (SELECT value FROM accounts_address WHERE account_id = account.id ORDER BY id LIMIT 1), account.name),
       '', '', replace(affected.certainty, '_', ' '), ''
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


def find(batch: ImportBatch, *, changed: int, missing: int, not_held: int) -> dict[str, int]:
    """Over the tables that `resolve` has filled; how many there are of each kind, also of those not kept.

    changed, missing, not_held: numbers of accounts; an account may change in several things.
    """
    Finding.objects.filter(batch=batch, kind__in=KINDS).delete()
    given: dict[str, Any] = {"batch": batch.pk, "incident": batch.incident_id, "headers": _headers(batch)}
    with connection.cursor() as cursor:
        if changed:
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
    return json.dumps({f"{FACT}{TABLE}": "table of the account"} | {
        ":".join(meaning.split(":")[:2]) if meaning.startswith(FACT) else meaning: header
        for header, meaning in batch.columns.items()
    })  # fmt: skip
