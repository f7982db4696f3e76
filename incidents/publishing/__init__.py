"""Saying something in public. A publication is a row first, then files, then one signal."""

from incidents.documents import Telling
from incidents.publishing.acts import (
    DrillStaysInside,
    NothingNew,
    NotReady,
    ask,
    is_minor,
    may_be_minor,
    only_translated,
    preview,
    preview_in,
    publish,
    shows,
    still_stands,
)
from incidents.publishing.look import render_again
from incidents.publishing.obstacles import problems
from incidents.publishing.outbox import NotWritable, finish, published
from incidents.publishing.planning import NotAPlan, cancel, last_stopped, open_plan, plan
from incidents.publishing.system import catch_up, record_telling, tick
from incidents.publishing.versions import latest, refresh_site

__all__ = [
    "DrillStaysInside", "NotAPlan", "NotReady", "NotWritable", "NothingNew", "Telling", "ask", "cancel", "catch_up",
    "finish", "is_minor", "last_stopped", "latest", "may_be_minor", "only_translated", "open_plan", "plan", "preview",
    "preview_in", "problems", "publish", "published", "record_telling", "refresh_site", "render_again", "shows",
    "still_stands", "tick",
]  # fmt: skip
