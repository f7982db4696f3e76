"""How fast the evidence of a large incident is written, and in how much memory."""

import json
import os
import subprocess
import sys

from django.db import connection, transaction

from config.bench import Figure, benchmark, filling
from config.bench.importing import _url
from notifications.models import Mailing

ROWS = int(os.environ.get("BENCH_ROWS", "1_000_000"))  # recipients; as many accounts, attempts and events
FEW = ROWS // 10  # memory is to be the same


@benchmark("evidence_rows_per_s", "evidence_memory_mib")
def evidence() -> list[Figure]:
    """Every account, recipient, attempt and event of one incident goes into the zip, in a process of its own."""
    little, much = _written(FEW), _written(ROWS)
    rows = 4 * ROWS
    return [
        Figure("evidence_rows_per_s", rows / much["seconds"], "≥ 10,000", "rows/s",
               f"{ROWS:,} accounts, recipients, attempts, events in {much['seconds']:.0f} s; {much['mb']:.0f} MB"),
        Figure("evidence_memory_mib", much["peak_mib"], "≤ 200", "MiB",
               f"peak at {ROWS:,} recipients; {little['peak_mib']:.0f} at {FEW:,}"),
    ]  # fmt: skip


def _written(count: int) -> dict[str, float]:
    mailing = filling.ready_mailing(count)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in TOLD:
            cursor.execute(statement, {"mailing": mailing.pk})
    Mailing.objects.filter(pk=mailing.pk).update(state=Mailing.State.FINISHED)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    command = [sys.executable, "-m", "config.bench.evidence_once", mailing.incident.slug]
    done = subprocess.run(command, env=os.environ | {"DATABASE_URL": _url()}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


TOLD = [
    "DELETE FROM notifications_outbox WHERE mailing_id = %(mailing)s",
    """UPDATE notifications_recipient SET state = 'delivered', merge_seal = sha256(code::bytea)
       WHERE mailing_id = %(mailing)s""",
    """WITH batch AS (
         INSERT INTO notifications_sendbatch (id, provider, claimed_at, handed_over_at, done_at)
         VALUES (gen_random_uuid(), 'smtp', now(), now(), now()) RETURNING id)
       INSERT INTO notifications_attempt (recipient_id, number, batch_id, claimed_at, sha256, provider_id, outcome,
         smtp_code, reply, ended_at)
       SELECT r.id, 1, batch.id, now(), encode(sha256(r.code::bytea), 'hex'), 'id-' || r.id, 'accepted', 250,
         'OK queued', now()
       FROM notifications_recipient r, batch WHERE mailing_id = %(mailing)s ORDER BY r.id""",
    """INSERT INTO notifications_deliveryevent (provider, key, recipient_id, message_id, type, at, received_at, reason,
         words)
       SELECT 'bench', 'bench-' || id, id, message_id, 'delivered', now(), now(), '', ''
       FROM notifications_recipient WHERE mailing_id = %(mailing)s ORDER BY id""",
]
