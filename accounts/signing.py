"""The house's own signature (Ed25519): which key signs, and how one key hands over to the next.

AUDIT_KEYS names them as `id:seed`; the first signs. A key is introduced in the log, signed by itself and, unless it is
the first, by the one before: whoever knows any older public key can follow to the newest.
"""

import base64
import binascii
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import connection, transaction

from accounts import audit
from accounts.models import SigningKey

KEY_DOMAIN = b"candor.key.v1\n"
INTRODUCED, LOST = "signing_key.introduced", "signing_key.introduced_without_the_old"
KEYS_LOCK = 0x4B455953  # advisory: one introduces a key at a time


class NoKey(Exception):
    """There is no key to sign with, or it may not be used; the words say what to do."""


def secret(pair: str) -> tuple[str, Ed25519PrivateKey]:
    """(id, key) of one of AUDIT_KEYS: 32 bytes in base64 behind the id, or file: and a path where they stand."""
    name, _, said = pair.partition(":")
    if said.startswith("file:"):
        try:
            said = Path(said.removeprefix("file:")).read_text()
        except OSError as problem:
            raise NoKey(f"AUDIT_KEYS: the file of {name} cannot be read: {problem.strerror}") from None
    try:
        seed = base64.b64decode(said.strip().translate(str.maketrans("-_", "+/")) + "==")
        return name, Ed25519PrivateKey.from_private_bytes(seed)
    except (ValueError, binascii.Error):
        raise NoKey(f"AUDIT_KEYS: {name} is not 32 bytes in base64. Make one: openssl rand -base64 32") from None


def public_of(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def holds(public: str, signature: str, said: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), said)
    except (InvalidSignature, ValueError):
        return False
    return True


def key(*, at: datetime, without_the_old: bool = False) -> tuple[SigningKey, Ed25519PrivateKey]:
    """The key that signs now, introduced in the log if nobody has seen it yet.

    without_the_old: the secret of the key before is lost, and somebody says so. Raises NoKey.
    """
    if not settings.AUDIT_KEYS:
        raise NoKey("AUDIT_KEYS is empty: nothing can be signed. Set AUDIT_KEYS=id:seed, 32 random bytes in base64.")
    name, mine = secret(settings.AUDIT_KEYS[0])
    known = SigningKey.objects.filter(pk=name).first() or _introduce(name, mine, at=at, alone=without_the_old)
    if known.public != public_of(mine):
        raise NoKey(f"AUDIT_KEYS: {name} is another key than the one introduced as {name}. Give a new key a new id.")
    return known, mine


@transaction.atomic
def _introduce(name: str, mine: Ed25519PrivateKey, *, at: datetime, alone: bool) -> SigningKey:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [KEYS_LOCK])
    if there := SigningKey.objects.filter(pk=name).first():
        return there
    before = SigningKey.objects.last()
    new = SigningKey.objects.create(id=name, public=public_of(mine), since=at)
    said = statement(new.pk, new.public, before.pk if before else None)
    facts: dict[str, Any] = {
        "public": new.public,
        "by_itself": mine.sign(said).hex(),
        "before": before.pk if before else None,
    }
    if before and not alone:
        facts["by_the_one_before"] = _old(before).sign(said).hex()
    audit.record(act=LOST if before and alone else INTRODUCED, thing=new, by=None, at=at, **facts)
    return new


def statement(name: str, public: str, before: str | None) -> bytes:
    """What both keys sign when one hands over to the other."""
    return KEY_DOMAIN + audit.canonical({"key": name, "public": public, "before": before}).encode()


def _old(before: SigningKey) -> Ed25519PrivateKey:
    for pair in settings.AUDIT_KEYS[1:]:
        name, old = secret(pair)
        if name == before.pk and public_of(old) == before.public:
            return old
    raise NoKey(
        f"The key before this one, {before.pk}, has to sign for it, and AUDIT_KEYS does not name it. Keep it there, "
        "behind the new one, until the log has both; if it is lost: manage.py anchor --old-key-is-lost"
    )
