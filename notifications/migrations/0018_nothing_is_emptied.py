"""Triggers of rows do not see TRUNCATE: whatever refuses DELETE refuses it, too.

Later tables bring their own trigger; tests/accounts/test_append_only.py finds one that is forgotten.
"""

from django.db import migrations

GUARD = """
DO $$ DECLARE kept regclass; BEGIN
  FOR kept IN
    SELECT DISTINCT t.tgrelid::regclass FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE p.proname = 'candor_refuse' AND t.tgtype & 8 <> 0 AND NOT EXISTS (
      SELECT FROM pg_trigger other WHERE other.tgrelid = t.tgrelid AND other.tgtype & 32 <> 0)
  LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION candor_refuse()',
                   kept::text || '_no_truncate', kept);
  END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_signed_heads"),
        ("incidents", "0018_minor_edits"),
        ("notifications", "0017_sent_again"),
    ]

    operations = [migrations.RunSQL(GUARD, migrations.RunSQL.noop)]
