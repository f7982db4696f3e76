"""The audit chain and sign-offs are append-only: the database itself refuses, whoever asks.

Other apps' migrations use the function `candor_refuse()` for their own immutable tables.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION candor_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
"""


def append_only(table: str) -> str:
    """Row triggers do not see TRUNCATE: it needs one of its own."""
    return f"""
    CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION candor_refuse();
    CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION candor_refuse();
    """


def both_ways(*tables: str) -> list[migrations.RunSQL]:
    return [
        migrations.RunSQL(
            append_only(table),
            f"DROP TRIGGER {table}_append_only ON {table}; DROP TRIGGER {table}_no_truncate ON {table};",
        )
        for table in tables
    ]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_first")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION candor_refuse()"),
        *both_ways("accounts_auditentry", "accounts_signoff"),
    ]
