"""What stands where documents were: that words were removed, when, and nothing of what they were."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import translation

from accounts.languages import spoken
from incidents.documents import assets, words
from incidents.documents.page import frame, path, to_bytes
from incidents.models import PageVersion

TEMPLATE = "incidents/public/removed.html"


def in_place_of(content: dict, versions: Iterable[PageVersion], at: datetime) -> dict[str, bytes]:
    """Path → bytes for each document of these versions; whatever is rendered anew replaces it once more."""
    slug, made, language = content["slug"], {}, spoken(content["language"])
    with translation.override(language):
        when = words.instant(at)
    for version in versions:
        context = {
            **frame(content["organisation"], assets.published(), language), "title": content["title"],
            "url": f"/{path(slug)}", "number": version.number, "at": when, "hash": version.hash,
        }  # fmt: skip
        page = to_bytes(TEMPLATE, context)
        for name in version.documents.values_list("path", flat=True):
            made[name] = page if name.endswith(".html") else _empty(name)
    return made


def _empty(name: str) -> bytes:
    return b"{}\n" if name.endswith(".json") else b"\n"
