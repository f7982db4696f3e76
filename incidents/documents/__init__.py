"""From rows to frozen content to documents. Nothing here writes a row or a file."""

from incidents.documents.freezing import content_hash, freeze, freeze_organisation, said
from incidents.documents.page import Edition, path
from incidents.documents.rendering import render
from incidents.documents.shown import Shown
from incidents.documents.site import render_site
from incidents.documents.telling import Telling, not_notified_words

__all__ = [
    "Edition", "Shown", "Telling", "content_hash", "freeze", "freeze_organisation", "not_notified_words", "path",
    "render", "render_site", "said",
]  # fmt: skip
