"""One normal form for an address, computed once and stored, and the keyed hash by which it is found."""

import hashlib
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import idna
from django.conf import settings

_BLOCK = 64  # bytes of one SHA-256 block


def normalise(address: str) -> str:
    """NFC, trimmed, local part casefolded, domain in lower-case IDNA 2008 (punycode).

    Two spellings of one mailbox share this form; plus-tags and dots stay, since they may be different accounts.
    A text that is no address comes back trimmed and casefolded: judging it is `incidents.audience`'s work.
    """
    text = unicodedata.normalize("NFC", address.strip())
    local, at, domain = text.rpartition("@")
    if not at:
        return text.casefold()
    return f"{unicodedata.normalize('NFC', local.casefold())}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return domain.casefold()


def normalise_phone(number: str) -> str:
    """Digits alone, with + before a country code: +49 (0)30 1234-5 and 0049 30 12345 are one.

    A text that holds anything else comes back trimmed.
    """
    text = unicodedata.normalize("NFKC", number).strip()
    digits = re.sub(r"[\s().\-/\u2010-\u2015]", "", text.removeprefix("tel:").replace("(0)", ""))
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    return digits if re.fullmatch(r"\+?[0-9]+", digits) else text


def normalise_post(address: str) -> str:
    """Words without case and punctuation: how lines were broken and commas set makes no difference."""
    letters = unicodedata.normalize("NFC", unicodedata.normalize("NFC", address).casefold())
    return " ".join("".join(letter if _is_read(letter) else " " for letter in letters).split())


def _is_read(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter)[0] == "M"  # marks are vowels in many languages


def lookup_hash(normal: str) -> bytes:
    """HMAC-SHA256 of a normalised address (32 bytes): finds it without showing it to whoever reads the table."""
    return _keyed(settings.LOOKUP_KEY)(normal.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=4)
def _keyed(key: str) -> Callable[[bytes], bytes]:
    """HMAC (RFC 2104) whose two key blocks are hashed once: an import of a million addresses spends its time here."""
    secret = key.encode()
    if len(secret) > _BLOCK:
        secret = hashlib.sha256(secret).digest()
    secret = secret.ljust(_BLOCK, b"\0")
    begun = hashlib.sha256(bytes(byte ^ 0x36 for byte in secret) + b"candor address\0")
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in secret))

    def digest(message: bytes) -> bytes:
        inner, finish = begun.copy(), outer.copy()
        inner.update(message)
        finish.update(inner.digest())
        return finish.digest()

    return digest
