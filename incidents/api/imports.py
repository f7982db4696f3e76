"""Handing in who was affected, over HTTP: a file or accounts in pieces, read in the background, imported on a yes."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from ninja import Header, Path, Query, Router, Status
from ninja.errors import HttpError, ValidationError

from accounts import tokens, typed
from accounts.api import REFUSALS, Problem, Slug, by_token, caller, to_read, token_of
from accounts.models import ApiToken
from incidents import audience
from incidents.api import shape
from incidents.api.incidents import find
from incidents.api.shape import PIECE, AffectedIn, ConfirmIn, ImportIn, ImportOut, PieceOut, RejectedPage
from incidents.audience import pushing, spelling_out, turns, working
from incidents.models import ImportBatch, RejectedRow

router = Router()

CONFLICT: dict = {409: Problem}
State = ImportBatch.State
SHOWN = ("number", "state", "mode", "file_name", "sha256", "size", "bytes_read", "rows_read", "refusal", "stopped")
Number = Annotated[int, Path(ge=1, lt=2**31)]
Piece = Annotated[int, Path(ge=1, le=pushing.MOST_PIECES)]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$",
        description="Of your choice, new for each import. The same call again answers with the same import.",
    ),
]  # fmt: skip


@router.post(
    "/incidents/{slug}/imports",
    response={200: ImportOut, 201: ImportOut} | CONFLICT | REFUSALS,
    **by_token("write:affected"),
    summary="1. Begin an import",
)
def begin(request: HttpRequest, slug: Slug, said: ImportIn, key: Key):
    """Then hand in pieces. The same key with the same words answers 200 with the same import, with others 409."""
    of_the_other = {"columns", "format"} if said.kind == "accounts" else {"facts", "rows"}
    push = said.model_dump(mode="json", exclude={"kind", *of_the_other})
    batch, new = _start(request, slug, key, push, mode=said.mode, evidence=said.evidence, file_name=said.file_name)
    return Status(201 if new else 200, _shown(batch))


@router.put(
    "/incidents/{slug}/imports/{number}/pieces/{piece}",
    response={200: PieceOut, 201: PieceOut} | CONFLICT | REFUSALS,
    **by_token("write:affected", said=PIECE),
    summary="2. Hand in a piece",
)
def put_piece(request: HttpRequest, slug: Slug, number: Number, piece: Piece):
    """In any order, at most 8 MB each, numbered from 1 without gaps. The same bytes again answer 200, others 409.

    Of kind `file` the pieces are cut anywhere. Of kind `accounts` each holds whole accounts: a JSON array, or JSON
    lines (one account a line).
    """
    batch = _find(slug, number)
    content = _body(request)
    if "facts" in batch.push:
        content = _spelt_out(shape.read(content), batch.push)
    with _refusals():
        new = pushing.take(batch, number=piece, content=content)
    return Status(201 if new else 200, {"piece": piece, "bytes": len(content)})


@router.post(
    "/incidents/{slug}/imports/{number}/read",
    response={200: ImportOut, 202: ImportOut} | CONFLICT | REFUSALS,
    **by_token("write:affected"),
    summary="3. All pieces are there: have it read",
)
def read(request: HttpRequest, slug: Slug, number: Number):
    """A worker reads it; look at its progress. Nothing is imported yet. Again: 200, and where it stands."""
    batch = _find(slug, number)
    if not pushing.is_open(batch):
        return Status(200, _shown(batch))
    with _refusals():
        batch = _finish(request, batch)
    return Status(202, _shown(batch))


@router.get(
    "/incidents/{slug}/imports/{number}",
    response={200: ImportOut} | REFUSALS,
    **to_read("write:affected"),
    summary="4. Where it stands: progress, counts, comparison",
)
def where_it_stands(request: HttpRequest, slug: Slug, number: Number):
    """`received` → `reading` → `staged` → `confirming` → `confirmed`; or `refused`, `discarded`, `undone`.

    Numbers and words, no people. A file that holds nothing new is discarded by itself.
    """
    return _shown(_find(slug, number))


@router.get(
    "/incidents/{slug}/imports/{number}/rejected",
    response={200: RejectedPage} | REFUSALS,
    **to_read("write:affected"),
    summary="Rows that were left out, and what to do",
)
def rejected(
    request: HttpRequest,
    slug: Slug,
    number: Number,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
):
    rows = list(RejectedRow.objects.filter(batch=_find(slug, number), pk__gt=after).order_by("pk")[: limit + 1])
    values = _may(request, "read:rejected")
    return {
        "rows": [
            {"line": row.line, "column": row.column, "problem": row.problem, "remedy": row.remedy,
             "value": row.value if values else None}
            for row in rows[:limit]
        ],
        "next": rows[limit - 1].pk if rows[limit:] else None,
    }  # fmt: skip


@router.post(
    "/incidents/{slug}/imports/{number}/confirm",
    response={200: ImportOut, 202: ImportOut} | CONFLICT | REFUSALS,
    **by_token("confirm:affected"),
    summary="5. Import it",
)
def confirm(request: HttpRequest, slug: Slug, number: Number, said: ConfirmIn | None = None):
    """A worker imports all of it, or nothing: then it is `staged` again, and `stopped` says why.

    What needs a second person in the staff room needs one here, too. Again: 200, and where it stands.
    """
    batch = _find(slug, number)
    if batch.state in {State.CONFIRMING, State.CONFIRMED}:
        return Status(200, _shown(batch))
    try:
        audience.ask_to_save(
            batch, by=caller(request), at=timezone.now(), beyond_estimate=bool(said and said.beyond_estimate)
        )
    except audience.NotWaiting as problem:
        raise HttpError(409, str(problem)) from None
    return Status(202, _shown(batch))


@router.post(
    "/incidents/{slug}/imports/{number}/discard",
    response={200: ImportOut} | CONFLICT | REFUSALS,
    **by_token("write:affected"),
    summary="Forget it: nothing of it is imported",
)
def discard(request: HttpRequest, slug: Slug, number: Number):
    batch = _find(slug, number)
    if batch.state != State.DISCARDED:
        try:
            audience.discard(batch, by=caller(request), at=timezone.now())
        except audience.NotWaiting as problem:
            raise HttpError(409, str(problem)) from None
    return _shown(batch)


@router.post(
    "/incidents/{slug}/affected",
    response={200: ImportOut, 201: ImportOut} | CONFLICT | REFUSALS,
    **by_token("write:affected"),
    summary="Up to 1,000 accounts in one call",
)
def affected(request: HttpRequest, slug: Slug, said: AffectedIn, key: Key):
    """Begins an import, reads it, and imports it if the token has `confirm:affected` and nothing stops it.

    Otherwise it waits: `state` and `stopped` say for what. The same call again goes on where it stands.
    """
    people = [account.model_dump() for account in said.accounts]
    facts = spelling_out.types_of(people, "facts") | said.facts
    rows = spelling_out.types_of(people, "rows")
    push = {"facts": facts, "rows": rows, "mode": said.mode, "evidence": said.evidence}
    content = _spelt_out(people, push)
    push["sha256"] = hashlib.sha256(content).hexdigest()
    batch, new = _start(request, slug, key, push, mode=said.mode, evidence=said.evidence)
    if pushing.is_open(batch):
        with suppress(pushing.NotOpen):  # the same call at the same moment was faster
            pushing.take(batch, number=1, content=content)
        batch = _finish(request, batch)
    _work_on(batch)
    if said.confirm and batch.state == State.STAGED and _may(request, "confirm:affected"):
        comparison = audience.compared(batch)
        if comparison and batch.counts["accounts"] and (said.beyond_estimate or not comparison.stop):
            with suppress(audience.NotWaiting):
                audience.ask_to_save(batch, by=caller(request), at=timezone.now(), beyond_estimate=said.beyond_estimate)
            _work_on(batch)
    return Status(201 if new else 200, _shown(batch))


# What they share ------------------------------------------------------------------------------------------------


def _find(slug: str, number: int) -> ImportBatch:
    found = ImportBatch.objects.select_related("incident").filter(incident=find(slug), number=number).first()
    if found is None:
        raise HttpError(404, f"The incident {slug} has no import {number}.")
    return found


def _start(request: HttpRequest, slug: str, key: str, push: dict, **said: str) -> tuple[ImportBatch, bool]:
    with _refusals():
        return pushing.start(find(slug), key=key, push=push, by=caller(request), **said)


def _finish(request: HttpRequest, batch: ImportBatch) -> ImportBatch:
    with _refusals(), suppress(pushing.NotOpen):
        return pushing.finish(
            batch, by=caller(request), at=timezone.now(), token=token_of(request)
        )  # fmt: skip
    batch.refresh_from_db()
    return batch


def _work_on(batch: ImportBatch) -> None:
    """Here and now, unless a worker is at it already, or it would have to wait: no web process waits for an import."""
    if not turns.taken(batch.incident_id):
        working.work_on(batch)
    batch.refresh_from_db()


def _spelt_out(people: Iterable[dict[str, Any]], push: dict[str, Any]) -> bytes:
    try:
        content = spelling_out.lines(people, spelling_out.columns(push["facts"], push["rows"]))
    except spelling_out.Undeclared as problem:
        raise ValidationError([{"loc": ("body", "piece", problem.place, problem.name), "msg": str(problem)}]) from None
    if not content:
        raise HttpError(400, "There is no account in it.")
    return content


def _body(request: HttpRequest) -> bytes:
    """Read past Django's limit for forms, and no further than ours."""
    length = typed.number(request.headers.get("Content-Length")) or 0
    if length > pushing.LARGEST_PIECE:
        raise HttpError(413, "A piece has at most 8 MB (8,000,000 bytes). Cut it smaller.")
    if not length:
        raise HttpError(400, "The piece is empty, or came without Content-Length.")
    content = b""
    while len(content) < length and (part := request.read(length - len(content))):
        content += part
    if len(content) != length:
        raise HttpError(400, "The piece broke off. Nothing of it was stored; send it again.")
    return content


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (pushing.KeyUsed, pushing.NotOpen, pushing.OtherBytes, pushing.Incomplete) as problem:
        raise HttpError(409, str(problem)) from None
    except pushing.TooLarge as problem:
        raise HttpError(413, str(problem)) from None


def _may(request: HttpRequest, scope: str) -> bool:
    """Whether this caller may see or do more than the operation itself asks for."""
    found = request.auth  # type: ignore[attr-defined]  # set by ninja
    return scope in found.scopes and tokens.may(found, scope) if isinstance(found, ApiToken) else True


def _shown(batch: ImportBatch) -> dict[str, Any]:
    waits = batch.state in {State.STAGED, State.CONFIRMING}
    comparison = audience.compared(batch) if waits else None
    return {
        **{name: getattr(batch, name) for name in SHOWN},
        "open": pushing.is_open(batch),
        "counts": _numbers(batch.counts),
        "findings": _numbers(batch.counts.get("findings", {})),
        "comparison": comparison.as_json() if comparison else None,
        "page": reverse("incidents:affected_import", args=[batch.incident.slug, batch.number]),
    }


def _numbers(counts: dict[str, Any]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if isinstance(number, int)}
