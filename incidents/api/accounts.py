"""Affected accounts as a program writes them in JSON: their shape, and how a body of them is read."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from ninja import Schema
from ninja.errors import ValidationError
from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, TypeAdapter, model_validator
from pydantic import ValidationError as Misshapen

from incidents.audience.facts import TABLE, TYPES

FACT_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("NUL (\\u0000) cannot be kept.")
    return text


def _fact_name(name: str) -> str:
    if not FACT_NAME.fullmatch(name) or name == TABLE:
        raise ValueError("A fact's name begins with a letter from a to z; then only such letters, digits, underscores.")
    return name


Text = Annotated[str, Field(max_length=1000), AfterValidator(_storable)]
Key = Annotated[str, Field(max_length=60, pattern=r"^[^|;]*$"), AfterValidator(_storable)]
FactName = Annotated[str, Field(max_length=60), AfterValidator(_fact_name)]
Number = Annotated[StrictFloat, Field(allow_inf_nan=False)]
Value = Annotated[str, Field(strict=True, max_length=1000), AfterValidator(_storable)] | StrictBool | StrictInt | Number
FactType = Literal[tuple(TYPES)]  # type: ignore[valid-type]
Facts = Annotated[dict[FactName, FactType], Field(max_length=80)]


class AddressIn(Schema):
    model_config = ConfigDict(extra="forbid")

    value: Annotated[Text, Field(min_length=1, pattern=r"\S")]
    kind: Literal["email", "post", "phone"] = "email"
    role: Literal["owner", "administrator", "security", "billing"] | None = None
    trusted: StrictBool | None = Field(None, description="No: this mailbox may itself be in the wrong hands.")


class AccountIn(Schema):
    """One account. Whoever has no id of yours is a person known by one address."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "external_id": "northwind", "name": "Northwind Traders", "locale": "en", "jurisdiction": "US",
        "addresses": [{"value": "owner@northwind.example", "role": "owner"},
                      {"value": "security@northwind.example", "role": "security"}],
        "segments": ["api"], "certainty": "confirmed", "facts": {"api_key": "…4f2a"},
    }]})  # fmt: skip

    external_id: Text | None = None
    email: Text | None = Field(None, description="Short for one address of kind email.")
    addresses: Annotated[list[AddressIn], Field(max_length=50)] = []
    name: Text | None = None
    locale: Text | None = Field(None, description="BCP 47: en, pt-BR.")
    jurisdiction: Text | None = Field(None, description="ISO 3166: DE, US-CA.")
    segments: Annotated[list[Key], Field(max_length=100)] = []
    certainty: Literal["confirmed", "possible", "ruled_out"] | None = None
    facts: Annotated[dict[FactName, Value | None], Field(max_length=80)] = Field(
        {}, description="What messages may name: {{ api_key }}. A null says nothing."
    )
    rows: Annotated[list[Annotated[dict[FactName, Value | None], Field(max_length=20)]], Field(max_length=200)] = Field(
        [], description="A small table of the account: one row for each exposed thing."
    )

    @model_validator(mode="after")
    def somebody_is_meant(self) -> "AccountIn":
        if not any((said or "").strip() for said in (self.external_id, self.email)) and not self.addresses:
            raise ValueError("Say who is meant: external_id or an address.")
        return self

    @model_validator(mode="after")
    def one_address_without_an_id(self) -> "AccountIn":
        several = len(self.addresses) + bool(self.email) > 1 or len(self.rows) > 1
        if several and not (self.external_id or "").strip():
            raise ValueError("Without external_id an account has one address and one row: nothing else ties them.")
        return self


LIST: TypeAdapter[list[AccountIn]] = TypeAdapter(list[AccountIn])
ONE: TypeAdapter[AccountIn] = TypeAdapter(AccountIn)


def read(content: bytes) -> list[dict[str, Any]]:
    """The accounts of a body: a JSON array, or JSON lines. Raises ninja's ValidationError, with the place."""
    try:
        if content.lstrip()[:1] == b"[":
            accounts = LIST.validate_json(content)
        else:
            accounts = list(_of_lines(content.split(b"\n")))
    except Misshapen as problem:
        raise misread(problem) from None
    return [account.model_dump() for account in accounts]


def _of_lines(lines: Iterable[bytes]) -> Iterable[AccountIn]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield ONE.validate_json(line)
        except Misshapen as problem:
            raise misread(problem, line=number) from None


def misread(problem: Misshapen, *, line: int | None = None) -> ValidationError:
    """By place, without what stood there."""
    where = ("body", "piece", *((f"line {line}",) if line else ()))
    errors = problem.errors(include_url=False, include_context=False, include_input=False)
    return ValidationError([{"loc": (*where, *error["loc"]), "msg": error["msg"]} for error in errors])
