"""From the company's own product, where the customer is signed in already, to their notice: no mail, no phishing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from accounts import audit
from accounts.models import ApiToken
from incidents.models import AffectedAccount
from notifications import links
from notifications.models import HandOver
from notifications.reading import theirs

GOOD_FOR = timedelta(minutes=2)
KEPT = timedelta(days=1)
PURPOSE = b"candor hand-over"


class NothingToOpen(Exception):
    """No such account, or nothing to tell it: the same to whoever asks."""


@dataclass(frozen=True)
class Made:
    url: str
    expires_at: datetime


def of_account(external_id: str) -> list[AffectedAccount]:
    """What this account was told of, the newest first; empty where it is unknown, unaffected or not told yet."""
    return list(theirs.told().filter(account__external_id=external_id).order_by("-pk")[: theirs.MOST_SHOWN])


@transaction.atomic
def hand_over(*, external_id: str, incident: str | None, token: ApiToken, at: datetime) -> Made:
    """An address that opens the notice once, within two minutes. incident: its slug; None: the newest.

    Raises NothingToOpen.
    """
    HandOver.objects.filter(expires_at__lte=at - KEPT).delete()
    found = [one for one in of_account(external_id) if incident in (None, one.incident.slug)]
    if not found:
        raise NothingToOpen
    affected = found[0]
    pk = _next_id()
    said = links.signed(b"%s|%d" % (PURPOSE, pk), next(iter(settings.LINK_KEYS)))
    row = HandOver.objects.create(
        pk=pk, affected_account=affected, sha256=links.sha256(said), token=token.public_id, made_at=at,
        expires_at=at + GOOD_FOR,
    )  # fmt: skip
    audit.record(act="notice.handed_over", thing=affected, by=token.created_by, at=at, incident=affected.incident_id,
                 token=token.public_id)  # fmt: skip
    return Made(links.url_of(said), row.expires_at)


def use(token: str, *, at: datetime) -> AffectedAccount | None:
    """Whose notice it opens. None where it is none of ours, was used, or its time is over."""
    sha256 = links.sha256(token)
    living = HandOver.objects.filter(sha256=sha256, used_at=None, expires_at__gt=at)
    if not living.update(used_at=at):
        return None
    return HandOver.objects.select_related("affected_account").get(sha256=sha256).affected_account


def _next_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [HandOver._meta.db_table])
        return cursor.fetchone()[0]
