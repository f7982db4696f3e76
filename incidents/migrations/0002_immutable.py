"""What was published or decided stays as it was."""

from django.db import migrations

UPDATES = """
CREATE FUNCTION candor_published_update_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.published_at IS NOT NULL THEN
    RAISE EXCEPTION 'a published update is never edited: write a correction' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER incidents_update_immutable BEFORE UPDATE OR DELETE ON incidents_update
  FOR EACH ROW EXECUTE FUNCTION candor_published_update_stays();
"""

# Of a page version only the two marks of the outbox move; of a document only the bytes may go (redaction).
PAGE_VERSIONS = """
CREATE FUNCTION candor_page_version_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (to_jsonb(NEW) - 'written_at' - 'announced_at') IS DISTINCT FROM (to_jsonb(OLD) - 'written_at' - 'announced_at') THEN
    RAISE EXCEPTION 'a page version never changes' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incidents_pageversion_immutable BEFORE UPDATE ON incidents_pageversion
  FOR EACH ROW EXECUTE FUNCTION candor_page_version_stays();
CREATE TRIGGER incidents_pageversion_kept BEFORE DELETE ON incidents_pageversion
  FOR EACH ROW EXECUTE FUNCTION candor_refuse();

CREATE FUNCTION candor_page_document_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.body IS NOT NULL OR (to_jsonb(NEW) - 'body') IS DISTINCT FROM (to_jsonb(OLD) - 'body') THEN
    RAISE EXCEPTION 'a page document never changes; its bytes may only be redacted' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incidents_pagedocument_immutable BEFORE UPDATE ON incidents_pagedocument
  FOR EACH ROW EXECUTE FUNCTION candor_page_document_stays();
CREATE TRIGGER incidents_pagedocument_kept BEFORE DELETE ON incidents_pagedocument
  FOR EACH ROW EXECUTE FUNCTION candor_refuse();
"""

DECISIONS = """
CREATE TRIGGER incidents_decision_append_only BEFORE UPDATE OR DELETE ON incidents_decision
  FOR EACH ROW EXECUTE FUNCTION candor_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_first"), ("accounts", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            UPDATES,
            "DROP TRIGGER incidents_update_immutable ON incidents_update; DROP FUNCTION candor_published_update_stays()",
        ),
        migrations.RunSQL(
            PAGE_VERSIONS,
            """DROP TRIGGER incidents_pageversion_immutable ON incidents_pageversion;
            DROP TRIGGER incidents_pageversion_kept ON incidents_pageversion;
            DROP TRIGGER incidents_pagedocument_immutable ON incidents_pagedocument;
            DROP TRIGGER incidents_pagedocument_kept ON incidents_pagedocument;
            DROP FUNCTION candor_page_version_stays(); DROP FUNCTION candor_page_document_stays()""",
        ),
        migrations.RunSQL(DECISIONS, "DROP TRIGGER incidents_decision_append_only ON incidents_decision"),
    ]
