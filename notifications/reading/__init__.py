"""What an affected person does: opens the notice, reads it, ticks steps, says they have read it, checks a code."""

from notifications.reading.acts import acknowledge, enter, open_notice, pass_for, tick
from notifications.reading.notice import PersonalNotice, full_page, personal_notice
from notifications.reading.sent import Genuine, genuine, handed_over

__all__ = [
    "Genuine", "PersonalNotice", "acknowledge", "enter", "full_page", "genuine", "handed_over", "open_notice",
    "pass_for", "personal_notice", "tick",
]  # fmt: skip
