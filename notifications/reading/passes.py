"""What a browser holds while a notice is open: for half an hour, for one notice, and worth nothing elsewhere."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.core import signing
from django.utils import timezone

from accounts import sealing
from accounts.models import Address, User
from incidents.models import AffectedAccount
from notifications.models import ReaderLink
from notifications.reading import theirs

PASS_LIFETIME = timedelta(minutes=30)
PASS_PURPOSE = "candor reader pass"  # noqa: S105  (a salt, no secret)
OTHER_WAYS = "notice opened without a link"


@dataclass(frozen=True)
class Opened:
    """The notice this browser may read; address is None where the company's own product vouched for the account."""

    affected_account: AffectedAccount
    address: Address | None


def pass_for(link: ReaderLink) -> str:
    """Signed for this purpose alone, good for half an hour, and for this one link and serial.

    It carries the stored hash of the token, which names both: a row id would tell how many there are.
    """
    signer = signing.TimestampSigner(salt=PASS_PURPOSE)
    return signer.sign(urlsafe_b64encode(bytes(link.sha256)).decode().rstrip("="))


def pass_of_signed_in(user: User, affected: AffectedAccount) -> str:
    """Good only while this user is signed in, and while one of their mailboxes is that of the account."""
    return _sealed({"affected": affected.pk, "user": user.pk})


def pass_of_handed_over(affected: AffectedAccount) -> str:
    return _sealed({"affected": affected.pk})


def enter(pass_: str, *, user: User | AnonymousUser | None = None, at: datetime | None = None) -> Opened | None:
    """What a pass opens; None where it is forged or too old, or what it stands on has ended meanwhile."""
    at = at or timezone.now()
    try:
        said = signing.TimestampSigner(salt=PASS_PURPOSE).unsign(pass_, max_age=PASS_LIFETIME)
        return _by_link(urlsafe_b64decode(said + "="), at)
    except (signing.BadSignature, NotBase64):
        return _another_way(pass_, user)


def _by_link(sha256: bytes, at: datetime) -> Opened | None:
    living = ReaderLink.objects.not_shut().filter(sha256=sha256, expires_at__gt=at, address__withdrawn_at=None)
    link = living.select_related("affected_account__account", "affected_account__incident", "address").first()
    return Opened(link.affected_account, link.address) if link else None


def _sealed(said: dict[str, int]) -> str:
    return sealing.seal(json.dumps(said), purpose=OTHER_WAYS)


def _another_way(pass_: str, user: User | AnonymousUser | None) -> Opened | None:
    try:
        said = json.loads(sealing.unseal(pass_, purpose=OTHER_WAYS, good_for=PASS_LIFETIME))
    except sealing.Unreadable:
        return None
    if "user" not in said:
        affected = theirs.told().filter(pk=said["affected"]).first()
        return Opened(affected, None) if affected else None
    if not isinstance(user, User) or user.pk != said["user"]:
        return None
    found = theirs.of_reader(user, affected=said["affected"])
    return Opened(found[0].affected_account, found[0].address) if found else None
