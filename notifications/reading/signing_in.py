"""A code by mail shows whose mailbox it is. Asking says the same to everyone, and every address that asks gets a mail.

The request writes a row and looks nothing up; a worker mails. Whether the mailbox is that of an affected account, of a
user, or of nobody is looked at only after its owner has typed the code.
"""

import hashlib
import hmac
import json
import logging
import re
import secrets
from datetime import datetime, timedelta

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.mail import get_connection
from django.db import transaction
from django.db.models import F
from django.utils import translation

from accounts import sealing
from accounts.adapters import MAIL_IS_AWAY
from accounts.addresses import lookup_hash, normalise
from accounts.models import Organisation
from notifications.models import MailboxCode

logger = logging.getLogger(__name__)

GOOD_FOR = timedelta(minutes=10)  # ASVS 6.5.5
TRIES = 5
AN_HOUR = 10  # codes for one mailbox; one more is not sent, which only that mailbox could notice
KEPT = timedelta(hours=1)  # for counting them
PURPOSE = "sign-in code"


class WrongCode(Exception):
    """Another code than the one we sent. `.left`: how many tries are left."""

    def __init__(self, left: int) -> None:
        super().__init__(f"another code; {left} tries left")
        self.left = left


class Over(Exception):
    """Too old, tried too often, used already, or asked for in another browser."""


def ask(*, address: str, language: str, at: datetime) -> str:
    """Write down that somebody asked; answers what their browser holds until they type the code."""
    handle, code = secrets.token_urlsafe(32), get_adapter().generate_login_code()
    MailboxCode.objects.create(
        handle_sha256=_hash(handle), lookup=lookup_hash(normalise(address)), language=language, asked_at=at,
        sealed=sealing.seal(json.dumps([address, code]), purpose=PURPOSE),
    )  # fmt: skip
    return handle


def send_waiting(*, at: datetime, limit: int = 200) -> int:
    """Mail the codes that were asked for; how many rows were dealt with. What fails is tried again while it is good."""
    MailboxCode.objects.filter(asked_at__lte=at - KEPT).delete()
    dealt_with, connection = 0, get_connection()
    try:
        while dealt_with < limit and _send_one(connection, at):
            dealt_with += 1
    finally:
        connection.close()
    return dealt_with


@transaction.atomic
def _send_one(connection, at: datetime) -> bool:
    """False where none waits, or the mail server is away. A worker killed in here mails the same code once more."""
    waiting = MailboxCode.objects.filter(sent_at=None, asked_at__gt=at - GOOD_FOR).order_by("asked_at")
    row = waiting.select_for_update(skip_locked=True).first()
    if row is None:
        return False
    if MailboxCode.objects.filter(lookup=row.lookup, sent_at__gt=at - KEPT).count() >= AN_HOUR:
        row.delete()
        return True
    try:
        connection.open()  # one for all of them; nothing happens where it is open
        _mail(row, connection)
    except MAIL_IS_AWAY as away:
        logger.error("A sign-in code could not be mailed: %s", type(away).__name__)
        return False
    MailboxCode.objects.filter(pk=row.pk).update(sent_at=at)
    return True


def _mail(row: MailboxCode, connection) -> None:
    address, code = json.loads(sealing.unseal(row.sealed, purpose=PURPOSE, good_for=KEPT))
    organisation = Organisation.get()
    facts = {"organisation": organisation, "code": code, "minutes": int(GOOD_FOR.total_seconds() // 60)}
    with translation.override(row.language):
        message = get_adapter().render_mail("notifications/messages/sign_in_code", address, facts)
    message.connection = connection
    message.send()


def prove(handle: str, typed: str, *, at: datetime) -> str:
    """The address whose owner typed the code. Raises WrongCode or Over; right once only."""
    mine = MailboxCode.objects.filter(
        handle_sha256=_hash(handle), used_at=None, tries__lt=TRIES, asked_at__gt=at - GOOD_FOR
    ).exclude(sealed="")
    if not mine.update(tries=F("tries") + 1):  # counted before it is compared: many at once win nothing
        raise Over
    row = MailboxCode.objects.get(handle_sha256=_hash(handle))
    address, code = json.loads(sealing.unseal(row.sealed, purpose=PURPOSE, good_for=KEPT))
    if not hmac.compare_digest(_as_compared(typed), _as_compared(code)):
        if row.tries >= TRIES:
            raise Over
        raise WrongCode(TRIES - row.tries)
    if not MailboxCode.objects.filter(pk=row.pk, used_at=None).update(used_at=at, sealed=""):
        raise Over
    return address


def _as_compared(code: str) -> bytes:
    """Whatever case, spaces or dashes it was typed with."""
    return re.sub(r"[\W_]", "", code).upper().encode()


def _hash(handle: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), b"candor sign-in\0" + handle.encode(), hashlib.sha256)
