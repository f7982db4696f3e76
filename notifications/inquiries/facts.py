"""What stands in the gaps of an answer: as of when, what the page says, what we promise. No address."""

from datetime import UTC, datetime

from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format

from incidents.documents.telling import Telling, not_notified_words
from incidents.models import Decision, Incident
from incidents.publishing.versions import last_said
from notifications.composing import languages
from notifications.composing.words import MOMENTS
from notifications.inquiries import words
from notifications.models import Inquiry, InquiryAnswer

VARIABLES = {
    "as_of": "The moment at which we looked at the list",
    "meaning": "What the page says about not having heard from us, as of now",
    "promise": "Whether we write once more: by what they ticked, until the scope is final",
}


def of(inquiry: Inquiry, answer: InquiryAnswer, *, at: datetime) -> dict:
    """Merge data of one answer, frozen with it."""
    language = languages.best(inquiry.language, answer.version.languages, answer.version.language)
    spoken = languages.spoken(language)
    return {
        "language": language,
        "facts": {
            "as_of": moment(at, spoken), "meaning": meaning(inquiry.incident, spoken, at=at),
            "promise": words.PROMISES[spoken][_promise(inquiry, at)],
        },
    }  # fmt: skip


def moment(at: datetime, language: str) -> str:
    utc = at.astimezone(UTC)
    with translation.override(language):
        return f"{date_format(utc, MOMENTS[language])}, {utc:%H:%M} UTC"


def meaning(incident: Incident, language: str, *, at: datetime) -> str:
    """The sentence of the page as it was published last, never a draft's."""
    version = last_said(incident)
    content = version.content if version else {"not_notified": "not_yet_known", "not_contacted_words": ""}
    telling = Telling.of(incident.telling)
    with translation.override(language):
        return str(not_notified_words(
            meaning=content["not_notified"], state=telling.state, as_of=telling.moment(at),
            words=content["not_contacted_words"],
        ))  # fmt: skip


def keeps_until(inquiry: Inquiry, at: datetime) -> datetime | None:
    """How long the address is kept to write once more; None where they did not ask for it, or nothing can change."""
    if not inquiry.wants_news or is_final(inquiry.incident):
        return None
    return at + settings.INQUIRY_NEWS_FOR


def is_final(incident: Incident) -> bool:
    return incident.decisions.standing().filter(kind=Decision.Kind.SCOPE_FINAL).exists()


def _promise(inquiry: Inquiry, at: datetime) -> str:
    if is_final(inquiry.incident):
        return "final"
    return "news" if keeps_until(inquiry, at) else "no_news"
