"""Personal facts and names of one account, in words and no more of them than their owner needs to know them by."""

import re
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Address
from incidents.audience.facts import TABLE, in_words, name_in_words
from notifications.composing.guidance import masked

LONGEST_ID = 24  # characters shown of an account's id before its middle is left out
IN_DETAIL = _("In detail")


@dataclass(frozen=True)
class Table:
    name: str
    columns: list[str]
    rows: list[list[tuple[str, str]]]
    """For each row its (column, value)s, since a phone shows them one below the other."""


@dataclass(frozen=True)
class Concerns:
    """Which account it is about: enough for its owner to tell two of theirs apart."""

    account: str
    name: str


def concerns(account: Account, address: Address | None) -> Concerns:
    if not account.external_id:
        return Concerns(masked(address.value) if address else "", "")
    identity = account.external_id
    if "@" in identity:
        identity = masked(identity)
    elif len(identity) > LONGEST_ID:
        identity = f"{identity[:8]}…{identity[-4:]}"
    return Concerns(identity, " ".join(f"{word[0]}…" for word in account.name.split()))


def split(facts: dict, *, mask: bool = False) -> tuple[list[tuple[str, str]], list[Table]]:
    """Plain values as (name, words), and small tables. mask: for readers, whose link may be read by others."""
    values, tables = [], []
    for key, value in facts.items():
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            tables.append(_table(key, value, mask=mask))
        elif value not in (None, "", [], {}):
            values.append((name_in_words(key), _shown(value, mask=mask)))
    return values, tables


def _table(key: str, rows: list[dict], *, mask: bool) -> Table:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    heads = [name_in_words(column) for column in columns]
    return Table(
        str(IN_DETAIL) if key == TABLE else name_in_words(key),
        heads,
        [
            [(head, _shown(row.get(column, ""), mask=mask)) for head, column in zip(heads, columns, strict=True)]
            for row in rows
        ],
    )


MAILBOX = re.compile(r"[^\s@<>\"']+@[\w.-]+\.\w+")
IPV4 = re.compile(r"\b(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}\b")
IPV6 = re.compile(r"\b((?:[0-9a-fA-F]{1,4}:){3})[0-9a-fA-F:]{2,}[0-9a-fA-F]\b")
SECRET = re.compile(r"(?=[A-Za-z0-9+/_-]*[0-9])[A-Za-z0-9+/_-]{16,}={0,2}")  # a key, a token, an id: no word is so long
END_SHOWN = 4  # of a secret: enough to find it in a list of one's own


def _shown(value: object, *, mask: bool) -> str:
    """In words; of mailboxes, networks and secrets no more than their owner needs to know them by."""
    words = said(value)
    if not mask:
        return words
    words = MAILBOX.sub(lambda found: masked(found[0]), words)
    words = IPV6.sub(lambda found: f"{found[1]}…", IPV4.sub(lambda found: f"{found[1]}.…", words))
    return SECRET.sub(lambda found: f"…{found[0][-END_SHOWN:]}", words)


def said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name_in_words(str(key))}: {said(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(said(inner) for inner in value)
    return in_words(value)
