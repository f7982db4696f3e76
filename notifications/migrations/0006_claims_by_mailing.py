"""The claim goes by mailing; the guard of attempts is a comparison of columns, not a function called for each row."""

from django.db import migrations, models

ATTEMPTS = """
DROP TRIGGER notifications_attempt_ends_once ON notifications_attempt;
CREATE TRIGGER notifications_attempt_ends_once BEFORE UPDATE ON notifications_attempt FOR EACH ROW
  WHEN (OLD.outcome <> '' OR NEW.id IS DISTINCT FROM OLD.id OR NEW.recipient_id IS DISTINCT FROM OLD.recipient_id
    OR NEW.number IS DISTINCT FROM OLD.number OR NEW.batch_id IS DISTINCT FROM OLD.batch_id
    OR NEW.claimed_at IS DISTINCT FROM OLD.claimed_at)
  EXECUTE FUNCTION candor_refuse();
DROP FUNCTION candor_attempt_ends_once();
"""

AS_BEFORE = """
DROP TRIGGER notifications_attempt_ends_once ON notifications_attempt;
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
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_pulse_and_complaints")]

    operations = [
        migrations.RemoveIndex(model_name="outbox", name="outbox_ready"),
        migrations.AddIndex(
            model_name="outbox",
            index=models.Index(
                condition=models.Q(("state", "ready")),
                fields=["mailing", "not_before", "recipient"],
                name="outbox_ready",
            ),
        ),
        migrations.RunSQL(ATTEMPTS, AS_BEFORE),
    ]
