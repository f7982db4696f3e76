"""A reminder is not for whoever has done the step since it was prepared: the frozen set may shrink, and never grows."""

from notifications.dispatch.statements import execute

# The rows that the next claims would take, each with its account's step. Locks in the order outbox, recipient, as
# everywhere; rows of other workers' claims are left to them.
DROP = """
WITH next AS MATERIALIZED (
  SELECT n.recipient_id, m.whom_step_id FROM notifications_mailing m CROSS JOIN LATERAL (
    SELECT o.recipient_id FROM notifications_outbox o
    WHERE o.mailing_id = m.id AND o.state = 'ready' AND o.not_before <= statement_timestamp()
    ORDER BY o.not_before, o.recipient_id LIMIT %(size)s FOR UPDATE SKIP LOCKED
  ) n WHERE m.state = 'running' AND m.whom = 'step'
), done AS MATERIALIZED (
  SELECT next.recipient_id FROM next JOIN LATERAL (
    SELECT affected_account_id FROM notifications_recipient WHERE id = next.recipient_id LIMIT 1
  ) r ON EXISTS (
    SELECT FROM incidents_stepstate s
    WHERE s.affected_account_id = r.affected_account_id AND s.step_id = next.whom_step_id AND s.state <> 'open'
  )
), gone AS (
  DELETE FROM notifications_outbox o WHERE o.recipient_id = ANY (ARRAY(SELECT recipient_id FROM done))
), cancelled AS (
  UPDATE notifications_recipient r SET state = 'cancelled', state_at = clock_timestamp(), reason = %(reason)s
  WHERE r.id = ANY (ARRAY(SELECT recipient_id FROM done)) AND r.state = 'queued'
)
SELECT count(*) FROM done
"""
REASON = "The step was done before their turn came"


def drop_who_have_done_it(size: int) -> int:
    """Of those whose turn is next, as many as a window takes; how many are not written to."""
    dropped = 0
    while found := execute(DROP, {"size": size, "reason": REASON})[0][0]:
        dropped += found
    return dropped
