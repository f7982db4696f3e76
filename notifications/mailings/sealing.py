"""What an approval of recipients covers, in a form that a stranger can compute again from keyed hashes alone.

Version 2. Version 1, of mailings prepared before, was over the addresses and facts themselves: the house alone could
compute it, and only for as long as it kept them.
"""

import hashlib
import hmac
from typing import Any

from django.conf import settings

from accounts import audit
from accounts.addresses import lookup_hash
from accounts.models import Address
from notifications.models import Mailing

VERSION = 2
MERGE_DOMAIN = b"candor merge\0"


class Seal:
    """Fed each recipient in the order of affected accounts, then of ids."""

    def __init__(self, mailing: Mailing) -> None:
        self.version = mailing.recipients_hash_version
        said: dict[str, Any] = {
            "whom": mailing.whom_words, "channel": mailing.channel, "evidence": mailing.evidence,
        }  # fmt: skip
        if self.version > 1:
            said["version"] = self.version
        self._hash = hashlib.sha256(_line(said))

    def add(self, *, affected: int, account: int, address: str, kind: str, merge: dict) -> None:
        """address: as it stands on record; kind: one of Address.Kind."""
        if self.version == 1:
            self._hash.update(_line({"account": account, "address": address, "merge": merge}))
            return
        lookup = lookup_hash(Address.normal_of(address, kind))
        self._hash.update(_line({
            "affected_account": affected, "address": lookup.hex(), "merge": merge_seal(merge).hex(),
        }))  # fmt: skip

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def merge_seal(merge: dict) -> bytes:
    """HMAC-SHA256 of the facts of one message: says later that they were these, and shows none of them."""
    return hmac.digest(settings.LOOKUP_KEY.encode(), MERGE_DOMAIN + audit.canonical(merge).encode(), hashlib.sha256)


def _line(value: dict) -> bytes:
    return f"{audit.canonical(value)}\n".encode()
