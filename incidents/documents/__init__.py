"""From rows to frozen content to documents. Nothing here writes a row or a file."""

from incidents.documents.freezing import content_hash, freeze, freeze_organisation, said, translations_of
from incidents.documents.page import Edition, path, preview_in
from incidents.documents.rendering import render
from incidents.documents.shown import Shown
from incidents.documents.site import render_site
from incidents.documents.telling import Telling, not_notified_words
from incidents.documents.translated import Translations, original

__all__ = [
    "Edition", "Shown", "Telling", "Translations", "content_hash", "freeze", "freeze_organisation",
    "not_notified_words", "original", "path", "preview_in", "render", "render_site", "said", "translations_of",
]  # fmt: skip
