"""The messages to subscribers. Plain text first, the same words as HTML beside it; each shows its one reader nothing
of any other, and no picture, script or style.
"""

import re
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import conditional_escape

from accounts.models import Organisation
from incidents import documents, prose
from incidents.documents import words as page_words
from incidents.models import Incident, PageVersion
from notifications import providers
from notifications.composing import languages
from notifications.models import Announcement, Subscriber, UpdateMail
from notifications.subscriptions import tokens, words
from notifications.subscriptions.tokens import Purpose

OUR_OWN_PATH = re.compile(r"\]\(/")


class CannotWrite(Exception):
    """This message has nobody to go to, or nothing to say; the message says which."""


@dataclass
class Letter:
    """What the templates lay out."""

    subject: str
    lead: str = ""
    paragraphs: tuple[tuple[str, str], ...] = ()  # words, and the address below them or nothing
    language: str = "en"
    update: dict | None = None
    url: str = ""

    @property
    def direction(self) -> str:
        return languages.direction(self.language)


def write(mail: UpdateMail, mailing: Announcement, subscriber: Subscriber) -> EmailMultiAlternatives:
    """The message of one row. Raises CannotWrite, or NoSuchLink where the key of its tokens is gone."""
    if subscriber.ended_at is not None or not subscriber.address:
        raise CannotWrite("They do not follow any more")
    incident = mailing.incident if mailing.number is not None else subscriber.incident
    letter = question(subscriber, incident) if mailing.number is None else update(mailing, subscriber)
    email = EmailMultiAlternatives(
        letter.subject, render_to_string("notifications/messages/subscriber.txt", {"letter": letter}).strip() + "\n",
        mailing.sender, [subscriber.address], reply_to=[mailing.reply_to] if mailing.reply_to else [],
        headers=_headers(mail, mailing, subscriber),
    )  # fmt: skip
    email.attach_alternative(
        render_to_string("notifications/messages/subscriber.html", {"letter": letter}), "text/html"
    )
    return email


def _headers(mail: UpdateMail, mailing: Announcement, subscriber: Subscriber) -> dict[str, str]:
    headers = {
        "Message-ID": f"<{mail.message_id}>", "Auto-Submitted": "auto-generated",
        # One click at the reader's mail provider ends it (RFC 8058).
        "List-Unsubscribe": f"<{tokens.url(subscriber, Purpose.END)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }  # fmt: skip
    if mailing.incident_id is not None:
        # All updates of an incident hang on one name, which no message bears: whoever begins late threads them, too.
        thread = f"<{mailing.incident_id}.incident@{providers.domain_of(mailing.sender)}>"
        headers |= {"In-Reply-To": thread, "References": thread}
    return headers


def _what(said: dict[str, str], incident: Incident | None, title: str, organisation: str) -> str:
    return said["all" if incident is None else "one"].format(title=title, organisation=organisation)


# Do you want to follow? -------------------------------------------------------------------------------------------


def question(subscriber: Subscriber, incident: Incident | None) -> Letter:
    """To whoever follows already it says so. The title is the one the page shows, never a draft's."""
    said, organisation = words.of(subscriber.language), Organisation.get().name
    what = _what(said, incident, _public_title(incident) if incident else "", organisation)
    yes, no = tokens.url(subscriber, Purpose.CONFIRM), tokens.url(subscriber, Purpose.END)
    if subscriber.confirmed_at:
        return Letter(said["already_subject"].format(organisation=organisation), language=subscriber.language,
                      paragraphs=((said["already"].format(what=what), ""), (said["stop"], no)))  # fmt: skip
    return Letter(
        said["question_subject"].format(organisation=organisation), language=subscriber.language,
        paragraphs=((said["question"].format(what=what), ""), (said["press"], yes), (said["nothing"], ""),
                    (said["never"], no)),
    )  # fmt: skip


def _public_title(incident: Incident) -> str:
    said = PageVersion.objects.filter(incident=incident, cause__in=PageVersion.BY_A_PERSON).order_by("-number")
    title = said.values_list("content__title", flat=True).first()
    if title is None:
        raise CannotWrite("The incident has no page")
    return title


# An update --------------------------------------------------------------------------------------------------------


def update(mailing: Announcement, subscriber: Subscriber) -> Letter:
    """From what was published, as it stands there now: words that were taken out since are not mailed."""
    version, incident = mailing.version, mailing.incident
    if version is None or incident is None:
        raise CannotWrite("There is no update to tell")
    content = documents.said(version.content, version.made_at)
    found = next((one for one in content["updates"] if one["number"] == mailing.number), None)
    if found is None:
        raise CannotWrite("The update is not on the page any more")
    said, organisation = words.of(subscriber.language), content["organisation"]["name"]
    with translation.override(languages.spoken(subscriber.language)):
        moment = page_words.said_at(found).words
    page = f"{settings.PUBLIC_BASE_URL}/{documents.path(content['slug'])}"
    what = _what(said, subscriber.incident, content["title"], organisation)
    return Letter(
        " ".join(said["update_subject"].format(organisation=organisation, title=content["title"]).split()),
        lead=f"{said[found['phase']]} · {moment}", language=subscriber.language,
        update=_in_full(found, said) | {"language": content["language"],
                                        "direction": languages.direction(content["language"])},
        url=f"{page}#update-{found['number']}",
        paragraphs=((said["page"], page), (said["why"].format(what=what), ""),
                    (said["stop"], tokens.url(subscriber, Purpose.END))),
    )  # fmt: skip


def _in_full(update: dict, said: dict[str, str]) -> dict:
    """As text and as HTML; a link of ours is whole, since it is read far from our pages."""
    parts = [("", update["body"])]
    if correction := update["correction"]:
        parts += [("", f"{said['correction']}: {correction['what']}"),
                  (said["was"], correction["was"]), (said["now"], correction["now"])]  # fmt: skip
    whole = [(head, OUR_OWN_PATH.sub(f"]({settings.PUBLIC_BASE_URL}/", markdown)) for head, markdown in parts]
    return {
        "text": "\n\n".join(part for head, markdown in whole for part in (head, prose.text(markdown)) if part),
        "html": [(conditional_escape(head), prose.html(markdown)) for head, markdown in whole],
    }  # fmt: skip
