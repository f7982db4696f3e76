"""Which accounts the rows of a batch mean, and what they would change: the ground both compare and save stand on.

Temporary tables hold the answer until the transaction ends:
imported          one row per account in the file: what it says, the Account and AffectedAccount it means, whether it
                  would change anything. `made`: there is no such account yet; saving takes a number for it here,
                  comparing leaves account_id NULL. affected_id NULL: not in this incident yet
imported_address  one row per account and address in the file

An account with an id is known by its id. A person without one is known by the address, among accounts that have no
id either: attaching such a row to a customer who happens to have the same address would show the facts of one
mailbox to all addresses of that customer. Equal addresses of different accounts are reported instead.

Most files have one row per account. Then nothing needs sorting or joining to find the first row of each, and the
addresses are the accounts' own rows: at a million rows that is half of the time.
"""

from collections.abc import Iterator

from django.db import connection

from incidents.audience.columns import ROW
from incidents.audience.planning import expect_many_rows
from incidents.models import ImportBatch

# A view goes with its table.
FORGET = ("DROP TABLE IF EXISTS imported CASCADE", "DROP TABLE IF EXISTS imported_address, imported_head, person")

ONE_ROW_EACH = "(SELECT * FROM incidents_stagedrow WHERE batch_id = %(batch)s)"
SEVERAL_ROWS = """
CREATE TEMPORARY TABLE imported_head ON COMMIT DROP AS
SELECT DISTINCT ON (account_key) * FROM incidents_stagedrow
 WHERE batch_id = %(batch)s
 ORDER BY account_key, line, kind
"""

# One row names a person by email, another the same person by telephone: only the first of them means the account we
# hold, since two rows of one account would lose what the second says. The other is an account of its own, and found
# again as such.
PEOPLE = """
CREATE TEMPORARY TABLE person ON COMMIT DROP AS
WITH candidate AS (
    SELECT head.account_key, head.line, account.id AS account_id, count(*) OVER (PARTITION BY account.id) AS meant
      FROM {heads} AS head
      JOIN accounts_address address ON address.lookup = head.lookup AND address.kind = head.kind
      JOIN accounts_account account ON account.id = address.account_id AND account.external_id IS NULL
       AND (head.kind <> 'post' OR lower(account.name) = lower(head.name))
     WHERE head.external_id = ''
), chosen AS (
    SELECT DISTINCT ON (account_key) * FROM candidate ORDER BY account_key, meant > 1, account_id
)
SELECT DISTINCT ON (account_id) account_key, account_id FROM chosen ORDER BY account_id, line
"""

ACCOUNTS = """
CREATE TEMPORARY TABLE imported ON COMMIT DROP AS
SELECT head.account_key, head.line, head.external_id, head.name, head.locale, head.jurisdiction, head.certainty,
       head.segments, head.facts, head.kind, head.address AS value, head.normal, head.lookup,
       nullif(head.role, '') AS role, head.trusted,
       coalesce(account.id, person.account_id{number}) AS account_id,
       account.id IS NULL AND person.account_id IS NULL AS made,
       affected.id AS affected_id,
       false AS changes
  FROM {heads} AS head
  LEFT JOIN accounts_account account ON account.external_id = head.external_id
  LEFT JOIN person ON person.account_key = head.account_key AND head.external_id = ''
  LEFT JOIN incidents_affectedaccount affected
         ON affected.account_id = coalesce(account.id, person.account_id) AND affected.incident_id = %(incident)s
"""
NUMBER = ", nextval('accounts_account_id_seq')"  # by name: looking for it a million times takes seconds

# A file that rules out does that alone, and to those alone that are held.
ONLY_RULED_OUT = (
    "DELETE FROM imported WHERE affected_id IS NULL",
    """
    UPDATE imported
       SET certainty = 'ruled_out', name = '', locale = '', jurisdiction = '', segments = '[]', facts = '{}',
           normal = ''
    """,
)

# A file that adds never takes away, so the lines of a table that we hold stay: a second wave, or the mended rows of the
# first, name one more key of an account. A line that says all another one says, and more, stands for both.
TABLES_GROW = """
UPDATE imported
   SET facts = imported.facts || jsonb_build_object('rows', (
        SELECT jsonb_agg(line ORDER BY new, place)
          FROM (
            SELECT held.line, false AS new, held.place
              FROM jsonb_array_elements(affected.facts -> 'rows') WITH ORDINALITY AS held (line, place)
             WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(imported.facts -> 'rows') AS said (line)
                                WHERE said.line @> held.line AND said.line <> held.line)
             UNION ALL
            SELECT said.line, true, said.place
              FROM jsonb_array_elements(imported.facts -> 'rows') WITH ORDINALITY AS said (line, place)
             WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(affected.facts -> 'rows') AS held (line)
                                WHERE held.line @> said.line)
          ) AS joined
       ))
  FROM incidents_affectedaccount affected
 WHERE affected.id = imported.affected_id
   AND jsonb_typeof(imported.facts -> 'rows') = 'array' AND jsonb_typeof(affected.facts -> 'rows') = 'array'
   AND imported.facts -> 'rows' <> affected.facts -> 'rows'
"""

ONE_ADDRESS_EACH = "CREATE TEMPORARY VIEW imported_address AS SELECT * FROM imported WHERE normal <> ''"
# Of two rows with one address the role that is tried first counts, and one "not trusted" is enough.
SEVERAL_ADDRESSES = """
CREATE TEMPORARY TABLE imported_address ON COMMIT DROP AS
SELECT imported.account_id, row.account_key, row.kind, row.normal,
       min(row.line) AS line,
       (array_agg(row.lookup ORDER BY row.line))[1] AS lookup,
       (array_agg(row.address ORDER BY row.line))[1] AS value,
       (ARRAY['owner', 'administrator', 'security', 'billing'])[
           min(array_position(ARRAY['owner', 'administrator', 'security', 'billing'], row.role::text))
       ] AS role,
       bool_and(row.trusted) AS trusted
  FROM incidents_stagedrow row JOIN imported USING (account_key)
 WHERE row.batch_id = %(batch)s AND row.normal <> '' AND NOT %(rules_out)s
 GROUP BY imported.account_id, row.account_key, row.kind, row.normal
"""

CHANGES = """
UPDATE imported SET changes = true
 WHERE affected_id IS NOT NULL AND account_key IN (
    SELECT account_key
      FROM imported
      JOIN accounts_account account ON account.id = imported.account_id
      JOIN incidents_affectedaccount affected ON affected.id = imported.affected_id
     WHERE (imported.name <> '' AND imported.name <> account.name)
        OR (imported.locale <> '' AND (imported.locale <> account.locale OR account.locale_from <> ''))
        OR (imported.jurisdiction <> ''
            AND (imported.jurisdiction <> account.jurisdiction OR account.jurisdiction_from <> ''))
        OR (imported.certainty <> '' AND imported.certainty <> affected.certainty)
        OR affected.facts || imported.facts <> affected.facts
    UNION
    SELECT account_key
      FROM imported
     CROSS JOIN jsonb_array_elements_text(imported.segments) AS said(key)
      JOIN incidents_segment segment ON segment.incident_id = %(incident)s AND segment.key = said.key
      LEFT JOIN incidents_affectedaccount_segments held
             ON held.affectedaccount_id = imported.affected_id AND held.segment_id = segment.id
     WHERE imported.segments <> '[]' AND held.id IS NULL
    UNION
    SELECT said.account_key
      FROM imported_address said
      LEFT JOIN accounts_address held
             ON held.account_id = said.account_id AND held.kind = said.kind AND held.normal = said.normal
     WHERE held.id IS NULL OR said.role <> held.role OR (held.trusted AND NOT said.trusted)
 )
"""


def resolve(batch: ImportBatch, *, take_numbers: bool = False) -> None:
    """Fill the tables. Call it inside a transaction: they vanish with it.

    take_numbers: for accounts that will be made.
    """
    given = {
        "batch": batch.pk, "incident": batch.incident_id, "rules_out": batch.mode == ImportBatch.Mode.RULE_OUT
    }  # fmt: skip
    expect_many_rows()
    with connection.cursor() as cursor:
        for step in _steps(batch, take_numbers=take_numbers):
            cursor.execute(step, given)


def _steps(batch: ImportBatch, *, take_numbers: bool) -> Iterator[str]:
    """Staged rows are too new to have statistics, and nobody else analyses a temporary table: without them joins are
    planned for a handful of rows and take for ever with a million.
    """
    one_row_each = batch.rows.count() == batch.counts["accounts"]
    heads = ONE_ROW_EACH if one_row_each else "imported_head"
    yield from FORGET
    if not one_row_each:
        yield from (SEVERAL_ROWS, "ANALYZE imported_head (account_key, external_id, lookup)")
    yield from (PEOPLE.format(heads=heads), "ANALYZE person")
    yield ACCOUNTS.format(heads=heads, number=NUMBER if take_numbers else "")
    if batch.mode == ImportBatch.Mode.RULE_OUT:
        yield from ONLY_RULED_OUT
    yield "ANALYZE imported (account_key, account_id, affected_id)"
    if batch.mode == ImportBatch.Mode.ADD and any(meaning.startswith(ROW) for meaning in batch.columns.values()):
        yield TABLES_GROW
    if one_row_each:
        yield ONE_ADDRESS_EACH
    else:
        yield from (SEVERAL_ADDRESSES, "ANALYZE imported_address (account_key, account_id, normal, lookup)")
    yield CHANGES
