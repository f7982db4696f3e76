"""Segments by rule: who is in one by what is known of them, as a person writes it, one condition in a line.

    plan is enterprise
    plan is one of business, enterprise
    last_used after 2018-01-01
    calls more than 100
    certainty is possible
    country is DE, AT
    address at example.com
    security address at example.com

All conditions must hold. A rule puts accounts into its segment, when they are imported or on demand; nobody is ever
taken out of one by it: what they were told may rest on it.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import connection

from accounts import audit
from accounts.addresses import normalise
from accounts.models import Address, User
from incidents.models import AffectedAccount, ImportBatch, Incident, Segment

MOST = 20  # conditions
FACT = re.compile(r"[a-z][a-z0-9_]*")
COUNTRY = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
DOMAIN = re.compile(r"(?=.{3,253}$)([a-z0-9_]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,63}")
ROLES = "|".join(Address.Role.values)
COMPARED = {"more than": "more", "less than": "less", "after": "after", "before": "before"}


class NotARule(Exception):
    """A line cannot be understood. The message says which, and how it may be written."""


# In words ------------------------------------------------------------------------------------------------------


def read(text: str) -> dict:
    """The rule that somebody wrote; {} where nothing stands there. Raises NotARule."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if len(lines) > MOST:
        raise NotARule(f"There are {len(lines)} lines; a rule has at most {MOST}.")
    return {"all": [_condition(line) for line in lines]} if lines else {}


def in_words(rule: dict) -> str:
    """As `read` takes it."""
    return "\n".join(_words(condition) for condition in rule.get("all", []))


def _condition(line: str) -> dict:
    for pattern, make in GRAMMAR:
        found = re.fullmatch(pattern, line, re.IGNORECASE)
        if found:
            return make(line, **found.groupdict())
    raise NotARule(
        f"“{line[:80]}” is no condition. Write for instance: plan is enterprise; last_used after 2018-01-01;"
        " calls more than 100; certainty is possible; country is DE, AT; address at example.com."
    )


def _certainty(line: str, *, value: str) -> dict:
    key = value.strip().casefold().replace(" ", "_")
    if key not in {AffectedAccount.Certainty.CONFIRMED, AffectedAccount.Certainty.POSSIBLE}:
        raise NotARule(f"“{line[:80]}”: certainty is confirmed or possible.")
    return {"certainty": key}


def _country(line: str, *, values: str) -> dict:
    codes = [code.upper() for code in _list(values)]
    if not codes or not all(COUNTRY.fullmatch(code) for code in codes):
        raise NotARule(f"“{line[:80]}”: write countries as in ISO 3166, such as DE or US-CA.")
    return {"jurisdiction": codes}


def _address(line: str, *, role: str | None, values: str) -> dict:
    domains = [domain_of(value) for value in _list(values)]
    if not domains or not all(domains):
        raise NotARule(f"“{line[:80]}”: write the domain as addresses have it, such as example.com.")
    return {"address_at": domains} | ({"role": role.casefold()} if role else {})


def _compared(line: str, *, fact: str, how: str, value: str) -> dict:
    key = COMPARED[how.casefold()]
    if key in {"after", "before"}:
        try:
            return {"fact": fact.casefold(), key: date.fromisoformat(value).isoformat()}
        except ValueError:
            raise NotARule(f"“{line[:80]}”: write the day as 2018-01-31.") from None
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise NotARule(f"“{line[:80]}”: {value[:40]} is no number.") from None
    if not number.is_finite() or abs(number) > 10**15:
        raise NotARule(f"“{line[:80]}”: {value[:40]} is no number that can be compared.")
    return {"fact": fact.casefold(), key: str(number)}


def _is(line: str, *, fact: str, values: str, one_of: str | None) -> dict:
    said = _list(values) if one_of else [values.strip()]
    if not said or any(len(value) > 200 for value in said):
        raise NotARule(f"“{line[:80]}”: say what the value is.")
    return {"fact": fact.casefold(), "is": said}


GRAMMAR: tuple[tuple[str, Callable[..., dict]], ...] = (
    (r"certainty is (?P<value>.+)", _certainty),
    (r"(?:country|jurisdiction) is (?:one of )?(?P<values>.+)", _country),
    (rf"(?:(?P<role>{ROLES}) )?address at (?P<values>.+)", _address),
    (rf"(?P<fact>{FACT.pattern}) (?P<how>more than|less than|after|before) (?P<value>.+)", _compared),
    (rf"(?P<fact>{FACT.pattern}) is (?P<one_of>one of )?(?P<values>.+)", _is),
)


def _list(values: str) -> list[str]:
    return [value.strip() for value in values.split(",") if value.strip()]


def domain_of(value: str) -> str:
    """As the normal form of addresses has it; empty where it is none."""
    domain = normalise(f"x@{value.strip().removeprefix('@')}").rpartition("@")[2]
    return domain if DOMAIN.fullmatch(domain) else ""


def _words(condition: dict) -> str:
    if "certainty" in condition:
        return f"certainty is {condition['certainty']}"
    if "jurisdiction" in condition:
        return f"country is {', '.join(condition['jurisdiction'])}"
    if "address_at" in condition:
        role = f"{condition['role']} " if "role" in condition else ""
        return f"{role}address at {', '.join(condition['address_at'])}"
    for words, key in COMPARED.items():
        if key in condition:
            return f"{condition['fact']} {words} {condition[key]}"
    values = condition["is"]
    return f"{condition['fact']} is {'one of ' if len(values) > 1 else ''}{', '.join(values)}"


# As SQL --------------------------------------------------------------------------------------------------------

# Each value of a fact of one account: its own, and those in the lines of its small table.
SAID = """EXISTS (
    SELECT FROM (
        SELECT affected.facts ->> %s UNION ALL
        SELECT line ->> %s FROM jsonb_array_elements(
            CASE jsonb_typeof(affected.facts -> 'rows') WHEN 'array' THEN affected.facts -> 'rows' ELSE '[]' END
        ) AS line
    ) AS each (said) WHERE {test}
)"""
NUMBER = r"CASE WHEN said ~ '^-?[0-9]{{1,30}}([.][0-9]{{1,30}})?$' THEN said::numeric {sign} %s::numeric ELSE false END"
DAY = "CASE WHEN said ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}' THEN left(said, 10) {sign} %s COLLATE \"C\" ELSE false END"
SIGNS = {"more": (NUMBER, ">"), "less": (NUMBER, "<"), "after": (DAY, ">"), "before": (DAY, "<")}
YES_NO = {"yes": ["yes", "true"], "no": ["no", "false"]}


def _sql(rule: dict) -> tuple[str, list]:
    """A condition on `affected` and `account`, and what it is given. An empty rule is true of nobody."""
    parts = [_part(condition) for condition in rule.get("all", [])]
    if not parts:
        return "false", []
    return " AND ".join(f"({part})" for part, _ in parts), [one for _, given in parts for one in given]


def _part(condition: dict) -> tuple[str, list[Any]]:
    if "certainty" in condition:
        return "affected.certainty = %s", [condition["certainty"]]
    if "jurisdiction" in condition:
        codes = condition["jurisdiction"]
        return "account.jurisdiction = ANY(%s) OR split_part(account.jurisdiction, '-', 1) = ANY(%s)", [codes, codes]
    if "address_at" in condition:
        role = " AND address.role = %s" if "role" in condition else ""
        return (
            f"""EXISTS (
            SELECT FROM accounts_address address
             WHERE address.account_id = affected.account_id AND address.kind = 'email' AND address.withdrawn_at IS NULL
               AND split_part(address.normal, '@', 2) = ANY(%s){role}
        )""",
            [condition["address_at"], *([condition["role"]] if role else [])],
        )  # noqa: S608  (fixed text)
    fact = condition["fact"]
    for key, (test, sign) in SIGNS.items():
        if key in condition:
            return SAID.format(test=test.format(sign=sign)), [fact, fact, condition[key]]
    values = [word for value in condition["is"] for word in YES_NO.get(value.casefold(), [value.casefold()])]
    return SAID.format(test="lower(said) = ANY(%s)"), [fact, fact, values]


WHO = """
  FROM incidents_affectedaccount affected
  JOIN accounts_account account ON account.id = affected.account_id
 WHERE affected.incident_id = %s AND affected.certainty <> 'ruled_out'
"""
NOT_IN_IT_YET = """
   AND NOT EXISTS (SELECT FROM incidents_affectedaccount_segments member
                    WHERE member.affectedaccount_id = affected.id AND member.segment_id = %s)
"""
JOIN_IT = "INSERT INTO incidents_affectedaccount_segments (affectedaccount_id, segment_id) SELECT affected.id, %s "


# Who is in it --------------------------------------------------------------------------------------------------


def would_hold(incident: Incident, rule: dict) -> int:
    """How many accounts of the list it is true of now; ruled-out ones are in no segment by rule."""
    where, given = _sql(rule)
    return _run(f"SELECT count(*) {WHO} AND {where}", [incident.pk, *given], count=True)


def would_join(segment: Segment) -> int:
    """Of them, how many are not in the segment yet."""
    where, given = _sql(segment.rule)
    return _run(f"SELECT count(*) {WHO} AND {where} {NOT_IN_IT_YET}",
                [segment.incident_id, *given, segment.pk], count=True)  # fmt: skip


def apply(batch: ImportBatch) -> int:
    """In a save: accounts that the batch added or changed come into the segments whose rule is true of them."""
    return sum(
        _join(segment, " AND (affected.batch_id = %s OR affected.changed_in_id = %s)", [batch.pk, batch.pk])
        for segment in with_rules(batch.incident)
    )


def apply_to_list(segment: Segment, *, by: User, at: datetime | None = None) -> int:
    """In a transaction: everybody on the list of whom its rule is true comes into the segment; how many came."""
    joined = _join(segment, "", [])
    audit.record(act="segment.applied", thing=segment, by=by, at=at, incident=segment.incident_id,
                 rule=in_words(segment.rule), accounts=joined)  # fmt: skip
    return joined


def with_rules(incident: Incident) -> Iterator[Segment]:
    return incident.segments.exclude(rule={}).iterator()


def _join(segment: Segment, more: str, of: list) -> int:
    where, given = _sql(segment.rule)
    return _run(f"{JOIN_IT} {WHO} AND {where}{more} {NOT_IN_IT_YET}",
                [segment.pk, segment.incident_id, *given, *of, segment.pk])  # fmt: skip


def _run(statement: str, given: list, *, count: bool = False) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return cursor.fetchone()[0] if count else cursor.rowcount
