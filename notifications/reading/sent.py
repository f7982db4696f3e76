"""Messages that left the house: as they were sent, and whether a code is one of theirs."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.languages import direction
from incidents import documents
from incidents.documents import words
from incidents.models import AffectedAccount, Incident, PageVersion
from incidents.publishing.versions import last_said
from notifications import composing, links
from notifications.composing.variables import VARIABLE
from notifications.inquiries import checking
from notifications.models import Attempt, Recipient

LEFT_THE_HOUSE = (
    Recipient.State.ACCEPTED, Recipient.State.DELIVERED, Recipient.State.BOUNCED, Recipient.State.UNKNOWN,
    Recipient.State.UNCONFIRMED,
)  # fmt: skip


def handed_over() -> QuerySet[Recipient]:
    """Recipients whose message left the house, or may have, with `sent_at`, newest first.

    A message may be read before we have recorded its hand-over, so the durable mark of its window counts too.
    """
    may_have_left = Q(outcome__in=["", Attempt.Outcome.ACCEPTED, Attempt.Outcome.UNKNOWN])
    attempts = Attempt.objects.filter(may_have_left, recipient=OuterRef("pk"), batch__handed_over_at__isnull=False)
    first = attempts.order_by("number").values("batch__handed_over_at")[:1]
    return (
        Recipient.objects.filter(Q(state__in=LEFT_THE_HOUSE) | Exists(attempts), incident__drill=False)
        .annotate(sent_at=Coalesce(Subquery(first), "state_at"))
        .order_by("-sent_at", "-pk")
    )


CHANNELS = words.Words([
    (Recipient.Channel.EMAIL, _("Email")), (Recipient.Channel.POST, _("Letter by post")),
    (Recipient.Channel.PHONE, _("Call")), (Recipient.Channel.IN_PERSON, _("In person")),
])  # fmt: skip


# As it was sent -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SentMessage:
    """text is empty where there is none to show: a letter, a call, or a message whose link key is gone."""

    at: words.Said
    code: str
    channel: str
    by_email: bool
    subject: str
    text: str
    came_back: bool
    language: str = "en"

    @property
    def direction(self) -> str:
        return direction(self.language)


def recipients_of(affected: AffectedAccount) -> list[Recipient]:
    """Of every message about one affected account, the newest first, with all it takes to compose it again."""
    rows = handed_over().filter(affected_account=affected)
    return list(rows.select_related("mailing__version", "link", "address"))


def as_sent(recipient: Recipient) -> SentMessage:
    """The same words again; the personal link in them is masked."""
    subject, text = _composed(recipient)
    return SentMessage(
        at=words.instant(recipient.sent_at),  # type: ignore[attr-defined]  # annotated by handed_over
        code=recipient.code, channel=CHANNELS[recipient.channel],
        by_email=recipient.channel == Recipient.Channel.EMAIL, subject=subject, text=text,
        came_back=recipient.state == Recipient.State.BOUNCED,
        language=recipient.merge.get("language") or recipient.mailing.version.language,
    )  # fmt: skip


def _composed(recipient: Recipient) -> tuple[str, str]:
    if recipient.channel != Recipient.Channel.EMAIL:
        return "", ""
    try:
        message = composing.compose(recipient)
        token = links.token(recipient.link) if recipient.link else ""
    except (composing.CannotCompose, links.NoSuchLink):
        return "", ""
    return message.subject, message.text.replace(token, "…") if token else message.text


# Is it ours? ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Genuine:
    """What may be said of a message to whoever holds its code: nothing about whom it went to."""

    code: str
    at: words.Said
    by_email: bool
    channel: str
    sender: str
    subject: str
    title: str
    page: str
    """Title and page of the incident; empty while it is not public."""


def genuine(code: str) -> Genuine | None:
    """The message with this code (as links.normalise_code gives it); None where no such message left the house."""
    recipient = handed_over().filter(code=code).select_related("incident", "mailing__version").first()
    if recipient is None:
        return _answer(code)
    version = last_said(recipient.incident)
    page = public_page(version)
    return Genuine(
        code=code, by_email=recipient.channel == Recipient.Channel.EMAIL,
        at=words.instant(recipient.sent_at),  # type: ignore[attr-defined]  # annotated by handed_over
        channel=CHANNELS[recipient.channel], sender=recipient.mailing.sender,
        subject=_subject_naming_nobody(recipient), title=version.content["title"] if version and page else "",
        page=page,
    )  # fmt: skip


def _answer(code: str) -> Genuine | None:
    """An answer to "was I affected?" carries a code, too."""
    found = checking.sent(code)
    if found is None:
        return None
    version = last_said(found.incident)
    page = public_page(version)
    return Genuine(
        code=code, at=words.instant(found.at), by_email=True, channel=CHANNELS[Recipient.Channel.EMAIL],
        sender=found.sender, subject=found.subject, title=version.content["title"] if version and page else "",
        page=page,
    )  # fmt: skip


def _subject_naming_nobody(recipient: Recipient) -> str:
    """The subject with what is the same for all in its place, and a dash of dots for what is theirs."""
    organisation = recipient.mailing.version.guidance.get("organisation", {})
    same_for_all = {
        "code": recipient.code,
        "organisation": organisation.get("name", ""),
        "domain": organisation.get("domain", ""),
        "security_email": organisation.get("security_email", ""),
    }
    subject, _ = recipient.mailing.version.text_in(recipient.merge.get("language", ""))
    return VARIABLE.sub(lambda found: same_for_all.get(found[1], "…"), subject)


def public_page(version: PageVersion | None) -> str:
    """Where everyone may read what was last published; empty where they may not."""
    if version is None or version.content["visibility"] != Incident.Visibility.PUBLIC:
        return ""
    return f"{settings.PUBLIC_BASE_URL}/{documents.path(version.content['slug'])}"
