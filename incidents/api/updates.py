"""What we say, over HTTP: a machine drafts and asks for a yes. It never says yes, and nothing it writes is public."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import ConfigDict, Field, StringConstraints

from accounts.api import REFUSALS, Problem, Slug, by_token, caller, to_read
from incidents import drafting, publishing
from incidents.api.incidents import find
from incidents.models import Incident, Precision, Update

router = Router()

CONFLICT: dict = {409: Problem}
NO_NUL = r"^[^\x00]*$"  # PostgreSQL holds none
Number = Annotated[int, Path(ge=1, lt=2**63)]
Body = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000, pattern=NO_NUL)]


class UpdateOut(Schema):
    id: int
    kind: str
    phase: str
    body: str = Field(description="Markdown, as the page shows it or would.")
    state: Literal["draft", "held back", "published"]
    version: int = Field(description="Give it back with a change: it is refused where somebody was faster.")
    at: datetime | None = Field(description="When it was said; null: a draft, or nobody knows.")

    @staticmethod
    def resolve_state(update: Update) -> str:
        if update.published_at:
            return "published"
        return "held back" if update.held_back else "draft"

    @staticmethod
    def resolve_version(update: Update) -> int:
        return update.edits

    @staticmethod
    def resolve_body(update: Update) -> str:
        return update.stands()


class DraftIn(Schema):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["holding", "update", "final"] = "update"
    phase: Incident.Phase | None = Field(None, description="As of this update; left out: the incident's own.")
    body: Body = Field(description="Markdown.", examples=["We have closed the way in."])


class ChangeIn(DraftIn):
    version: Annotated[int, Field(ge=0, lt=2**31)]


class AskedOut(Schema):
    request: int
    state: Literal["open", "given"] = Field(description="given: this house asks for no second person.")
    summary: str
    people_wanted: int
    page: str = Field(description="Path in the staff room, where somebody says yes and publishes.")


@router.get(
    "/incidents/{slug}/updates",
    response={200: list[UpdateOut]} | REFUSALS,
    **to_read("read:incidents"),
    summary="Updates, drafts before what was said, newest first",
)
def updates(request: HttpRequest, slug: Slug):
    return find(slug).updates.prefetch_related("rewordings")


@router.post(
    "/incidents/{slug}/updates",
    response={201: UpdateOut} | REFUSALS,
    **by_token("write:updates"),
    summary="Draft an update",
)
def draft(request: HttpRequest, slug: Slug, said: DraftIn):
    """Nobody outside sees it before a person approves it and it is published."""
    incident = find(slug)
    update = Update(incident=incident, at=None, precision=Precision.UNKNOWN)
    _say(update, said)
    drafting.write(update, by=caller(request), at=timezone.now())
    return Status(201, update)


@router.put(
    "/incidents/{slug}/updates/{number}",
    response={200: UpdateOut} | CONFLICT | REFUSALS,
    **by_token("write:updates"),
    summary="Change a draft",
)
def change(request: HttpRequest, slug: Slug, number: Number, said: ChangeIn):
    """Ends a request for approval of the page. Refused (409) where it was published, or changed meanwhile."""
    update = find(slug).updates.filter(pk=number).first()
    if update is None:
        raise HttpError(404, f"The incident {slug} has no update {number}.")
    if update.kind == Update.Kind.CORRECTION:
        raise HttpError(409, "This is a correction: those are written in the staff room.")
    _say(update, said)
    try:
        drafting.write(
            update, changed=["kind", "phase", "body"], started_from=said.version, by=caller(request), at=timezone.now()
        )
    except drafting.EditedMeanwhile:
        raise HttpError(409, "Somebody changed it meanwhile. Read it again, and change what stands there.") from None
    except drafting.AlreadyPublished:
        raise HttpError(409, "It was published and stays as it is: write a correction in the staff room.") from None
    update.refresh_from_db()
    return update


@router.post(
    "/incidents/{slug}/ask",
    response={202: AskedOut} | CONFLICT | REFUSALS,
    **by_token("ask:publish"),
    summary="Ask for a yes to publish the page",
)
def ask(request: HttpRequest, slug: Slug):
    """To exactly what stands there now; an earlier request is void. No token answers it, nor does this one's maker."""
    try:
        asked = publishing.ask(find(slug), by=caller(request), at=timezone.now())
    except publishing.NotReady as problem:
        raise HttpError(409, f"It cannot be published yet. {problem}") from None
    except publishing.NothingNew:
        raise HttpError(409, "The page says exactly this already.") from None
    except publishing.DrillStaysInside:
        raise HttpError(409, "A drill is never published.") from None
    return Status(202, {
        "request": asked.pk, "state": asked.state, "summary": asked.summary, "people_wanted": asked.needs,
        "page": asked.page,
    })  # fmt: skip


def _say(update: Update, said: DraftIn) -> None:
    update.kind, update.body = Update.Kind(said.kind), said.body
    update.phase = said.phase or (update.incident.phase if update._state.adding else update.phase)
