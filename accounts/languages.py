"""The languages that our own words are in: those of settings.LANGUAGES."""

from django.conf import settings
from django.utils.translation import get_language_info

ENGLISH = "en"


def base(language: str) -> str:
    """Without the country: de of de-AT."""
    return language.replace("_", "-").partition("-")[0].lower()


def spoken(language: str) -> str:
    """The one of them in which words of ours stand beside a text of this language; English where it is none of them."""
    return base(language) if is_spoken(language) else ENGLISH


def is_spoken(language: str) -> bool:
    return base(language) in dict(settings.LANGUAGES)


def english_alone() -> list[str]:
    return [ENGLISH]


def direction(language: str) -> str:
    """For the attribute `dir`."""
    try:
        return "rtl" if get_language_info(language)["bidi"] else "ltr"
    except KeyError:
        return "ltr"


def own_name(language: str) -> str:
    """As those who read it call it: Deutsch."""
    name = get_language_info(language)["name_local"]
    return name[:1].upper() + name[1:]
