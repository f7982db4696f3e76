"""How fast a file of affected accounts becomes rows, against bare SQL that checks nothing."""

import io
import time

from django.db import connection, transaction

from accounts.addresses import lookup_hash
from config.bench import Figure, benchmark
from incidents import audience
from incidents.models import ImportBatch, Incident

ROWS = 100_000


@benchmark("import_vs_sql", "reimport_vs_import")
def importing() -> list[Figure]:
    """Read, check, compare and confirm a file; the same file again; and hand-written COPY into the same tables."""
    incident = Incident.objects.create(slug="bench-import", title="Bench")
    first = _seconds(lambda: _through_candor(incident, "a"))
    again = _seconds(lambda: _through_candor(incident, "a"))
    bare = _seconds(lambda: _through_sql(incident, "b"))
    return [
        Figure("import_vs_sql", bare / first, "≥ 0.6", "ratio", f"{ROWS:,} rows: {first:.1f} s, bare SQL {bare:.1f} s"),
        Figure("reimport_vs_import", first / again, "≥ 1.0", "ratio", f"the same file again: {again:.1f} s"),
    ]


def _seconds(act) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _csv(prefix: str) -> bytes:
    lines = ["account_id,email,name,api_key"]
    lines += [f"{prefix}-{n},owner@{prefix}{n}.example,Company {n},key-…{n:06}" for n in range(ROWS)]
    return "\n".join(lines).encode()


def _through_candor(incident: Incident, prefix: str) -> None:
    file = io.BytesIO(_csv(prefix))
    batch = audience.read(incident, file, file_name="bench.csv", by=None, source=ImportBatch.Source.COMMAND)
    audience.compare(batch)
    audience.save(batch, by=None)


def _through_sql(incident: Incident, prefix: str) -> None:
    """COPY into a temporary table, INSERT … SELECT into the same tables and indexes; no check of any kind."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE bare (id text, email text, name text, fact text, lookup bytea) ON COMMIT DROP"
        )
        with cursor.copy("COPY bare FROM STDIN") as copy:
            for line in _csv(prefix).decode().splitlines()[1:]:
                account, email, name, fact = line.split(",")
                copy.write_row((account, email, name, fact, lookup_hash(email)))
        cursor.execute(
            "INSERT INTO accounts_account (external_id, kind, name, locale, jurisdiction) "
            "SELECT id, 'customer', name, '', '' FROM bare"
        )
        cursor.execute(
            "INSERT INTO accounts_address (account_id, kind, role, value, normal, lookup, trusted) "
            "SELECT a.id, 'email', 'owner', b.email, b.email, b.lookup, true FROM bare b "
            "JOIN accounts_account a ON a.external_id = b.id"
        )
        cursor.execute(
            "INSERT INTO incidents_affectedaccount (incident_id, account_id, certainty, facts) "
            "SELECT %s, a.id, 'confirmed', jsonb_build_object('api_key', b.fact) FROM bare b "
            "JOIN accounts_account a ON a.external_id = b.id",
            [incident.pk],
        )
