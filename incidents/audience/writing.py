"""What a resolved batch writes: set by set, whatever the number of rows."""

from django.db import connection

from incidents.models import ImportBatch

# `imported` carries the numbers of accounts still to be made, so that a person without an id of ours is found again by
# the statements after the first.
STATEMENTS = (
    """
    INSERT INTO accounts_account (id, external_id, kind, name, locale, jurisdiction, created_at)
    SELECT account_id, nullif(external_id, ''), CASE external_id WHEN '' THEN 'person' ELSE 'customer' END,
           name, locale, jurisdiction, %(written_at)s
      FROM imported WHERE made ORDER BY account_id
    """,
    """
    UPDATE accounts_account account
       SET name = coalesce(nullif(imported.name, ''), account.name),
           locale = coalesce(nullif(imported.locale, ''), account.locale),
           locale_from = CASE imported.locale WHEN '' THEN account.locale_from ELSE '' END,
           jurisdiction = coalesce(nullif(imported.jurisdiction, ''), account.jurisdiction),
           jurisdiction_from = CASE imported.jurisdiction WHEN '' THEN account.jurisdiction_from ELSE '' END
      FROM imported
     WHERE account.id = imported.account_id AND NOT imported.made
       AND ((imported.name <> '' AND imported.name <> account.name)
         OR (imported.locale <> '' AND (imported.locale <> account.locale OR account.locale_from <> ''))
         OR (imported.jurisdiction <> ''
             AND (imported.jurisdiction <> account.jurisdiction OR account.jurisdiction_from <> '')))
    """,
    # A file may take trust from an address, never give it back: somebody had a reason.
    """
    INSERT INTO accounts_address AS held (account_id, kind, role, value, normal, lookup, trusted, created_at)
    SELECT said.account_id, said.kind, coalesce(said.role, known.role, 'owner'), said.value, said.normal, said.lookup,
           said.trusted, %(written_at)s
      FROM imported_address said
      LEFT JOIN accounts_address known
             ON known.account_id = said.account_id AND known.kind = said.kind AND known.normal = said.normal
     WHERE known.id IS NULL OR said.role <> known.role OR (known.trusted AND NOT said.trusted)
     ORDER BY said.line, said.kind
        ON CONFLICT (account_id, kind, normal) DO UPDATE
           SET role = excluded.role, trusted = held.trusted AND excluded.trusted
    """,
    """
    INSERT INTO incidents_affectedaccount AS held (incident_id, account_id, certainty, facts, batch_id)
    SELECT %(incident)s, account_id, coalesce(nullif(certainty, ''), 'confirmed'), facts, %(batch)s
      FROM imported WHERE affected_id IS NULL
     ORDER BY line
        ON CONFLICT (incident_id, account_id) DO NOTHING
    """,
    """
    UPDATE incidents_affectedaccount affected
       SET certainty = coalesce(nullif(imported.certainty, ''), affected.certainty),
           facts = affected.facts || imported.facts,
           changed_in_id = %(batch)s
      FROM imported
     WHERE affected.id = imported.affected_id AND imported.changes
    """,
    """
    INSERT INTO incidents_affectedaccount_segments (affectedaccount_id, segment_id)
    SELECT DISTINCT affected.id, segment.id
      FROM imported
     CROSS JOIN jsonb_array_elements_text(imported.segments) AS said(key)
      JOIN incidents_segment segment ON segment.incident_id = %(incident)s AND segment.key = said.key
      JOIN incidents_affectedaccount affected
        ON affected.incident_id = %(incident)s AND affected.account_id = imported.account_id
     WHERE imported.segments <> '[]'
        ON CONFLICT (affectedaccount_id, segment_id) DO NOTHING
    """,
)


def write(batch: ImportBatch) -> None:
    """Over the tables that `resolve` has filled in this transaction."""
    with connection.cursor() as cursor:
        # One moment for all that is made, whenever its statement runs: by it an undo finds them.
        cursor.execute("SELECT clock_timestamp()")
        batch.written_at = cursor.fetchone()[0]
        given = {"incident": batch.incident_id, "batch": batch.pk, "written_at": batch.written_at}
        for statement in STATEMENTS:
            cursor.execute(statement, given)
    batch.save(update_fields=["written_at"])
