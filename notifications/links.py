"""The link that opens a personal notice, and the reference code by which a message is checked.

A token is HMAC-SHA256 over this row's id and serial under a link key, so that the same message can be composed
again; the row keeps only which key, which serial, and the SHA-256 of the token (security.md, "Token").
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Address
from incidents.models import AffectedAccount
from notifications.models import ReaderLink

Pair = tuple[AffectedAccount, Address]

PURPOSE = b"candor reader link"
TOKEN_LENGTH = 43  # characters: 32 bytes in base64url without padding


class NoSuchLink(Exception):
    """No link has this token."""


class _Closed(Exception):
    def __init__(self, link: ReaderLink) -> None:
        super().__init__(f"{link} is closed")
        self.link = link


class Expired(_Closed):
    """The link was ours; its time is over. `.link` is the row, so that a fresh one can be offered to the mailbox."""


class Revoked(_Closed):
    """The link was ours and was taken back: it leaked, or the address was withdrawn."""


# Links ----------------------------------------------------------------------------------------------------------


def token(link: ReaderLink) -> str:
    """The token of a link. Raises NoSuchLink where its key is no longer among LINK_KEYS."""
    return signed(b"%s|%d|%d" % (PURPOSE, link.pk, link.serial), link.key_id)


def signed(said: bytes, key_id: str) -> str:
    """The token of what is said, its purpose first. Raises NoSuchLink where LINK_KEYS has the key no more."""
    if key_id not in settings.LINK_KEYS:
        raise NoSuchLink(f"the key {key_id} is no longer in LINK_KEYS")
    digest = hmac.digest(settings.LINK_KEYS[key_id].encode(), said, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def url(link: ReaderLink) -> str:
    return url_of(token(link))


def url_of(token: str) -> str:
    return f"{settings.PUBLIC_BASE_URL}/notice/{token}/"


def find(token: str, *, at: datetime | None = None) -> ReaderLink:
    """The living link with this token. Raises NoSuchLink, Revoked or Expired."""
    rows = ReaderLink.objects.select_related("affected_account__account", "affected_account__incident", "address")
    link = rows.with_shut().filter(sha256=sha256(token)).first()
    if link is None:
        raise NoSuchLink("no link has this token")
    if link.shut:  # type: ignore[attr-defined]  # annotated
        raise Revoked(link)
    if link.expires_at <= (at or timezone.now()):
        raise Expired(link)
    return link


@transaction.atomic
def make_links(pairs: Iterable[Pair], *, at: datetime | None = None) -> dict[tuple[int, int], ReaderLink]:
    """The living link of each affected account at each address, made where there is none; by (affected, address) ids.

    A link there was is kept, so that the link in every earlier message goes on opening the latest truth; its time is
    prolonged. One that was revoked, has expired, or whose key is gone gets a new serial and with it a new token.
    """
    at = at or timezone.now()
    wanted = {(affected.pk, address.pk) for affected, address in pairs}
    found = _held(wanted)
    _renew(list(found.values()), at)
    missing = sorted(wanted - found.keys())
    new = [
        _signed(ReaderLink(pk=pk, affected_account_id=affected, address_id=address), at)
        for pk, (affected, address) in zip(_reserve_ids(len(missing)), missing, strict=True)
    ]
    if _insert(new) < len(new):  # somebody else made one of them a moment ago: theirs stands
        return found | _held(set(missing))
    return found | {(link.affected_account_id, link.address_id): link for link in new}


def _held(wanted: set[tuple[int, int]]) -> dict[tuple[int, int], ReaderLink]:
    rows = ReaderLink.objects.with_shut().filter(affected_account__in={affected for affected, _ in wanted})
    return {key: link for link in rows if (key := (link.affected_account_id, link.address_id)) in wanted}


def _reserve_ids(count: int) -> list[int]:
    """The HMAC covers the row's id, so the ids are taken from the sequence before the rows are written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [ReaderLink._meta.db_table, count],
        )
        return [pk for (pk,) in cursor.fetchall()]


def _insert(links: list[ReaderLink]) -> int:
    """How many were new. One statement, since a mailing makes a hundred thousand of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO notifications_readerlink
                 (id, affected_account_id, address_id, key_id, serial, sha256, expires_at, signed_at, opens)
               SELECT *, 0 FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::int[], %s::bytea[],
                 %s::timestamptz[], %s::timestamptz[]) ON CONFLICT (affected_account_id, address_id) DO NOTHING""",
            [
                [link.pk for link in links],
                [link.affected_account_id for link in links],
                [link.address_id for link in links],
                [link.key_id for link in links],
                [link.serial for link in links],
                [link.sha256 for link in links],
                [link.expires_at for link in links],
                [link.signed_at for link in links],
            ],
        )
        return cursor.rowcount


def _renew(links: list[ReaderLink], at: datetime) -> None:
    """Prolong what stands; sign anew, under another serial, what opens nothing any more."""
    resign([link for link in links if _is_over(link, at)], at=at)
    until = at + settings.LINK_LIFETIME
    for link in links:
        link.expires_at = max(link.expires_at, until)
    ids = [link.pk for link in links]
    if ids:
        ReaderLink.objects.filter(pk__in=ids, expires_at__lt=until).update(expires_at=until)


def _is_over(link: ReaderLink, at: datetime) -> bool:
    shut = link.shut  # type: ignore[attr-defined]  # annotated
    return shut or link.expires_at <= at or link.key_id not in settings.LINK_KEYS


def resign(links: list[ReaderLink], *, at: datetime) -> None:
    """A new serial, and with it a new token: the old one opens nothing any more."""
    for link in links:
        link.serial, link.revoked_at = link.serial + 1, None
        _signed(link, at)
    fields = ["key_id", "serial", "sha256", "expires_at", "signed_at", "revoked_at"]
    ReaderLink.objects.bulk_update(links, fields, batch_size=500)


def _signed(link: ReaderLink, at: datetime) -> ReaderLink:
    link.key_id = next(iter(settings.LINK_KEYS))
    link.expires_at, link.signed_at = at + settings.LINK_LIFETIME, at
    link.sha256 = sha256(token(link))
    return link


def sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


# Reference codes ------------------------------------------------------------------------------------------------

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
CODE_FORM = "XXXX-XXXX-XXXX"
_SYMBOLS = 12  # eleven at random (55 bits), the last one checks
_READ_AS = str.maketrans("OIL", "011", " -–—\t")


def new_code() -> str:
    """Such as 7K3M-9QPA-XC4T: short enough for the telephone, and a typo is noticed."""
    drawn = secrets.randbits(5 * (_SYMBOLS - 1))
    symbols = [(drawn >> 5 * place) & 31 for place in range(_SYMBOLS - 1)]
    return _grouped("".join(ALPHABET[symbol] for symbol in [*symbols, _check(symbols)]))


def new_codes(count: int) -> list[str]:
    """count different codes."""
    codes: set[str] = set()
    while len(codes) < count:
        codes.add(new_code())
    return list(codes)


def normalise_code(typed: str) -> str | None:
    """The code as we print it, whatever case, spaces or dashes it was typed with; O is read as 0, I and L as 1.

    None where it cannot be one of ours: wrong length, wrong letters, or a check symbol that says "typo".
    """
    code = typed.upper().translate(_READ_AS)
    if len(code) != _SYMBOLS or any(symbol not in ALPHABET for symbol in code):
        return None
    symbols = [ALPHABET.index(symbol) for symbol in code]
    return _grouped(code) if _check(symbols[:-1]) == symbols[-1] else None


def _grouped(code: str) -> str:
    return "-".join(code[start : start + 4] for start in range(0, _SYMBOLS, 4))


def _check(symbols: list[int]) -> int:
    """A sum in GF(32), each place with its own power of x: every single wrong symbol and every swap of two shows."""
    total = 0
    for symbol in symbols:
        total = _times_x(total) ^ symbol
    return _times_x(total)


def _times_x(value: int) -> int:
    return (value << 1) ^ (0b100101 if value & 16 else 0)  # modulo x^5 + x^2 + 1, which is primitive
