"""Personal facts: typed as they are read, in words wherever a person sees them.

A fact is one value of an account, or a column of its small table: then each row of the file adds one line to it. As
JSON a number is a number, yes or no a boolean, a date ISO 8601, a moment ISO 8601 in UTC; everything else is text.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from json.encoder import encode_basestring  # as json.dumps(…, ensure_ascii=False)
from typing import NamedTuple

from django.utils import translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext

TABLE = "rows"  # the fact, and the variable in messages, that holds an account's table
LONGEST_TABLE = 200  # lines of one account
LONGEST_FACT = 1000
MOST_DIGITS = 15  # more are not exact in every program that reads JSON
YEARS = range(1900, 2101)

TYPES = {
    "text": "text",
    "number": "number",
    "date": "date",
    "moment": "date and time",
    "yes_no": "yes or no",
}

MEANING = re.compile(r"(fact|row):([a-z][a-z0-9_]*)(?::([a-z_]+))?")


class Fact(NamedTuple):
    """What a column of the file is to a message. in_table: a column of the account's small table."""

    name: str
    type: str
    in_table: bool


class NotThat(Exception):
    """A value that is not of its type: what is wrong, and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def of_meaning(meaning: str) -> Fact | None:
    """ "fact:last_seen:moment" and "row:key" as facts; None for every other meaning."""
    found = MEANING.fullmatch(meaning)
    if not found or (found[3] or "text") not in TYPES:
        return None
    return Fact(found[2], found[3] or "text", found[1] == "row")


def as_json(value: str, type_of_it: str) -> str:
    """One value of a file as JSON text. Raises NotThat."""
    return _AS_JSON[type_of_it](value)


# Reading --------------------------------------------------------------------------------------------------------


def _text(value: str) -> str:
    if len(value) > LONGEST_FACT:
        raise NotThat(f"This is {len(value):,} characters long; a fact may have {LONGEST_FACT:,}.", "Shorten it.")
    return encode_basestring(value)


_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:([ '’_\u00a0\u202f])[0-9]{3})(?:\1[0-9]{3})*(?:[.,][0-9]+)?")
_ENGLISH = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[+-]?[0-9]{1,3}(?:,[0-9]{3}){2,}")
_CONTINENTAL = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[+-]?[0-9]{1,3}(?:\.[0-9]{3}){2,}")
_PLAIN = re.compile(r"([+-]?)(0|[1-9][0-9]*)(\.[0-9]+)?")


def _number(value: str) -> str:
    text = value.replace("\N{MINUS SIGN}", "-")
    if _GROUPED.fullmatch(text):
        text = re.sub(r"[ '’_\u00a0\u202f]", "", text).replace(",", ".")
    elif _ENGLISH.fullmatch(text):
        text = text.replace(",", "")
    elif _CONTINENTAL.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"[+-]?[0-9]{1,3},[0-9]{3}", text):
        raise NotThat("This may be thousands or a fraction: the comma can mean either.",
                      "Write 1234 or 1.234, without a comma.")  # fmt: skip
    elif re.fullmatch(r"[+-]?[0-9]+,[0-9]+", text):
        text = text.replace(",", ".")
    found = _PLAIN.fullmatch(text)
    if not found:
        raise NotThat("This is no number.", "Write digits, such as 1234 or 12.5; or take the column for text.")
    if len((found[2] + (found[3] or "")[1:]).strip("0")) > MOST_DIGITS:
        raise NotThat(f"This number has more than {MOST_DIGITS} digits.", "Take the column for text.")
    zero = not (found[2] + (found[3] or "")).strip("0.")
    sign = "-" if found[1] == "-" and not zero else ""
    return sign + found[2] + (found[3] or "")


_YES_NO = {
    **dict.fromkeys(("yes", "y", "true", "t", "1", "x", "ja", "oui", "sí", "si"), "true"),
    **dict.fromkeys(("no", "n", "false", "f", "0", "nein", "non"), "false"),
}


def _yes_no(value: str) -> str:
    known = _YES_NO.get(value.casefold())
    if known is None:
        raise NotThat("Neither yes nor no.", "Write yes or no, or leave it empty.")
    return known


_MONTHS = {
    word: number
    for number, words in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), start=1,
    )
    for word in words.split()
}  # fmt: skip
_ISO_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})|(\d{4})(\d\d)(\d\d)", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})", re.ASCII)
_NAMED = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?[ -]([a-z]+)\.?,?[ -](\d{4})", re.ASCII)
_NAMED_FIRST = re.compile(r"([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", re.ASCII)
_MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?(Z|\+00:?00)?$")
WRITE_A_DAY = "Write it as 2018-01-03."


def _date(value: str) -> str:
    text = _MIDNIGHT.sub("", value)
    if re.search(r"\d:\d\d", text):
        raise NotThat(
            "This is a moment, with a time of day.", "Take the column for date and time, or leave out the time."
        )
    year, month, day = _parts_of_day(text.casefold())
    return f'"{_day(year, month, day).isoformat()}"'


def _parts_of_day(text: str) -> tuple[int, int, int]:
    if found := _ISO_DAY.fullmatch(text):
        year, month, day = (part for part in found.groups() if part)
    elif found := _DAY_FIRST.fullmatch(text):
        day, month, year = found.groups()
    elif found := _SLASHED.fullmatch(text):
        first, second, year = found.groups()
        if int(first) <= 12 and int(second) <= 12 and int(first) != int(second):
            raise NotThat("Day and month cannot be told apart.", WRITE_A_DAY)
        month, day = (second, first) if int(first) > 12 else (first, second)
    elif (found := _NAMED.fullmatch(text)) and found[2] in _MONTHS:
        day, month, year = found[1], str(_MONTHS[found[2]]), found[3]
    elif (found := _NAMED_FIRST.fullmatch(text)) and found[1] in _MONTHS:
        month, day, year = str(_MONTHS[found[1]]), found[2], found[3]
    else:
        raise NotThat("This is no date.", f"{WRITE_A_DAY} Or take the column for text.")
    return int(year), int(month), int(day)


def _day(year: int, month: int, day: int) -> date:
    if year not in YEARS:
        raise NotThat(f"The year {year} cannot be meant.", WRITE_A_DAY)
    try:
        return date(year, month, day)
    except ValueError:
        raise NotThat("There is no such day.", WRITE_A_DAY) from None


_EPOCH = re.compile(r"[0-9]{10}(\.[0-9]{1,6})?|[0-9]{13}")
_ZONE_IN_WORDS = re.compile(r"\s*(?:UTC|GMT)$", re.IGNORECASE)
WRITE_A_MOMENT = "Write it as 2018-01-03T16:35Z, or with its zone: 2018-01-03T17:35+01:00."


def _moment(value: str) -> str:
    moment = _moment_of(value)
    if moment is None:
        raise NotThat("This is no moment.", f"{WRITE_A_MOMENT} Or take the column for text.")
    if moment.tzinfo is None:
        raise NotThat("It does not say in which time zone.", WRITE_A_MOMENT)
    if moment.year not in YEARS:
        raise NotThat(f"The year {moment.year} cannot be meant.", WRITE_A_MOMENT)
    return f'"{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"'


def _moment_of(value: str) -> datetime | None:
    if _EPOCH.fullmatch(value):
        return datetime.fromtimestamp(int(value) / 1000 if len(value) == 13 else float(value), UTC)
    try:
        return datetime.fromisoformat(re.sub(r" (?=[+-]\d\d:?\d\d$)", "", _ZONE_IN_WORDS.sub("+00:00", value)))
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None


_AS_JSON: dict[str, Callable[[str], str]] = {
    "text": _text, "number": _number, "date": _date, "moment": _moment, "yes_no": _yes_no,
}  # fmt: skip


def as_text(value: object) -> str:
    """A value of a fact as a file would have it: read again, it is the same."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    return "" if value is None else str(value)


# Saying ---------------------------------------------------------------------------------------------------------

_SAID_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SAID_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
GROUPED_FROM = 10_000  # below it digits stand together, since many such numbers are years


def in_words(value: object, language: str = "en") -> str:
    """One value as a person reads it: "3 January 2018", "16:35 UTC, 3 January 2018", "12,345", "yes".

    None is the empty text. Lists and tables are their callers' to lay out.
    """
    if isinstance(value, str):
        return _text_in_words(value, language) if value[:1].isdigit() and "-" in value else value
    if value is None:
        return ""
    with translation.override(language):
        if isinstance(value, bool):
            yes, no = gettext("yes,no,maybe").split(",")[:2]
            return yes if value else no
        if isinstance(value, int | float):
            number = Decimal(repr(value))
            return number_format(f"{number:f}", use_l10n=True, force_grouping=abs(number) >= GROUPED_FROM)
    return str(value)


@lru_cache(maxsize=4096)
def _text_in_words(value: str, language: str) -> str:
    try:
        if _SAID_DAY.fullmatch(value):
            return _day_in_words(date.fromisoformat(value), language)
        if _SAID_MOMENT.fullmatch(value):
            moment = datetime.fromisoformat(value).astimezone(UTC)
            clock = f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
            return f"{clock} UTC, {_day_in_words(moment.date(), language)}"
    except (ValueError, OverflowError):
        pass
    return value


def _day_in_words(day: date, language: str) -> str:
    with translation.override(language):
        return date_format(day, "j F Y" if language.partition("-")[0] == "en" else "DATE_FORMAT")


def name_in_words(name: str) -> str:
    """api_key → API key."""
    words = [word.upper() if word.lower() in ABBREVIATIONS else word for word in re.split(r"[\s_]+", name) if word]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


ABBREVIATIONS = {"api", "dns", "id", "iban", "ip", "mfa", "oauth", "sms", "smtp", "ssh", "sso", "url"}
