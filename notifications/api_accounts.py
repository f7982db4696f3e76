"""For the company's own product: what its signed-in customer was told, and the way from there to their notice."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext, ngettext
from ninja import Path, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import ConfigDict, Field

from accounts.api import REFUSALS, by_token
from accounts.languages import base, is_spoken, spoken
from accounts.models import ApiToken
from incidents.documents import foreign
from incidents.models import AffectedAccount
from notifications import reading
from notifications.reading import handing_over

router = Router(tags=["accounts"])

ExternalId = Annotated[str, Path(min_length=1, max_length=200, description="The account's id in your own systems.")]


class NoticeStepOut(Schema):
    title: str
    url: str = Field(description="Where they do it, as the incident says; empty where there is no such place.")
    do_by: datetime | None
    done: bool = Field(description="Ticked by them, checked by you, or done for them.")


class MessageOut(Schema):
    sent_at: datetime
    code: str = Field(description="The reference code printed in it.")
    channel: str
    subject: str
    text: str = Field(description="Word for word, the personal link left out; empty where there is none to show.")


class NoticeOut(Schema):
    """One incident that this account was told of."""

    incident: str
    title: str
    summary: str
    language: str = Field(description="Of the banner: the account's, where we have words in it.")
    certainty: str = Field(description="confirmed, possible or ruled_out")
    banner: str = Field(description="One sentence to show at the top of your product, as plain text.")
    page: str = Field(description="The page for everyone; empty where there is none.")
    acknowledged_at: datetime | None
    exposed: list[str]
    possibly_exposed: list[str]
    not_exposed: list[str]
    steps: list[NoticeStepOut] = Field(description="The most urgent first.")
    steps_open: int
    messages: list[MessageOut] = Field(description="The newest first.")


class NoticesOut(Schema):
    as_of: datetime
    notices: list[NoticeOut] = Field(description="The newest first; empty for whoever was told nothing.")


class HandOverIn(Schema):
    model_config = ConfigDict(extra="forbid")

    incident: str | None = Field(None, max_length=80, description="Its slug; left out: the newest notice.")


class HandOverOut(Schema):
    url: str = Field(description="Send your customer's browser there. It opens once.")
    expires_at: datetime


@router.get(
    "/accounts/{external_id}/notices",
    response={200: NoticesOut} | REFUSALS,
    **by_token("read:notices"),
    summary="What this account was told",
)
def notices(request: HttpRequest, external_id: ExternalId):
    """The same shape for an account that is unknown, unaffected, or not told yet: an empty list."""
    return {"as_of": timezone.now(), "notices": [_shown_in_theirs(one) for one in handing_over.of_account(external_id)]}


@router.post(
    "/accounts/{external_id}/handover",
    response={201: HandOverOut} | REFUSALS,
    **by_token("open:notices"),
    summary="An address that opens their notice, once, for two minutes",
)
def handover(request: HttpRequest, external_id: ExternalId, said: HandOverIn | None = None):
    """Ask when your signed-in customer clicks, and redirect them at once. It stands in the log.

    404, in the same words, for an account that is unknown, unaffected, or not told yet.
    """
    token: ApiToken = request.auth  # type: ignore[attr-defined]  # set by ninja
    try:
        made = handing_over.hand_over(
            external_id=external_id, incident=said.incident if said else None, token=token, at=timezone.now()
        )
    except handing_over.NothingToOpen:
        raise HttpError(404, "There is no notice to open for this account.") from None
    return Status(201, made)


def _shown_in_theirs(affected: AffectedAccount) -> dict:
    locale = affected.account.locale
    with translation.override(base(locale) if is_spoken(locale) else spoken(affected.incident.language)):
        return _shown(affected)


def _shown(affected: AffectedAccount) -> dict:
    notice = reading.personal_notice(reading.Opened(affected, None))
    steps = [
        {"title": step["title"], "url": step["url"], "done": step["ticked"],
         "do_by": step["due"].machine if step["due"] else None}
        for step in notice.steps
    ]  # fmt: skip
    to_do = sum(not step["done"] for step in steps)
    return {
        "incident": affected.incident.slug, "language": translation.get_language(), "title": notice.title,
        "summary": notice.summary,
        "certainty": notice.certainty, "banner": _banner(notice, to_do), "page": notice.page,
        "acknowledged_at": notice.acknowledged_at,
        "exposed": [row["data_class"] for row in notice.exposed],
        "possibly_exposed": [row["data_class"] for row in notice.possibly],
        "not_exposed": [row["data_class"] for row in notice.not_exposed],
        "steps": steps, "steps_open": to_do,
        "messages": [
            {"sent_at": message.at.machine, "code": message.code, "channel": message.channel,
             "subject": message.subject, "text": message.text}
            for message in notice.messages
        ],
    }  # fmt: skip


def _banner(notice: reading.PersonalNotice, to_do: int) -> str:
    """In one language, which is that of the title where that is not translated."""
    return foreign.whole(lambda: _banner_in_words(notice, to_do), notice.title)


def _banner_in_words(notice: reading.PersonalNotice, to_do: int) -> str:
    if notice.ruled_out:
        return gettext("%(title)s: your account is not affected after all.") % {"title": notice.title}
    possible = notice.certainty == AffectedAccount.Certainty.POSSIBLE
    concerns = gettext("This may concern your account.") if possible else gettext("This concerns your account.")
    return f"{notice.title.rstrip('.')}. {concerns} {_what_to_do(notice, to_do)}"


def _what_to_do(notice: reading.PersonalNotice, to_do: int) -> str:
    if not notice.steps:
        return gettext("Read what happened.")
    if not to_do:
        return gettext("You have done all we asked.")
    said = ngettext("There is one thing to do.", "There are %(count)d things to do.", to_do)
    return said % {"count": to_do}
