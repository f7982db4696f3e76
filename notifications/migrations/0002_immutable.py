"""The ledger of telling is evidence: versions and events stay, an attempt gets its outcome once."""

from django.db import migrations

VERSIONS = """
CREATE TRIGGER notifications_noticeversion_append_only BEFORE UPDATE OR DELETE ON notifications_noticeversion
  FOR EACH ROW EXECUTE FUNCTION candor_refuse();
"""

ATTEMPTS = """
CREATE FUNCTION candor_attempt_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.outcome <> '' OR (to_jsonb(NEW) - ARRAY['sha256', 'provider_id', 'outcome', 'smtp_code', 'reply', 'ended_at'])
      IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['sha256', 'provider_id', 'outcome', 'smtp_code', 'reply', 'ended_at']) THEN
    RAISE EXCEPTION 'the outcome of an attempt is written once' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER notifications_attempt_ends_once BEFORE UPDATE ON notifications_attempt
  FOR EACH ROW EXECUTE FUNCTION candor_attempt_ends_once();
CREATE TRIGGER notifications_attempt_kept BEFORE DELETE ON notifications_attempt
  FOR EACH ROW EXECUTE FUNCTION candor_refuse();
"""

# An event that came before its recipient was known may find it later, once.
EVENTS = """
CREATE FUNCTION candor_event_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.recipient_id IS NOT NULL OR (to_jsonb(NEW) - 'recipient_id') IS DISTINCT FROM (to_jsonb(OLD) - 'recipient_id') THEN
    RAISE EXCEPTION 'a delivery event never changes' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER notifications_deliveryevent_stays BEFORE UPDATE ON notifications_deliveryevent
  FOR EACH ROW EXECUTE FUNCTION candor_event_stays();
CREATE TRIGGER notifications_deliveryevent_kept BEFORE DELETE ON notifications_deliveryevent
  FOR EACH ROW EXECUTE FUNCTION candor_refuse();
"""

# The hot table is rewritten all the time: room on the page for HOT updates, and a vacuum that keeps up.
OUTBOX = """
ALTER TABLE notifications_outbox SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_first"), ("accounts", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            VERSIONS, "DROP TRIGGER notifications_noticeversion_append_only ON notifications_noticeversion"
        ),
        migrations.RunSQL(
            ATTEMPTS,
            """DROP TRIGGER notifications_attempt_ends_once ON notifications_attempt;
            DROP TRIGGER notifications_attempt_kept ON notifications_attempt; DROP FUNCTION candor_attempt_ends_once()""",
        ),
        migrations.RunSQL(
            EVENTS,
            """DROP TRIGGER notifications_deliveryevent_stays ON notifications_deliveryevent;
            DROP TRIGGER notifications_deliveryevent_kept ON notifications_deliveryevent; DROP FUNCTION candor_event_stays()""",
        ),
        migrations.RunSQL(
            OUTBOX,
            "ALTER TABLE notifications_outbox RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay)",
        ),
    ]
