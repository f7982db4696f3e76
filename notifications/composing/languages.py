"""In which language somebody is written to, and the fixed words there are in it."""

from collections.abc import Iterable
from contextlib import suppress

from django.utils.translation import get_language_info

NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "ar": "Arabic"}
"""Languages with fixed words and a first draft of their own. A notice may be in any other, too."""


def best(locale: str, there_are: Iterable[str], default: str) -> str:
    """de-AT → de → the default. A locale that was inferred counts as one that was said."""
    by_tag = {language.lower(): language for language in there_are}
    tag = locale.replace("_", "-").lower()
    while tag:
        if tag in by_tag:
            return by_tag[tag]
        tag = tag.rpartition("-")[0]
    return default


def spoken(language: str) -> str:
    """The language in which fixed words are said inside a text of this one: that one, or English."""
    base = language.partition("-")[0].lower()
    return base if base in NAMES else "en"


def name_of(language: str) -> str:
    """In words for staff: "German", "Portuguese (pt-BR)"; the tag itself where it is not known."""
    base, _, region = language.partition("-")
    known = NAMES.get(base.lower(), "")
    if not known:
        with suppress(KeyError):
            known = str(get_language_info(base.lower())["name"])
    if not known:
        return language
    return f"{known} ({language})" if region else known


def direction(language: str) -> str:
    try:
        return "rtl" if get_language_info(language.lower())["bidi"] else "ltr"
    except KeyError:
        return "ltr"
