"""From a Notice to messages on their way: write and freeze the text, prepare the recipients, ask, start, stop."""

from notifications.mailings.ahead import ahead_of_the_page
from notifications.mailings.going import propose_a_few_first, say_how
from notifications.mailings.owing import unreachable
from notifications.mailings.preparing import prepare, problem_count, recipients_hash
from notifications.mailings.running import ask, cancel, messages, pause, progress, resume, start
from notifications.mailings.said_no import Changed, NotNow, NotSent
from notifications.mailings.texts import (
    create,
    draft,
    drop_language,
    edit,
    edit_in,
    facts_known,
    first_reachable,
    freeze,
    preview,
    recipient_for,
    sample,
    sample_recipient,
    subject_with_samples,
    test_send,
)
from notifications.mailings.variants import Variant, Variants, variants
from notifications.mailings.watching import end_the_wait, schedule, unschedule, waits_for_the_first, watch
from notifications.mailings.whom import To

__all__ = [
    "Changed", "NotNow", "NotSent", "To", "Variant", "Variants", "ahead_of_the_page", "ask", "cancel", "create",
    "draft", "drop_language", "edit", "edit_in", "end_the_wait", "facts_known", "first_reachable", "freeze",
    "messages", "pause", "prepare", "preview", "problem_count", "progress", "propose_a_few_first", "recipient_for",
    "recipients_hash", "resume", "sample", "sample_recipient", "say_how", "schedule", "start", "subject_with_samples",
    "test_send", "unreachable", "unschedule", "variants", "waits_for_the_first", "watch",
]  # fmt: skip
