"""The API: what the staff room shows, and what a pipeline hands in, as JSON. Its description opens at /api/docs."""

from typing import Any, cast

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser
from pydantic_core import from_json

from accounts.access import staff
from accounts.api import Session
from incidents.api import router as incidents
from notifications.api import router as notifications

DESCRIPTION = """
Send a token with every call: `Authorization: Bearer inc_…`. An administrator makes it in the staff room under
*API tokens*, chooses its scopes and sees it once. To read, signing in to the staff room is enough.

Whatever is refused answers in one shape: `{"detail": "what is wrong and what to do"}`; a 422 also has `fields`.
"""
WHO_ARE_YOU = (
    "Send a token: “Authorization: Bearer inc_…”. An administrator makes one in the staff room under API tokens. "
    "To read, signing in to the staff room is enough."
)
FIELDS_TOLD = 20


class StrictJson(Parser):
    """JSON as RFC 8259 has it, and only what PostgreSQL can hold: no lone surrogate, no NUL, no endless number."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        body = from_json(request.body, allow_inf_nan=False)
        waiting = [body]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                waiting += value.keys()
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
            elif isinstance(value, str) and "\0" in value:
                raise ValueError("a text holds NUL (\\u0000)")
            elif isinstance(value, float) and value in (float("inf"), float("-inf")):
                raise ValueError("a number is too large")
        return cast(dict[str, Any], body)


class Api(NinjaAPI):
    """Its description says of each operation which scope opens it."""

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(*args, **kwargs)
        for operation in (one for path in schema["paths"].values() for one in path.values()):
            if scope := operation.get("x-scope"):
                session = " Or a session of the staff room." if operation.get("x-session") else ""
                said = operation.get("description", "")
                operation["description"] = f"{said}\n\nScope of the token: `{scope}`.{session}".strip()
        return schema


api = Api(
    title="Incidents and notices", version="1", description=DESCRIPTION, auth=Session("read_room"),
    docs_url="/docs", docs_decorator=staff("read_room"), parser=StrictJson(),
)  # fmt: skip
api.add_router("", incidents)
api.add_router("", notifications)


# Refusals, in one shape -----------------------------------------------------------------------------------------


@api.exception_handler(AuthenticationError)
def who_are_you(request: HttpRequest, problem: AuthenticationError) -> HttpResponse:
    words = WHO_ARE_YOU if problem.message == "Unauthorized" else problem.message
    response = _refusal(request, 401, words)
    response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(HttpError)
def in_words(request: HttpRequest, problem: HttpError) -> HttpResponse:
    words = problem.message
    if problem.status_code == 400 and isinstance(problem.__cause__, ValueError):
        words = f"The body is no JSON that can be read: {problem.__cause__}."
    return _refusal(request, problem.status_code, words)


@api.exception_handler(ValidationError)
def by_field(request: HttpRequest, problem: ValidationError) -> HttpResponse:
    """Names of fields and what is wrong, never what stood there."""
    fields = {_name(error["loc"]): error["msg"].removeprefix("Value error, ") for error in problem.errors[:FIELDS_TOLD]}
    more = len(problem.errors) - len(fields)
    words = "; ".join(f"{name}: {said}" for name, said in list(fields.items())[:3])
    return _refusal(request, 422, words + (f"; and {more} more" if more > 0 else ""), fields)


@api.exception_handler(RequestDataTooBig)
def too_large(request: HttpRequest, problem: RequestDataTooBig) -> HttpResponse:
    return _refusal(request, 413, "The body is larger than 2.5 MB. Hand more accounts in as pieces of an import.")


@api.exception_handler(UnreadablePostError)
def broken_off(request: HttpRequest, problem: UnreadablePostError) -> HttpResponse:
    return _refusal(request, 400, "The body broke off. Nothing was stored; send it again.")


def no_such_call(request: HttpRequest, rest: str) -> HttpResponse:
    return _refusal(request, 404, "There is no such call. /api/docs describes those there are.")


def _refusal(request: HttpRequest, status: int, words: str, fields: dict[str, str] | None = None) -> HttpResponse:
    return api.create_response(request, {"detail": words} | ({"fields": fields} if fields else {}), status=status)


def _name(place: tuple[str | int, ...]) -> str:
    """body, said, accounts, 3, email → accounts.3.email"""
    source, *path = place
    return ".".join(str(part)[:60] for part in (path[1:] if source == "body" else path)) or str(source)
