"""Steps over HTTP: what affected people were asked to do, and "we checked: this key is revoked"."""

from datetime import timedelta
from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from accounts.api import REFUSALS, Slug, by_token, caller, to_read, token_of
from incidents import steps
from incidents.api.incidents import find

router = Router()

MOST = 1000  # checks in one call
CLOCKS_DIFFER = timedelta(minutes=5)


class StepOut(Schema):
    id: int
    title: str
    segment: str | None = Field(description="Key of the segment whose step it is; null: everyone's.")
    ends_exposure: bool = Field(description="While it is open, an exposed key still works.")

    @staticmethod
    def resolve_segment(step) -> str | None:
        return step.segment.key if step.segment else None


class FactIn(Schema):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=120, examples=["api_key"])]
    value: Annotated[str, Field(max_length=1000, examples=["…4f2a"], description="As the list of the affected has it.")]


class CheckedIn(Schema):
    """Say who is meant by external_id, or by email where you have no id."""

    model_config = ConfigDict(extra="forbid")

    step: Annotated[int, Field(ge=1, lt=2**63, examples=[12])]
    external_id: Annotated[str, Field(max_length=200, examples=["northwind"])] = ""
    email: Annotated[str, Field(max_length=320)] = ""
    at: AwareDatetime | None = Field(None, description="When it was checked; left out: now.")
    fact: FactIn | None = Field(
        None,
        description="Which key, for accounts with several: the step counts as verified once each of them was named.",
    )

    @model_validator(mode="after")
    def says_who(self) -> "CheckedIn":
        if bool(self.external_id.strip()) == bool(self.email.strip()):
            raise ValueError("Say either external_id or email.")
        return self

    @model_validator(mode="after")
    def is_past(self) -> "CheckedIn":
        if self.at and self.at > timezone.now() + CLOCKS_DIFFER:
            raise ValueError("at lies in the future.")
        return self

    def as_checked(self) -> steps.Checked:
        fact = (self.fact.name, self.fact.value) if self.fact else None
        return steps.Checked(self.step, self.external_id.strip(), self.email.strip(), self.at, fact)


class ChecksIn(Schema):
    model_config = ConfigDict(extra="forbid")

    checks: Annotated[list[CheckedIn], Field(min_length=1, max_length=MOST)]


class ResultOut(Schema):
    index: int = Field(description="Which of the checks, from 0.")
    result: steps.Result


class ResultsOut(Schema):
    counts: dict[steps.Result, int]
    results: list[ResultOut]


@router.get(
    "/incidents/{slug}/steps",
    response={200: list[StepOut]} | REFUSALS,
    **to_read("read:incidents"),
    summary="What affected people were asked to do",
)
def all_steps(request: HttpRequest, slug: Slug):
    return find(slug).steps.select_related("segment")


@router.post(
    "/incidents/{slug}/steps/verified",
    response={200: ResultsOut} | REFUSALS,
    **by_token("verify:steps"),
    summary="Steps you have checked: this key is revoked",
)
def verified(request: HttpRequest, slug: Slug, said: ChecksIn):
    """Up to 1,000 checks at once; the same call again changes nothing.

    Each check gets a result: `verified`; `already`; `partly` (other keys of the account are still open);
    `unknown_account`, `several_accounts` (they share the address: use external_id), `unknown_step`,
    `not_their_step` (of a segment they are not in) or `unknown_fact` (our list does not have this key for them).
    The reader sees a verified step as checked by you, and cannot take it back.
    """
    results = steps.verify(
        find(slug), [one.as_checked() for one in said.checks], by=caller(request), token=token_of(request)
    )
    return {
        "counts": {result: results.count(result) for result in dict.fromkeys(results)},
        "results": [{"index": index, "result": result} for index, result in enumerate(results)],
    }
