"""Mailings and their recipients, made by hand: tests of sending start where an approved mailing was just started."""

from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Approval, User
from incidents.models import AffectedAccount, Incident
from notifications import composing, links
from notifications.models import Mailing, Notice, NoticeVersion, Outbox, Recipient
from tests.factories import NOON, make_account, make_affected, make_organisation, make_user

SENDER = "Relaypost Security <security@relaypost.example>"
BODY = "Hello {{ name }},\n\nsomebody read your key {{ api_key }}. Your page: {{ link }}\n\nCode {{ code }}"


def make_mailing(
    incident: Incident,
    affected: list[AffectedAccount],
    *,
    state: str = Mailing.State.RUNNING,
    kind: str = Notice.Kind.FIRST,
    body: str = BODY,
    **fields,
) -> Mailing:
    """A mailing that was started, one queued recipient for each affected account at its first address."""
    make_organisation()
    notice = Notice.objects.create(incident=incident, kind=kind, name="First", subject="About your keys", body=body)
    version = NoticeVersion.objects.create(
        notice=notice, number=1, subject=notice.subject, body=body, sha256="0" * 64,
        guidance=composing.freeze_guidance(incident) | {"language": "en"},
    )  # fmt: skip
    mailing = Mailing.objects.create(
        incident=incident, number=incident.mailings.count() + 1, version=version, state=state, sender=SENDER,
        reply_to="help@relaypost.example", provider="smtp", recipients_count=len(affected), approval=_approval(),
        started_at=timezone.now(), **fields,
    )  # fmt: skip
    queue(mailing, affected)
    return mailing


def queue(mailing: Mailing, affected: list[AffectedAccount]) -> list[Recipient]:
    pairs = [(one, one.account.addresses.order_by("pk").first()) for one in affected]
    made = links.make_links(pairs)
    recipients = Recipient.objects.bulk_create(
        Recipient(
            incident=mailing.incident, mailing=mailing, affected_account=one, account=one.account, address=address,
            link=made[one.pk, address.pk], kind=mailing.version.notice.kind, sequence=1, code=links.new_code(),
            merge=composing.merge_facts(one, mailing.version), state=Recipient.State.QUEUED,
            message_id=f"{mailing.pk}.{one.pk}@relaypost.example",
        )
        for one, address in pairs
    )  # fmt: skip
    Outbox.objects.bulk_create(Outbox(recipient=one, mailing=mailing, not_before=Now()) for one in recipients)
    return recipients


def make_recipient(incident: Incident, affected: AffectedAccount | None = None, **fields) -> Recipient:
    """The one recipient of a running mailing; with state=…, one whose hand-over is over: it has left the outbox."""
    recipient = make_mailing(incident, [affected or make_affected(incident)]).recipients.get()
    if fields:
        if fields.get("state", "queued") != "queued":
            Outbox.objects.filter(recipient=recipient).delete()
        Recipient.objects.filter(pk=recipient.pk).update(**fields)
        recipient.refresh_from_db()
    return recipient


def make_another_recipient(incident: Incident, **fields) -> Recipient:
    """One more affected account, account-1 and so on, and its one recipient."""
    number = AffectedAccount.objects.count() + 1
    account = make_account(f"account-{number}", f"owner@account-{number}.example")
    affected = make_affected(incident, account)
    return make_recipient(incident, affected, message_id=f"{number}@relaypost.example", **fields)


def _approval() -> Approval:
    wanda = User.objects.filter(email="wanda@relaypost.example").first() or make_user("wanda@relaypost.example")
    return Approval.objects.create(
        act="mail", thing=f"notifications.mailing:{Approval.objects.count()}", hashes={}, summary="", needs=0,
        asked_by=wanda, asked_at=NOON, given_at=NOON, used_at=NOON,
    )  # fmt: skip
