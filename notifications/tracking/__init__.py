"""What providers say later: stored once, in whatever order it comes; the state follows from the set of it.

Events arrive twice, late, out of order, before our own commit, or for messages we do not know. `table` says which of
them wins, `hearing` reads what Anymail's signal brings, `keeping` stores and settles, `webhooks` guards the doors.
"""

from notifications.tracking.hearing import record
from notifications.tracking.keeping import Heard, give_up_waiting, keep, match_orphans, settle
from notifications.tracking.table import BY_EVENTS, TYPES, derive

__all__ = ["BY_EVENTS", "TYPES", "Heard", "derive", "give_up_waiting", "keep", "match_orphans", "record", "settle"]
