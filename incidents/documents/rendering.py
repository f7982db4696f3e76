"""All documents of one incident: its pages, and the same for machines."""

from django.utils import translation

from accounts.languages import ENGLISH
from incidents.documents import csaf, feeds, page
from incidents.documents.page import Edition
from incidents.documents.shown import Shown
from incidents.documents.telling import Telling


def render(content: dict, *, telling: Telling, version: Edition) -> dict[str, bytes]:
    """Path → bytes, from frozen content alone. A preview and a page for the told are pages and nothing else."""
    made = page.render(content, telling=telling, version=version)
    shown = Shown.of(content, version.said_at, telling)
    if version.preview or not shown.is_public:
        return made
    with translation.override(ENGLISH):  # what machines read does not depend on who pressed the button
        return {**made, **feeds.of_incident(shown), **csaf.of_incident(shown, version)}
