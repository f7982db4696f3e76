"""What an affected person does: opens the notice, reads it, ticks steps, says they have read it, checks a code."""

from notifications.reading.acts import acknowledge, open_notice, tick
from notifications.reading.notice import PersonalNotice, full_page, personal_notice
from notifications.reading.passes import (
    PASS_LIFETIME,
    Opened,
    enter,
    pass_for,
    pass_of_handed_over,
    pass_of_signed_in,
)
from notifications.reading.sent import Genuine, genuine, handed_over

__all__ = [
    "PASS_LIFETIME", "Genuine", "Opened", "PersonalNotice", "acknowledge", "enter", "full_page", "genuine",
    "handed_over", "open_notice", "pass_for", "pass_of_handed_over", "pass_of_signed_in", "personal_notice", "tick",
]  # fmt: skip
