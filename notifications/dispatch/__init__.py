"""The window of sending.md: tokens, claim, write, mark, wire, record. PostgreSQL is the queue and the truth.

`windows` walks that way, `lane` two of them at a time; `reaping` heals what a crash left on it, `finishing` ends a
mailing that is through.

Every moment here is the database's. Locks are always taken in the order outbox, recipient, so that workers, the
reaper and webhooks cannot wait for each other in a ring.
"""

from notifications.dispatch.claiming import claim
from notifications.dispatch.finishing import finish_mailings
from notifications.dispatch.lane import is_work_ready, run_lane
from notifications.dispatch.marking import mark
from notifications.dispatch.reaping import reap
from notifications.dispatch.recording import record
from notifications.dispatch.windows import run_window
from notifications.dispatch.writing import write

__all__ = [
    "claim", "finish_mailings", "is_work_ready", "mark", "reap", "record", "run_lane", "run_window", "write",
]  # fmt: skip
