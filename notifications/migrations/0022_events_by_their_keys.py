"""Events come as one JSON text, and the plans kept for a session go by keys.

A session that planned while no event was stored yet read the whole table of events at each call, for as long as it
lived.
"""

from importlib import import_module

from django.db import migrations

before = import_module("notifications.migrations.0014_events_are_kept_at_the_database")

BY_KEYS = """
ALTER FUNCTION candor_settle_events(bigint[], text[], text[]) SET enable_seqscan = off;
ALTER FUNCTION candor_settle_events(bigint[], text[], text[]) SET plan_cache_mode = force_generic_plan;
"""

# The recipient an event is about: by the opaque id we gave along, else by Message-ID or the provider's own id, which
# stands in angle brackets in some providers' events and answers.
#
# Locks in the order outbox, recipient, each by id, as everywhere; and before the insert, whose foreign key would hold
# a weaker lock on the recipient that two calls could then both want to make stronger.
KEEP = """
CREATE FUNCTION candor_keep_events(events json, winning_types text[], winning_states text[],
  OUT new bigint, OUT strangers text[])
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  about bigint[];
  found bigint[];
BEGIN
  SELECT array_agg(COALESCE(
    (SELECT r.id FROM notifications_recipient r WHERE r.message_id = g.opaque AND g.opaque <> ''),
    (SELECT r.id FROM notifications_recipient r WHERE r.message_id = btrim(g.message_id, '<>')),
    (SELECT a.recipient_id FROM notifications_attempt a WHERE a.provider_id <> '' AND a.provider_id IN
       (btrim(g.message_id, '<>'), '<' || btrim(g.message_id, '<>') || '>') ORDER BY a.id LIMIT 1)
  ) ORDER BY g.n) INTO about
  FROM ROWS FROM (json_to_recordset(events) AS (message_id text, opaque text)) WITH ORDINALITY
    AS g (message_id, opaque, n);

  PERFORM 1 FROM notifications_outbox o WHERE o.recipient_id = ANY(about) AND o.state = 'ready'
    ORDER BY o.recipient_id FOR UPDATE;
  PERFORM 1 FROM notifications_recipient r WHERE r.id = ANY(about) ORDER BY r.id FOR NO KEY UPDATE;

  WITH kept AS (
    INSERT INTO notifications_deliveryevent (provider, key, type, at, message_id, reason, words, recipient_id)
    SELECT DISTINCT ON (v.provider, v.key) v.provider, v.key, v.type, v.at, v.message_id, v.reason, v.words,
      about[v.n]
    FROM ROWS FROM (json_to_recordset(events) AS (provider text, key text, type text, at timestamptz,
      message_id text, reason text, words text)) WITH ORDINALITY
      AS v (provider, key, type, at, message_id, reason, words, n)
    ORDER BY v.provider, v.key
    ON CONFLICT (provider, key) DO NOTHING RETURNING recipient_id, provider
  )
  SELECT count(*), array_agg(DISTINCT kept.recipient_id) FILTER (WHERE kept.recipient_id IS NOT NULL),
    array_agg(DISTINCT kept.provider) FILTER (WHERE kept.recipient_id IS NULL)
  INTO new, found, strangers FROM kept;

  IF found IS NOT NULL THEN
    PERFORM candor_settle_events(found, winning_types, winning_states);
  END IF;
END $$;
DROP FUNCTION candor_keep_events(text[], text[], text[], timestamptz[], text[], text[], text[], text[], text[], text[]);
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0021_evidence_made_by_workers")]

    operations = [
        migrations.RunSQL(BY_KEYS, "ALTER FUNCTION candor_settle_events(bigint[], text[], text[]) RESET ALL"),
        migrations.RunSQL(KEEP, before.KEEP + "DROP FUNCTION candor_keep_events(json, text[], text[]);"),
    ]
