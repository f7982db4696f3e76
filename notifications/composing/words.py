"""What a notice may say by itself: the variables there are, and the words a first draft begins with."""

from functools import cache

from django.conf import settings

from incidents import templates
from incidents.models import Incident
from notifications.composing import languages

INLINE = {
    "account": "The account it concerns, by its id, or its masked address where it has no id",
    "name": "The account's name",
    "link": "The personal link: opens their own notice",
    "code": "The reference code, by which they can check that the message is ours",
    "organisation": "Our name",
    "domain": "What people type to reach us",
    "page": "The address of the public page",
    "security_email": "Where they can write to us",
}

BLOCKS = {
    "exposed": "A list: what of theirs was exposed, or may have been, by their segments",
    "not_exposed": "A list: what of theirs was not",
    "segment_guidance": "What we say to their segments in particular",
    "steps": "Their steps, the most urgent first",
    "measures": "What we did and promised",
    "contacts": "Whom to ask",
}

MENDED_IN = {
    "exposed": "exposures", "not_exposed": "exposures", "segment_guidance": "segments", "steps": "steps",
    "measures": "measures", "contacts": "contacts",
}  # fmt: skip
"""The section of the guidance where an empty list is filled."""

ASKS = templates.BLANK
"""How each first draft asks its writer, in whatever language it is. A reader in a hurry takes it for text, so a body
that still asks cannot be sent."""

VARIABLES = INLINE | BLOCKS
"""Name and meaning. Beside these stands each personal fact, by the name of its column in the imported file."""


SUBJECTS = {
    "en": "Security notice about your {{ organisation }} account, reference {{ code }}",
    "de": "Sicherheitshinweis zu Ihrem Konto bei {{ organisation }}, Code {{ code }}",
    "fr": "Avis de sécurité sur votre compte {{ organisation }}, code {{ code }}",
    "es": "Aviso de seguridad sobre su cuenta de {{ organisation }}, código {{ code }}",
    "ar": "إشعار أمني بشأن حسابك لدى {{ organisation }}، الرمز {{ code }}",
}


def starter(incident: Incident, language: str = "") -> tuple[str, str]:
    """Subject and body a first draft begins with: the five headings, in words that hold for most incidents.

    What happened is the sentence of the public page. Where there is none yet, or it is in another language, the
    writer is asked for it, and the message cannot be composed before it is there.
    language: the incident's own where none is given; English where there is no draft in it.
    """
    language = language or incident.language
    body = _first_body(languages.spoken(language))
    if incident.summary and languages.spoken(incident.language) == languages.spoken(language):
        body = "\n".join(incident.summary if line.startswith(ASKS) else line for line in body.split("\n"))
    return SUBJECTS[languages.spoken(language)], body


@cache
def _first_body(language: str) -> str:
    name = "first.md" if language == "en" else f"first.{language}.md"
    return (settings.ROOT / "templates/notifications/messages" / name).read_text()


# Fixed words inside the lists, by language -----------------------------------------------------------------------

Said = dict[str, str]

MOMENTS = {"en": "j F Y", "de": "j. F Y", "fr": "j F Y", "es": r"j \d\e F \d\e Y", "ar": "j F Y"}

FIXED: dict[str, Said] = {
    "en": {
        "language": "en", "possibly": "{} (possibly)", "cut_off": "This concerns what was made before {}.",
        "due": "Please do it by {}.", "if_not": "If you do not: {}", "promised": "{} (promised)",
        "promised_for": "{} (promised for {})",
    },
    "de": {
        "language": "de", "possibly": "{} (möglicherweise)", "cut_off": "Das betrifft, was vor dem {} angelegt wurde.",
        "due": "Bitte erledigen Sie das bis {}.", "if_not": "Falls nicht: {}", "promised": "{} (zugesagt)",
        "promised_for": "{} (zugesagt bis {})", "role security": "Sicherheit", "role support": "Kundendienst",
        "role media": "Presse", "role privacy": "Datenschutz",
    },
    "fr": {
        "language": "fr", "possibly": "{} (peut-être)", "cut_off": "Cela concerne ce qui a été créé avant le {}.",
        "due": "Merci de le faire avant le {}.", "if_not": "Sinon : {}", "promised": "{} (promis)",
        "promised_for": "{} (promis pour le {})", "role security": "Sécurité", "role support": "Assistance",
        "role media": "Presse", "role privacy": "Protection des données",
    },
    "es": {
        "language": "es", "possibly": "{} (posiblemente)", "cut_off": "Se refiere a lo creado antes del {}.",
        "due": "Hágalo antes del {}.", "if_not": "Si no lo hace: {}", "promised": "{} (prometido)",
        "promised_for": "{} (prometido para el {})", "role security": "Seguridad",
        "role support": "Atención al cliente", "role media": "Prensa", "role privacy": "Protección de datos",
    },
    "ar": {
        "language": "ar", "possibly": "{} (ربما)", "cut_off": "يتعلق هذا بما أُنشئ قبل {}.",
        "due": "نرجو إتمام ذلك قبل {}.", "if_not": "إن لم تفعل: {}", "promised": "{} (وعدنا به)",
        "promised_for": "{} (وعدنا به بحلول {})", "role security": "الأمن", "role support": "الدعم",
        "role media": "الإعلام", "role privacy": "حماية البيانات",
    },
}  # fmt: skip
