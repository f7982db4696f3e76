"""Which accounts the rows of a batch mean, and what they would change: the ground both compare and save stand on.

Temporary tables hold the answer until the transaction ends:
imported          one row per account in the file: what it says, the Account and AffectedAccount it means (NULL: none
                  yet), whether it would change anything
imported_address  one row per account and address in the file

An account with an id is known by its id. A person without one is known by the address, among accounts that have no
id either: attaching such a row to a customer who happens to have the same address would show the facts of one
mailbox to all addresses of that customer. Equal addresses of different accounts are reported instead.
"""

from django.db import connection

from incidents.models import ImportBatch

HEADS = """
CREATE TEMPORARY TABLE imported_head ON COMMIT DROP AS
SELECT DISTINCT ON (account_key)
       account_key, line, external_id, name, locale, jurisdiction, certainty, segments, facts, kind, lookup
  FROM incidents_stagedrow
 WHERE batch_id = %(batch)s
 ORDER BY account_key, line, kind
"""

ACCOUNTS = """
CREATE TEMPORARY TABLE imported ON COMMIT DROP AS
WITH person AS (
    SELECT head.account_key, min(account.id) AS account_id
      FROM imported_head head
      JOIN accounts_address address ON address.lookup = head.lookup AND address.kind = head.kind
      JOIN accounts_account account ON account.id = address.account_id AND account.external_id IS NULL
       AND (head.kind <> 'post' OR lower(account.name) = lower(head.name))
     WHERE head.external_id = ''
     GROUP BY head.account_key
)
SELECT head.*,
       coalesce(account.id, person.account_id) AS account_id,
       affected.id AS affected_id,
       false AS changes
  FROM imported_head head
  LEFT JOIN accounts_account account ON account.external_id = head.external_id
  LEFT JOIN person ON person.account_key = head.account_key AND head.external_id = ''
  LEFT JOIN incidents_affectedaccount affected
         ON affected.account_id = coalesce(account.id, person.account_id) AND affected.incident_id = %(incident)s
"""

# Of two rows with one address the role that is tried first counts, and one "not trusted" is enough.
ADDRESSES = """
CREATE TEMPORARY TABLE imported_address ON COMMIT DROP AS
SELECT account_key, kind, normal,
       min(line) AS line,
       (array_agg(lookup ORDER BY line))[1] AS lookup,
       (array_agg(address ORDER BY line))[1] AS value,
       (ARRAY['owner', 'administrator', 'security', 'billing'])[
           min(array_position(ARRAY['owner', 'administrator', 'security', 'billing'], role::text))
       ] AS role,
       bool_and(trusted) AS trusted
  FROM incidents_stagedrow
 WHERE batch_id = %(batch)s AND normal <> ''
 GROUP BY account_key, kind, normal
"""

CHANGES = """
UPDATE imported SET changes = true
 WHERE affected_id IS NOT NULL AND account_key IN (
    SELECT account_key
      FROM imported
      JOIN accounts_account account ON account.id = imported.account_id
      JOIN incidents_affectedaccount affected ON affected.id = imported.affected_id
     WHERE (imported.name <> '' AND imported.name <> account.name)
        OR (imported.locale <> '' AND imported.locale <> account.locale)
        OR (imported.jurisdiction <> '' AND imported.jurisdiction <> account.jurisdiction)
        OR (imported.certainty <> '' AND imported.certainty <> affected.certainty)
        OR affected.facts || imported.facts <> affected.facts
    UNION
    SELECT account_key
      FROM imported
     CROSS JOIN jsonb_array_elements_text(imported.segments) AS said(key)
      JOIN incidents_segment segment ON segment.incident_id = %(incident)s AND segment.key = said.key
      LEFT JOIN incidents_affectedaccount_segments held
             ON held.affectedaccount_id = imported.affected_id AND held.segment_id = segment.id
     WHERE held.id IS NULL
    UNION
    SELECT imported.account_key
      FROM imported
      JOIN imported_address ON imported_address.account_key = imported.account_key
      LEFT JOIN accounts_address held
             ON held.account_id = imported.account_id AND held.kind = imported_address.kind
                 AND held.normal = imported_address.normal
     WHERE held.id IS NULL
        OR imported_address.role <> held.role
        OR (held.trusted AND NOT imported_address.trusted)
 )
"""


# Staged rows are too new to have statistics, and nobody else analyses a temporary table: without this the joins are
# planned for a handful of rows and take for ever with a million.
STEPS = (
    "DROP TABLE IF EXISTS imported_head, imported, imported_address",
    HEADS,
    "ANALYZE imported_head",
    ACCOUNTS,
    ADDRESSES,
    "CREATE UNIQUE INDEX ON imported (account_key)",
    "ANALYZE imported, imported_address",
    CHANGES,
)


def resolve(batch: ImportBatch) -> None:
    """Fill the tables. Call it inside a transaction: they vanish with it."""
    with connection.cursor() as cursor:
        for step in STEPS:
            cursor.execute(step, {"batch": batch.pk, "incident": batch.incident_id})
