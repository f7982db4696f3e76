"""One normal form for an address, computed once and stored, and the keyed hash by which it is found."""

import hashlib
import hmac
import unicodedata

import idna
from django.conf import settings


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


def lookup_hash(normal: str) -> bytes:
    """HMAC-SHA256 of a normalised address (32 bytes): finds it without showing it to whoever reads the table."""
    return hmac.digest(
        settings.LOOKUP_KEY.encode(),
        b"candor address\0" + normal.encode("utf-8", "surrogatepass"),
        hashlib.sha256,
    )
