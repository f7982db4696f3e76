"""Storing and settling delivery events is a function of the database: planned once a session, one round trip a call.

Which event wins over which is told by the caller: notifications/tracking/table.py.
"""

from django.db import migrations

# A statement of its own: it sees what others stored while we waited for the lock. Everything follows from the set of
# events, also the words and the moment of a complaint. A prepared recipient stays so: nothing has been sent to it.
SETTLE = """
CREATE FUNCTION candor_settle_events(recipients bigint[], types text[], states text[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
WITH said AS MATERIALIZED (
  SELECT DISTINCT ON (e.recipient_id) e.recipient_id, wins.state, COALESCE(NULLIF(e.words, ''), e.reason) AS why,
    min(e.at) FILTER (WHERE e.type = 'complained') OVER (PARTITION BY e.recipient_id) AS complained_at
  FROM notifications_deliveryevent e
  JOIN unnest(types, states) WITH ORDINALITY AS wins (type, state, rank) ON wins.type = e.type
  WHERE e.recipient_id = ANY(recipients)
  ORDER BY e.recipient_id, wins.rank, e.words = '' AND e.reason = '', e.at, e.provider, e.key
), moved AS MATERIALIZED (
  SELECT r.id, said.state, COALESCE(said.complained_at, r.complained_at) AS complained_at, left(CASE
    WHEN said.state NOT IN ('bounced', 'failed') THEN CASE WHEN r.state = said.state THEN r.reason ELSE '' END
    WHEN said.why <> '' THEN said.why
    WHEN r.state = said.state AND r.reason <> '' THEN r.reason
    ELSE 'The provider gave no reason' END, 300) AS reason
  FROM notifications_recipient r JOIN said ON said.recipient_id = r.id
  WHERE r.id = ANY(recipients) AND r.state <> 'prepared'
), gone AS (
  DELETE FROM notifications_outbox o WHERE o.state = 'ready' AND o.recipient_id = ANY(ARRAY(SELECT id FROM moved))
)
UPDATE notifications_recipient r SET state = moved.state, reason = moved.reason, complained_at = moved.complained_at,
  state_at = CASE WHEN r.state = moved.state THEN r.state_at ELSE clock_timestamp() END
FROM moved WHERE r.id = moved.id
  AND (r.state, r.reason, r.complained_at) IS DISTINCT FROM (moved.state, moved.reason, moved.complained_at);
END $$;
"""

# The recipient an event is about: by the opaque id we gave along, else by Message-ID or the provider's own id, which
# stands in angle brackets in some providers' events and answers.
#
# Locks in the order outbox, recipient, each by id, as everywhere; and before the insert, whose foreign key would hold
# a weaker lock on the recipient that two calls could then both want to make stronger.
KEEP = """
CREATE FUNCTION candor_keep_events(providers text[], keys text[], types text[], ats timestamptz[], message_ids text[],
  opaques text[], reasons text[], words text[], winning_types text[], winning_states text[],
  OUT new bigint, OUT strangers text[])
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  about bigint[];
  found bigint[];
BEGIN
  SELECT array_agg(COALESCE(
    (SELECT r.id FROM notifications_recipient r WHERE r.message_id = g.opaque AND g.opaque <> ''),
    (SELECT r.id FROM notifications_recipient r WHERE r.message_id = btrim(g.message_id, '<>')),
    (SELECT a.recipient_id FROM notifications_attempt a WHERE a.provider_id <> '' AND a.provider_id IN
       (btrim(g.message_id, '<>'), '<' || btrim(g.message_id, '<>') || '>') ORDER BY a.id LIMIT 1)
  ) ORDER BY g.n) INTO about FROM unnest(message_ids, opaques) WITH ORDINALITY AS g (message_id, opaque, n);

  PERFORM 1 FROM notifications_outbox o WHERE o.recipient_id = ANY(about) AND o.state = 'ready'
    ORDER BY o.recipient_id FOR UPDATE;
  PERFORM 1 FROM notifications_recipient r WHERE r.id = ANY(about) ORDER BY r.id FOR NO KEY UPDATE;

  WITH kept AS (
    INSERT INTO notifications_deliveryevent (provider, key, type, at, message_id, reason, words, recipient_id)
    SELECT DISTINCT ON (v.provider, v.key) v.provider, v.key, v.type, v.at, v.message_id, v.reason, v.words, v.about
    FROM unnest(providers, keys, types, ats, message_ids, reasons, words, about)
      AS v (provider, key, type, at, message_id, reason, words, about)
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
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0013_pulse_knows_its_database")]

    operations = [
        migrations.RunSQL(SETTLE, "DROP FUNCTION candor_settle_events"),
        migrations.RunSQL(KEEP, "DROP FUNCTION candor_keep_events"),
    ]
