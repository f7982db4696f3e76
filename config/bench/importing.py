"""How fast a file of affected accounts becomes rows, against bare SQL that checks nothing; in how much memory."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from django.db import connection, transaction

from accounts.addresses import lookup_hash
from accounts.models import Organisation
from config.bench import Figure, benchmark
from incidents.models import ImportBatch, Incident

ROWS = int(os.environ.get("BENCH_ROWS", "1_000_000"))  # also 5_000_000
ROUNDS = 2  # in turns, the best of each: other work on the machine comes and goes
FEW = 100_000  # memory is to be the same
PROVIDERS = 20  # half of the addresses are with one of them, the others have a domain of their own


@benchmark("import_vs_sql", "import_memory_mib", "reimport_vs_import")
def importing() -> list[Figure]:
    """A file is read, checked, compared and saved; then again; hand-written COPY of it into the same tables."""
    Organisation.objects.filter(pk=Organisation.get().pk).update(import_limit=2_000_000_000)
    with tempfile.TemporaryDirectory() as folder:
        few, file = Path(folder) / "few.csv", Path(folder) / "accounts.csv"
        _write(few, "f", FEW)
        _write(file, "a", ROWS)
        size = file.stat().st_size / 1e6
        little = _import("bench-few", few)
        rounds = [_round(file) for _ in range(ROUNDS)]
    bare, first, again = (min(seconds) for seconds in zip(*(each[:3] for each in rounds), strict=True))
    peak = max(each[3] for each in rounds)
    took = f"best of {ROUNDS}: {first:.1f} s, bare SQL {bare:.1f} s"
    return [
        Figure("import_vs_sql", bare / first, "≥ 0.6", "ratio", f"{ROWS:,} rows, {size:.0f} MB, {took}"),
        Figure("import_memory_mib", peak, "≤ 250", "MiB",
               f"peak at {ROWS:,} rows; {little['peak_mib']:.0f} at {FEW:,}"),
        Figure("reimport_vs_import", first / again, "≥ 1.0", "ratio", f"the same file again: {again:.1f} s"),
    ]  # fmt: skip


def _round(file: Path) -> tuple[float, float, float, float]:
    """(seconds of bare SQL, of the first import, of the second; the peak of memory of either in MiB)"""
    _empty()
    bare = _seconds(lambda: _through_sql(file))
    _empty()
    first, again = _import("bench-import", file), _import("bench-import", file)
    return bare, first["seconds"], again["seconds"], max(first["peak_mib"], again["peak_mib"])


def _write(path: Path, prefix: str, rows: int) -> None:
    with path.open("w") as file:
        file.write("account_id,email,name,api_key,last_call\n")
        for n in range(rows):
            domain = f"{prefix}{n}.example" if n % 2 else f"mail{n // 2 % PROVIDERS}.example"
            file.write(f"{prefix}-{n},owner{n}@{domain},Company {n},key-…{n % 0xFFFF:04x},2018-01-0{n % 9 + 1}\n")


def _seconds(act) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _import(slug: str, file: Path) -> dict[str, float]:
    """{"seconds": …, "peak_mib": …} of a process that does nothing else."""
    Incident.objects.get_or_create(slug=slug, defaults={"title": "Bench"})
    command = [sys.executable, "-m", "config.bench.import_once", slug, str(file)]
    done = subprocess.run(command, env=os.environ | {"DATABASE_URL": _url()}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _url() -> str:
    """Of the database that was made for measuring."""
    database = connection.settings_dict
    host = database["HOST"] or database["OPTIONS"].get("host", "")
    port = f"&port={database['PORT']}" if database["PORT"] else ""
    password = f":{quote(database['PASSWORD'])}" if database["PASSWORD"] else ""
    return f"postgresql://{quote(database['USER'])}{password}@/{database['NAME']}?host={host}{port}"


def _empty() -> None:
    """Both begin with empty tables, and with nothing left to be written to disk."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # some tables refuse to be emptied
        cursor.execute("TRUNCATE accounts_account CASCADE")
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("CHECKPOINT")


@transaction.atomic
def _through_sql(file: Path) -> None:
    """COPY into a temporary table, INSERT … SELECT into the same tables, indexes and keys; no check of any kind."""
    incident, _ = Incident.objects.get_or_create(slug="bench-sql", defaults={"title": "Bench"})
    batch, _ = ImportBatch.objects.get_or_create(incident=incident, number=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE bare (id text, email text, name text, key text, call text, lookup bytea) ON COMMIT DROP"
        )
        with file.open() as lines, cursor.copy("COPY bare FROM STDIN") as copy:
            next(lines)
            for line in lines:
                account, email, name, key, call = line.rstrip("\n").split(",")
                copy.write(f"{account}\t{email}\t{name}\t{key}\t{call}\t\\\\x{lookup_hash(email).hex()}\n")
        cursor.execute("ANALYZE bare")
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
            "INSERT INTO incidents_affectedaccount (incident_id, batch_id, account_id, certainty, facts) "
            "SELECT %s, %s, a.id, 'confirmed', jsonb_build_object('api_key', b.key, 'last_call', b.call) FROM bare b "
            "JOIN accounts_account a ON a.external_id = b.id",
            [incident.pk, batch.pk],
        )
