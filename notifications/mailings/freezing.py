"""Recipients are frozen in windows: address, link, code and facts of each, their seal, and the message composed dry."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from psycopg.types.json import Jsonb

from accounts.models import Address
from incidents.models import AffectedAccount
from notifications import composing, links
from notifications.composing import CannotCompose
from notifications.mailings import sealing, texts
from notifications.models import Mailing, Recipient

WINDOW = 2000  # rows
PROBLEMS_KEPT = 200


@dataclass
class Counted:
    recipients: int = 0
    problems: int = 0
    kept: list[dict] = field(default_factory=list)
    seal: sealing.Seal = field(kw_only=True)

    def problem(self, recipient: Recipient, error: CannotCompose) -> None:
        self.problems += 1
        if len(self.kept) < PROBLEMS_KEPT:
            self.kept.append({
                "recipient": recipient.pk, "account": str(recipient.account), "variable": error.variable,
                "words": str(error),
            })  # fmt: skip

    def listed(self) -> list[dict]:
        left = self.problems - len(self.kept)
        return [*self.kept, {"more": left}] if left else self.kept


def freeze_window(mailing: Mailing, chosen: dict[int, int], counted: Counted, *, at: datetime) -> None:
    """chosen: address id by affected account's id, in order."""
    rows = AffectedAccount.objects.select_related("account").prefetch_related("segments").in_bulk(chosen)
    window = [rows[affected] for affected in chosen]
    addresses = Address.objects.in_bulk(chosen.values())
    pairs = [(affected, addresses[chosen[affected.pk]]) for affected in window]
    reader_links = links.make_links(pairs, at=at)
    codes = links.new_codes(len(pairs))
    cancelled = _cancelled_before(mailing, window)
    new: list[Recipient] = []
    again: list[Recipient] = []
    for (affected, address), code in zip(pairs, codes, strict=True):
        recipient = cancelled.get((affected.account_id, address.pk))
        if recipient:
            again.append(recipient)
        else:
            recipient = _new_recipient(mailing, code)
            new.append(recipient)
        recipient.mailing, recipient.account, recipient.affected_account = mailing, affected.account, affected
        recipient.address, recipient.link = address, reader_links[affected.pk, address.pk]
        recipient.merge = composing.merge_facts(affected, mailing.version, address=address)
        recipient.state, recipient.state_at, recipient.reason = Recipient.State.PREPARED, at, ""
        recipient.merge_seal = sealing.merge_seal(recipient.merge)
        counted.seal.add(affected=affected.pk, account=affected.account_id, address=address.value, kind=address.kind,
                         merge=recipient.merge)  # fmt: skip
    Recipient.objects.bulk_create(new, batch_size=WINDOW)
    _take_over(mailing, again, at=at)
    counted.recipients += len(pairs)
    _compose_dry([*new, *again], counted)


def _cancelled_before(mailing: Mailing, window: list[AffectedAccount]) -> dict[tuple[int, int | None], Recipient]:
    """Recipients of a cancelled mailing who were never told: taken over, since each stands in the ledger once."""
    rows = Recipient.objects.filter(
        incident=mailing.incident, affected_account__in=window, kind=mailing.version.notice.kind,
        sequence=mailing.sequence, state=Recipient.State.CANCELLED, again=0,
    )  # fmt: skip
    return {(row.account_id, row.address_id): row for row in rows}


def _take_over(mailing: Mailing, recipients: list[Recipient], *, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE notifications_recipient r
               SET mailing_id = %s, state = %s, state_at = %s, reason = '', link_id = v.link, merge = v.merge,
                 merge_seal = v.seal
               FROM unnest(%s::bigint[], %s::bigint[], %s::jsonb[], %s::bytea[]) AS v (id, link, merge, seal)
               WHERE r.id = v.id""",
            [
                mailing.pk,
                Recipient.State.PREPARED,
                at,
                [recipient.pk for recipient in recipients],
                [recipient.link_id for recipient in recipients],
                [Jsonb(recipient.merge) for recipient in recipients],
                [recipient.merge_seal for recipient in recipients],
            ],
        )


def _new_recipient(mailing: Mailing, code: str) -> Recipient:
    return Recipient(
        incident=mailing.incident, kind=mailing.version.notice.kind, sequence=mailing.sequence, code=code,
        channel=mailing.channel, message_id=texts.message_id(mailing.sender),
    )  # fmt: skip


def _compose_dry(recipients: list[Recipient], counted: Counted) -> None:
    for recipient in recipients:
        try:
            composing.compose(recipient)
        except CannotCompose as error:
            counted.problem(recipient, error)
