"""The address of whoever asks, encrypted: from the form until it is answered nobody reads it in the table.

AES-256-GCM, under a key derived from the first of INQUIRY_KEYS; the incident and the keyed hash are bound to it, so
that no row's address can be put into another row. Every address is padded to one length, which tells nothing then.
"""

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

LONGEST = 254  # characters of an address (RFC 5321)
ROOM = 4 * LONGEST + 1  # bytes: any such address in UTF-8, with the mark of its end
_NONCE = 12  # bytes
_END = b"\x80"  # then zeros (ISO 7816-4)


class CannotOpen(Exception):
    """The key is gone from INQUIRY_KEYS, or the row was tampered with."""


def seal(address: str, *, incident: int, lookup: bytes) -> tuple[str, bytes]:
    """(key id, sealed) of an address of at most LONGEST characters."""
    key_id = next(iter(settings.INQUIRY_KEYS))
    nonce, plain = os.urandom(_NONCE), (address.encode() + _END).ljust(ROOM, b"\0")
    return key_id, nonce + _cipher(settings.INQUIRY_KEYS[key_id]).encrypt(nonce, plain, _about(incident, lookup))


def unseal(sealed: bytes, *, key_id: str, incident: int, lookup: bytes) -> str:
    """Raises CannotOpen."""
    if key_id not in settings.INQUIRY_KEYS:
        raise CannotOpen(f"the key {key_id} is no longer in INQUIRY_KEYS")
    nonce, hidden = sealed[:_NONCE], sealed[_NONCE:]
    try:
        plain = _cipher(settings.INQUIRY_KEYS[key_id]).decrypt(nonce, hidden, _about(incident, lookup))
    except (InvalidTag, ValueError) as error:
        raise CannotOpen("it was sealed for another row, or with another key") from error
    return plain.rstrip(b"\0").removesuffix(_END).decode()


def _about(incident: int, lookup: bytes) -> bytes:
    return b"candor inquiry|%d|" % incident + lookup


@lru_cache(maxsize=8)
def _cipher(secret: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, b"candor inquiry address").derive(secret.encode()))
