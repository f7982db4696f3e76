"""For the company's own product: what its signed-in customer was told, and the way from there to their notice."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import ConfigDict, Field

from accounts.api import REFUSALS, by_token
from accounts.models import ApiToken
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
    return {"as_of": timezone.now(), "notices": [_shown(one) for one in handing_over.of_account(external_id)]}


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


def _shown(affected: AffectedAccount) -> dict:
    notice = reading.personal_notice(reading.Opened(affected, None))
    steps = [
        {"title": step["title"], "url": step["url"], "done": step["ticked"],
         "do_by": step["due"].machine if step["due"] else None}
        for step in notice.steps
    ]  # fmt: skip
    to_do = sum(not step["done"] for step in steps)
    return {
        "incident": affected.incident.slug, "title": notice.title, "summary": notice.summary,
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
    if notice.ruled_out:
        return f"{notice.title}: your account is not affected after all."
    concerns = "may concern" if notice.certainty == AffectedAccount.Certainty.POSSIBLE else "concerns"
    things = {0: "You have done all we asked.", 1: "There is one thing to do."}.get(
        to_do, f"There are {to_do} things to do."
    )
    if not notice.steps:
        things = "Read what happened."
    return f"{notice.title}. This {concerns} your account. {things}"
