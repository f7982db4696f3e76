"""A started mailing of any size, filled in by SQL: what sending is measured on begins where the room's work ended."""

import uuid
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Approval, Organisation, User
from incidents import casefile
from incidents.models import Incident
from notifications import composing, providers
from notifications.models import Mailing, Notice, NoticeVersion

MORE_WORDS = (
    "We are sorry that this happened, and we say here what we know, what we do not know and what comes next. " * 2
)


def ready_mailing(count: int, *, state: str = Mailing.State.RUNNING) -> Mailing:
    """Started, everyone queued, each with account, address, link and code of their own; a message is about 9.7 kB."""
    prefix = uuid.uuid4().hex[:8]
    by = User.objects.create_user(f"bench-{prefix}@relaypost.example", is_staff=True, is_superuser=True)
    incident = casefile.load(casefile.named("mailgun-2018-01") | {"slug": f"bench-{prefix}"}, by=by)
    Incident.objects.filter(pk=incident.pk).update(visibility="public", first_published_at=timezone.now())
    incident.refresh_from_db()
    subject, body = composing.starter(incident)
    body += "\n\n" + "\n\n".join([MORE_WORDS] * 8)
    notice = Notice.objects.create(incident=incident, name="Bench", subject=subject, body=body)
    version = NoticeVersion.objects.create(
        notice=notice, number=1, subject=subject, body=body, sha256=prefix * 8,
        guidance=composing.freeze_guidance(incident) | {"language": "en"},
    )  # fmt: skip
    approval = Approval.objects.create(
        act="mail", thing=f"bench:{prefix}", hashes={}, summary="", needs=0, asked_by=by, asked_at=timezone.now(),
        given_at=timezone.now(), used_at=timezone.now(),
    )  # fmt: skip
    organisation = Organisation.get()
    mailing = Mailing.objects.create(
        incident=incident, number=1, version=version, state=state, sender=organisation.sender,
        reply_to=organisation.reply_to, provider=providers.first().name, recipients_count=count, approval=approval,
        started_at=timezone.now(), started_by=by,
    )  # fmt: skip
    segment = incident.segments.filter(receives_notice=True)[0]
    given: dict[str, Any] = {
        "count": count, "prefix": prefix, "incident": incident.pk, "mailing": mailing.pk, "key": "laptop",
        "segment": segment.key,
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # as in a restore: no foreign key is looked up
        for statement in FILL:
            cursor.execute(statement, given)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")  # what filling left to be written is not sending's to wait for
    return mailing


FILL = [
    """INSERT INTO accounts_account (external_id, kind, name, locale, jurisdiction)
       SELECT 'b' || %(prefix)s || '-' || n, 'customer', 'Bench ' || n, '', '' FROM generate_series(1, %(count)s) n""",
    """INSERT INTO accounts_address (account_id, kind, role, value, normal, lookup, trusted)
       SELECT id, 'email', 'owner', 'owner@' || external_id || '.example', 'owner@' || external_id || '.example',
         sha256(external_id::bytea), true
       FROM accounts_account WHERE external_id LIKE 'b' || %(prefix)s || '-%%'""",
    """INSERT INTO incidents_affectedaccount (incident_id, account_id, certainty, facts)
       SELECT %(incident)s, id, 'confirmed', '{"api_key": "key-…4f2"}'
       FROM accounts_account WHERE external_id LIKE 'b' || %(prefix)s || '-%%'""",
    """INSERT INTO notifications_readerlink (affected_account_id, address_id, key_id, serial, sha256, expires_at, opens)
       SELECT f.id, a.id, %(key)s, 1, sha256(('link' || f.id)::bytea), now() + interval '90 days', 0
       FROM incidents_affectedaccount f JOIN accounts_address a ON a.account_id = f.account_id
       WHERE f.incident_id = %(incident)s""",
    """INSERT INTO notifications_recipient (incident_id, mailing_id, affected_account_id, account_id, address_id,
         link_id, channel, kind, sequence, code, merge, state, reason, message_id, recorded_proof)
       SELECT f.incident_id, %(mailing)s, f.id, f.account_id, l.address_id, l.id, 'email', 'first', 1,
         upper(left(md5(f.id::text), 12)) || f.id,
         jsonb_build_object('account', c.external_id, 'name', c.name, 'segments', jsonb_build_array(%(segment)s::text),
           'facts', f.facts),
         'queued', '', %(prefix)s || '.' || f.id || '@relaypost.example', ''
       FROM incidents_affectedaccount f JOIN accounts_account c ON c.id = f.account_id
       JOIN notifications_readerlink l ON l.affected_account_id = f.id
       WHERE f.incident_id = %(incident)s ORDER BY f.id""",
    """INSERT INTO notifications_outbox (recipient_id, mailing_id, state, attempt_no)
       SELECT id, mailing_id, 'ready', 0 FROM notifications_recipient WHERE mailing_id = %(mailing)s ORDER BY id""",
]
