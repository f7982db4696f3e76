"""The envelope sender of one message (VERP): an address that says whose bounce it is, and that nobody else can make.

    bounce+<29 letters and digits>@bounces.example.com

Ten bytes of HMAC over the recipient's id under a link key, then the id, masked by a stream made from those ten, so
that nobody reads from it how many people were written to. Base32, since mail servers may change case.
"""

import base64
import hashlib
import hmac
import re
from functools import lru_cache

from django.conf import settings

PURPOSE, MASK = b"candor return path|", b"candor return path mask|"
PROOF = 10  # bytes
ID = 8  # bytes
UPDATES = 1 << 62
"""Added to the id of a subscriber's message, so that it is told from a recipient's."""
ANSWERS = 1 << 61
"""The same for the answer to an inquiry."""
LENGTH = 29  # characters: 18 bytes in base32 without padding


def of(recipient_id: int) -> str:
    """The return path of this recipient's message; empty where BOUNCE_ADDRESS is not set."""
    if not settings.BOUNCE_ADDRESS:
        return ""
    key = next(iter(settings.LINK_KEYS.values())).encode()
    said = recipient_id.to_bytes(ID)
    proof = _proof(key, said)
    code = base64.b32encode(proof + _masked(key, proof, said)).rstrip(b"=").decode().lower()
    return _shape(settings.BOUNCE_ADDRESS).replace("{}", code)


def find(text: str) -> list[int]:
    """The ids of recipients whose return paths stand in a text, in order; none for one that is not signed by us."""
    if not settings.BOUNCE_ADDRESS:
        return []
    found = _pattern(settings.BOUNCE_ADDRESS).findall(text)
    return [pk for code in dict.fromkeys(found) if (pk := _recipient(code)) is not None]


def _recipient(code: str) -> int | None:
    raw = base64.b32decode(code.upper() + "=" * (-LENGTH % 8))
    proof, masked = raw[:PROOF], raw[PROOF:]
    for one in settings.LINK_KEYS.values():  # a key that no longer signs is still understood
        key = one.encode()
        said = _masked(key, proof, masked)
        if hmac.compare_digest(_proof(key, said), proof):
            return int.from_bytes(said)
    return None


def _proof(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, PURPOSE + said, hashlib.sha256)[:PROOF]


def _masked(key: bytes, proof: bytes, said: bytes) -> bytes:
    stream = hmac.digest(key, MASK + proof, hashlib.sha256)[:ID]
    return bytes(one ^ other for one, other in zip(said, stream, strict=True))


def _shape(address: str) -> str:
    """With {} where the code goes: in the place that the setting names, else behind a plus."""
    if "{}" in address:
        return address
    local, _, domain = address.rpartition("@")
    return f"{local}+{{}}@{domain}"


@lru_cache(maxsize=8)
def _pattern(address: str) -> re.Pattern[str]:
    before, after = map(re.escape, _shape(address).split("{}"))
    return re.compile(rf"(?<![\w.+-]){before}([a-z2-7]{{{LENGTH}}}){after}(?![\w.-])", re.IGNORECASE)
