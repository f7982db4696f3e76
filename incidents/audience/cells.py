"""What one cell of a file may say, by the meaning of its column. Each function raises NotThat for what it may not."""

import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from accounts.addresses import normalise_phone, normalise_post
from accounts.models import Address
from incidents.audience.facts import NotThat
from incidents.models import AffectedAccount, Segment

LONGEST_ID = 200
LONGEST_NAME = 300
LONGEST_POST = 500

ROLES = {role.value: role.value for role in Address.Role} | {"admin": Address.Role.ADMINISTRATOR.value}
CERTAINTIES = {certainty.value: certainty.value for certainty in AffectedAccount.Certainty}
TRUST = dict.fromkeys(("yes", "true", "1", "y"), True) | dict.fromkeys(("no", "false", "0", "n"), False)

# Control characters, line and paragraph separators, and marks that turn the direction of writing: any of them
# could make a message say something else than the file seems to.
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
LINE_BREAK = re.compile(r"\s*[\r\n]+\s*")

# Our exports, as ASVS 1.2.10 asks, put a quote before what a spreadsheet would run as a formula. Reading takes off
# one quote where it stands before such a cell, or before a cell that was quoted already.
QUOTED = re.compile(r"'(?='*[=+\-@\t\r\x00＝＋－＠])")

LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
JURISDICTION = re.compile(r"[A-Za-z]{2}(-[A-Za-z0-9]{1,3})?")


def as_typed(cell: str) -> str:
    """Without the quote that an export put before it."""
    return cell[1:] if QUOTED.match(cell) else cell


def external_id(value: str) -> str:
    if len(value) > LONGEST_ID:
        raise NotThat(f"The account id is longer than {LONGEST_ID} characters.", "Use the id of your own systems.")
    if value.startswith("@"):
        raise NotThat("An account id cannot begin with @.", "Put addresses into the email column.")
    return value


def name(value: str) -> str:
    if len(value) > LONGEST_NAME:
        raise NotThat(f"The name is longer than {LONGEST_NAME} characters.", "Shorten it.")
    return value


def phone(value: str) -> str:
    """The number in its normal form."""
    normal = normalise_phone(value)
    if not re.fullmatch(r"\+?[0-9]{5,15}", normal):
        raise NotThat("This is no telephone number.", "Write one number with its country code, such as +49 30 123456.")
    return normal


def post(value: str) -> str:
    """The postal address in its normal form."""
    if len(value) > LONGEST_POST:
        raise NotThat(f"The postal address is longer than {LONGEST_POST} characters.", "Shorten it.")
    normal = normalise_post(value)
    if " " not in normal:
        raise NotThat("This is too little for a postal address.", "Write street, number, postcode, town and country.")
    return normal


@lru_cache(maxsize=1000)
def locale(value: str) -> str:
    value = value.replace("_", "-")
    if len(value) > 16 or not LOCALE.fullmatch(value):
        raise NotThat("This is no language code.", "Write it as in BCP 47: en, de or pt-BR.")
    return value


@lru_cache(maxsize=1000)
def jurisdiction(value: str) -> str:
    value = value.upper()
    if not JURISDICTION.fullmatch(value):
        raise NotThat("This is no country code.", "Write it as in ISO 3166: DE or US-CA.")
    return value


def role(value: str) -> str:
    return _one_of(value, ROLES, "Not a role we know.", "owner, administrator, security or billing")


def certainty(value: str) -> str:
    return _one_of(value, CERTAINTIES, "Not a certainty we know.", "confirmed, possible or ruled out")


def trusted(value: str) -> bool:
    return _one_of(value, TRUST, "Neither yes nor no.", "yes or no")


def _one_of(value: str, known: dict, problem: str, words: str):
    if value in known:
        return known[value]
    key = re.sub(r"[\s-]+", "_", value.casefold())
    if key not in known:
        raise NotThat(problem, f"Write {words}, or leave it empty.")
    return known[key]


def segments(of_the_incident: Iterable[Segment]) -> Callable[[str], str]:
    """Reads a cell that names some of these segments, as a JSON list of their keys."""
    known = {segment.key.casefold(): segment.key for segment in of_the_incident}

    @lru_cache(maxsize=1000)
    def keys(value: str) -> str:
        words = [word.strip() for word in re.split(r"[|;]", value) if word.strip()]
        strange = [f"“{word[:60]}”" for word in words if word.casefold() not in known]
        if strange:
            raise NotThat(f"This incident has no segment {' and '.join(strange[:3])}.",
                          "Add it under Guidance with this key and upload again, or correct the word.")  # fmt: skip
        return json.dumps(sorted({known[word.casefold()] for word in words}))

    return keys
