"""Writing one message: a Notice version and the frozen facts of one affected account become subject, text and HTML.

`guidance` freezes what the incident says, `template` turns a version's Markdown into pieces with gaps, `message`
fills the gaps. Values are data: they never pass through Markdown or a template engine.
"""

from notifications.composing.batch import CannotShare, Personal, Shared, personal
from notifications.composing.errors import CannotCompose
from notifications.composing.guidance import freeze_guidance, merge_facts
from notifications.composing.marked import Shown, shown
from notifications.composing.message import Message, compose, hash_of, to_email
from notifications.composing.template import Reader, check_body, check_subject, reader_of
from notifications.composing.variables import variables_in, with_samples
from notifications.composing.words import MENDED_IN, VARIABLES, starter

__all__ = [
    "MENDED_IN", "VARIABLES", "CannotCompose", "CannotShare", "Message", "Personal", "Reader", "Shared", "Shown",
    "check_body", "check_subject", "compose", "freeze_guidance", "hash_of", "merge_facts", "personal", "reader_of",
    "shown", "starter", "to_email", "variables_in", "with_samples",
]  # fmt: skip
