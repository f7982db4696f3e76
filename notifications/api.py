"""How far telling has come, over HTTP: numbers and states, never people."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from accounts.api import REFUSALS, Slug, to_read
from incidents.api import find
from notifications import telling
from notifications.api_accounts import router as accounts
from notifications.mailings import progress
from notifications.models import Mailing

router = Router(tags=["telling"])
router.add_router("", accounts)


class MailingOut(Schema):
    number: int
    notice: str
    state: str
    recipients_count: int
    recipients_by_state: dict[str, int]
    prepared_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @staticmethod
    def resolve_notice(mailing: Mailing) -> str:
        return str(mailing.version)

    @staticmethod
    def resolve_recipients_by_state(mailing: Mailing) -> dict[str, int]:
        return progress(mailing)


@router.get(
    "/incidents/{slug}/mailings",
    response={200: list[MailingOut]} | REFUSALS,
    **to_read("read:outcomes"),
    summary="Mailings and their progress",
)
def mailings(request: HttpRequest, slug: Slug):
    return find(slug).mailings.select_related("version__notice")


@router.get(
    "/incidents/{slug}/outcomes",
    response={200: dict[str, int]} | REFUSALS,
    **to_read("read:outcomes"),
    summary="Affected accounts by how telling ended",
)
def outcomes(request: HttpRequest, slug: Slug):
    return telling.outcomes(find(slug))
