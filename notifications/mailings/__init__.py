"""From a Notice to messages on their way: write and freeze the text, prepare the recipients, ask, start, stop."""

from notifications.mailings.ahead import ahead_of_the_page
from notifications.mailings.preparing import prepare, problem_count, recipients_hash, unreachable
from notifications.mailings.running import ask, cancel, pause, progress, resume, start
from notifications.mailings.said_no import Changed, NotNow, NotSent
from notifications.mailings.texts import (
    create,
    draft,
    edit,
    fact_names,
    first_reachable,
    freeze,
    preview,
    sample,
    subject_with_samples,
    test_send,
)

__all__ = [
    "Changed", "NotNow", "NotSent", "ahead_of_the_page", "ask", "cancel", "create", "draft", "edit", "fact_names",
    "first_reachable", "freeze", "pause", "prepare", "preview", "problem_count", "progress", "recipients_hash",
    "resume", "sample", "start", "subject_with_samples", "test_send", "unreachable",
]  # fmt: skip
