"""Whether finding one person takes longer the more there are: whole requests, among few and among many in turn."""

import statistics
import time
from contextlib import contextmanager

from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client

from accounts.addresses import lookup_hash
from accounts.models import Address, User
from config.bench import Figure, benchmark
from incidents.models import Incident

HOUSES = {"few": 10_000, "many": 5_000_000}
ASKED = 30  # people, each by id and by address, in each house

# Each house stands in a schema of its own, before the rest of the database: one setting says which of them is asked.
TABLES = ("accounts_account", "accounts_address", "incidents_affectedaccount", "incidents_affectedaccount_segments")
FILL = (
    """INSERT INTO accounts_account (id, external_id, kind, name, locale, jurisdiction)
       SELECT n, 'acct-' || n, 'customer', initcap(substr(md5(n::text), 1, 8)) || ' Ltd', '', ''
         FROM generate_series(1, %(rows)s) n""",
    """INSERT INTO accounts_address (account_id, kind, role, value, normal, lookup, trusted)
       SELECT n, 'email', 'owner', address, address, sha256(address::bytea), true
         FROM (SELECT n, substr(md5(n::text), 1, 8) || '@acct-' || n || '.example' AS address
                 FROM generate_series(1, %(rows)s) n) AS made""",
    """INSERT INTO incidents_affectedaccount (id, incident_id, account_id, certainty, facts)
       SELECT n, %(incident)s, n, 'confirmed', '{"api_key": "key"}' FROM generate_series(1, %(rows)s) n""",
)


@benchmark("search_growth")
def finding() -> list[Figure]:
    """Look up by id or address, then open the page of whom it found."""
    by = User.objects.create_user("bench-finding@relaypost.example", is_staff=True, is_superuser=True)
    Authenticator.objects.create(user=by, type=Authenticator.Type.TOTP, data={})
    incident = Incident.objects.create(slug="bench-finding", title="Bench")
    client = Client()
    client.force_login(by)
    began = time.perf_counter()
    _fill(incident)
    filled = time.perf_counter() - began
    times: dict[str, list[float]] = {house: [] for house in HOUSES}
    for turn in range(-2, ASKED):  # the first two warm up
        for house, rows in HOUSES.items():
            with _house(house):
                took = _seconds(client, account=1 + (turn * 7919) % rows)
            times[house] += took if turn >= 0 else []
    few, many = statistics.median(times["few"]), statistics.median(times["many"])
    said = " ".join(
        f"{statistics.median(times[house]) * 1000:.0f} ms among {rows:,};" for house, rows in HOUSES.items()
    )
    return [Figure("search_growth", many / few, "≤ 1.3", "ratio", f"{said} made in {filled:.0f} s")]


def _seconds(client: Client, *, account: int) -> list[float]:
    """By id, and by address."""
    address = Address.objects.get(account=account)
    Address.objects.filter(pk=address.pk).update(lookup=lookup_hash(address.normal))
    times = []
    for text in (f"acct-{account}", address.value):
        began = time.perf_counter()
        page = client.post("/staff/bench-finding/affected/look-up/", {"text": text}, follow=True, secure=True)
        times.append(time.perf_counter() - began)
        if page.status_code != 200 or f"/affected/{account}/" not in page.redirect_chain[-1][0]:
            raise RuntimeError(f"searching led to {page.status_code}, {page.redirect_chain}")
    return times


def _fill(incident: Incident) -> None:
    """Without indexes first: built afterwards they cost a third."""
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '1GB'")
        for house, rows in HOUSES.items():
            cursor.execute(f"CREATE SCHEMA {house}")
            for table in TABLES:
                cursor.execute(
                    f"CREATE UNLOGGED TABLE {house}.{table} (LIKE public.{table} INCLUDING ALL EXCLUDING INDEXES)"
                )
            with _house(house):
                for statement in FILL:
                    cursor.execute(statement, {"rows": rows, "incident": incident.pk})
            for index in _indexes():
                cursor.execute(index.replace(" ON public.", f" ON {house}."))
            cursor.execute(f"VACUUM ANALYZE {', '.join(f'{house}.{table}' for table in TABLES)}")


def _indexes() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s)", [list(TABLES)]
        )
        return [definition for (definition,) in cursor.fetchall()]


@contextmanager
def _house(name: str):
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path = {name}, public")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET search_path")
