"""Webhooks: other systems of the house hear what happened here, signed, and never who was affected."""

from notifications.hooks.gathering import gather
from notifications.hooks.reaching import Unfit, check
from notifications.hooks.sending import forget, work
from notifications.hooks.setting_up import NotOpen, ask, end, resume, secret, switch_on, test

__all__ = [
    "NotOpen", "Unfit", "ask", "check", "end", "forget", "gather", "resume", "secret", "switch_on", "test", "work",
]  # fmt: skip
