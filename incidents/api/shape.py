"""What the calls that hand people in take and answer, and how a piece of accounts is read."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from ninja import Schema
from ninja.errors import ValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    TypeAdapter,
    model_validator,
)
from pydantic import ValidationError as Misshapen

from incidents.audience.columns import FACT_NAME
from incidents.audience.delimited import DELIMITERS
from incidents.audience.encodings import ENCODINGS
from incidents.audience.facts import TABLE, TYPES
from incidents.models import ImportBatch

MOST_AT_ONCE = 1000  # accounts in one call


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("NUL (\\u0000) cannot be kept.")
    return text


def _fact_name(name: str) -> str:
    if not FACT_NAME.fullmatch(name) or name == TABLE:
        raise ValueError("A fact's name begins with a letter from a to z; then only such letters, digits, underscores.")
    return name


def one_of(*known: str) -> AfterValidator:
    """For words that another module lists; its list stands in the description, too."""

    def check(word: str) -> str:
        if word not in known:
            raise ValueError(f"Choose among {', '.join(repr(one) for one in known)}.")
        return word

    return AfterValidator(check)


Text = Annotated[str, Field(max_length=1000), AfterValidator(_storable)]
Key = Annotated[str, Field(max_length=60, pattern=r"^[^|;]*$"), AfterValidator(_storable)]
FactName = Annotated[str, Field(max_length=60), AfterValidator(_fact_name)]
Number = Annotated[StrictFloat, Field(allow_inf_nan=False)]
Value = Annotated[str, Field(strict=True, max_length=1000), AfterValidator(_storable)] | StrictBool | StrictInt | Number
FactType = Annotated[str, Field(json_schema_extra={"enum": [*TYPES]}), one_of(*TYPES)]
Facts = Annotated[dict[FactName, FactType], Field(max_length=80)]


class AddressIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    value: Annotated[Text, Field(min_length=1, pattern=r"\S")]
    kind: Literal["email", "post", "phone"] = "email"
    role: Literal["owner", "administrator", "security", "billing"] | None = None
    trusted: StrictBool | None = Field(None, description="No: this mailbox may itself be in the wrong hands.")


class AccountIn(BaseModel):  # no Schema of ninja's: that one looks for Django's objects, several times slower
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


# An import ------------------------------------------------------------------------------------------------------

EVIDENCE = "Why nobody who is ruled out was affected. Needed for modes replace and rule_out."
Encoding = Annotated[str, Field(json_schema_extra={"enum": ["", *ENCODINGS]}), one_of("", *ENCODINGS)]
Delimiter = Annotated[str, Field(json_schema_extra={"enum": ["", *DELIMITERS]}), one_of("", *DELIMITERS)]


class FormatIn(Schema):
    """What the bytes of a file are; what is not said is detected. An Excel workbook has a sheet and nothing else."""

    model_config = ConfigDict(extra="forbid")

    encoding: Encoding = ""
    delimiter: Delimiter = ""
    sheet: Text = ""


class ImportIn(Schema):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["file", "accounts"] = Field(
        "file", description="Pieces are bytes of one file (CSV, gzip, XLSX), or each holds accounts as JSON."
    )
    mode: ImportBatch.Mode = ImportBatch.Mode.ADD
    evidence: Annotated[Text, Field(description=EVIDENCE)] = ""
    file_name: Annotated[str, Field(max_length=255, examples=["exposed-keys.csv"])] = ""
    format: FormatIn = FormatIn()
    columns: Annotated[dict[Text, Text], Field(max_length=200)] = Field(
        {}, description="Of kind file: {header: meaning}. Headers left out are read as last time, or guessed.",
        examples=[{"Kundennummer": "id", "Schlüssel": "fact:api_key", "Zuletzt": "fact:last_seen:moment"}],
    )  # fmt: skip
    facts: Facts = Field(
        {}, description="Of kind accounts: {name: type} of all facts that the pieces will have.",
        examples=[{"api_key": "text", "last_seen": "moment"}],
    )  # fmt: skip
    rows: Facts = Field({}, description="Of kind accounts: {name: type} of the columns of their tables.")


class AffectedIn(Schema):
    model_config = ConfigDict(extra="forbid")

    accounts: Annotated[list[AccountIn], Field(min_length=1, max_length=MOST_AT_ONCE)]
    mode: ImportBatch.Mode = ImportBatch.Mode.ADD
    evidence: Annotated[Text, Field(description=EVIDENCE)] = ""
    facts: Facts = Field({}, description="{name: type} where a text is a date or a moment.")
    confirm: StrictBool = Field(True, description="Import at once if the token may, and nothing stops it.")
    beyond_estimate: StrictBool = Field(False, description="Import it although it is more than the page says.")


class ConfirmIn(Schema):
    model_config = ConfigDict(extra="forbid")

    beyond_estimate: StrictBool = Field(False, description="Import it although it is more than the page says.")


class ComparisonOut(Schema):
    """Counts of accounts: what importing it would do."""

    new: int
    changed: int
    unchanged: int
    missing: int = Field(description="On the list and not in this import; they stay, except in mode replace.")
    newly_ruled_out: int
    after: int = Field(description="Everyone owed a notice once it is imported.")
    stop: bool = Field(description="It says more than the page: confirm with beyond_estimate, or correct the page.")
    verdict: str


class ImportOut(Schema):
    number: int
    state: ImportBatch.State
    open: bool = Field(description="It takes pieces.")
    mode: ImportBatch.Mode
    file_name: str
    sha256: str = Field(description="Of the whole file; empty until it is read.")
    size: int = Field(description="Bytes handed in.")
    bytes_read: int
    rows_read: int
    counts: dict[str, int] = Field(description="Rows read, accepted, rejected, folded; accounts, addresses.")
    findings: dict[str, int] = Field(description="What a person should look at before saying yes, by kind.")
    comparison: ComparisonOut | None = Field(description="While it waits for a yes; null: not compared yet.")
    refusal: str = Field(description="Why the whole file could not be read, and what to do.")
    stopped: str = Field(description="Why the last try to import it wrote nothing, and what to do.")
    page: str = Field(description="Path in the staff room.")


class PieceOut(Schema):
    piece: int
    bytes: int = Field(description="As they are kept.")


class RejectedOut(Schema):
    line: int = Field(description="Line of the file; of kind accounts: each account takes as many as it has addresses.")
    column: str
    problem: str
    remedy: str
    value: str | None = Field(description="What stood there; null without the scope read:rejected.")


class RejectedPage(Schema):
    rows: list[RejectedOut]
    next: int | None = Field(description="Give it as `after` for the next rows; null: these were the last.")


# A piece --------------------------------------------------------------------------------------------------------

PIECE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "At most 8 MB. Of kind `file`: the bytes, as they come. Of kind `accounts`: JSON.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
        },
    }
}

LIST: TypeAdapter[list[AccountIn]] = TypeAdapter(list[AccountIn])
ONE: TypeAdapter[AccountIn] = TypeAdapter(AccountIn)


def read(content: bytes) -> Iterator[dict[str, Any]]:
    """The accounts of a body: a JSON array, or JSON lines, which are never in memory together.

    Raises ninja's ValidationError, with the place.
    """
    if content.lstrip()[:1] != b"[":
        yield from _of_lines(content.split(b"\n"))
        return
    try:
        accounts = LIST.validate_json(content)
    except Misshapen as problem:
        raise misread(problem) from None
    for account in accounts:
        yield account.model_dump()


def _of_lines(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield ONE.validate_json(line).model_dump()
        except Misshapen as problem:
            raise misread(problem, line=number) from None


def misread(problem: Misshapen, *, line: int | None = None) -> ValidationError:
    """By place, without what stood there."""
    where = ("body", "piece", *((f"line {line}",) if line else ()))
    errors = problem.errors(include_url=False, include_context=False, include_input=False)
    return ValidationError([{"loc": (*where, *error["loc"]), "msg": error["msg"]} for error in errors])
