"""How long the server takes to open a personal notice, among many affected accounts against few."""

import os
import statistics
import time

from django.db import connection
from django.test import Client

from config.bench import Figure, benchmark
from config.bench.filling import ready_mailing
from incidents.models import AffectedAccount
from notifications import reading
from notifications.models import ReaderLink

FEW = 10_000
MANY = int(os.environ.get("BENCH_NOTICE_ACCOUNTS", "5_000_000"))
ROUNDS = 150  # each opens another account's notice; the two incidents in turn, since other work comes and goes


@benchmark("notice_growth")
def notice_growth() -> list[Figure]:
    """A GET of /notice/ with a pass, through Django with all its middleware; each account once, spread over all."""
    few, many = (_incident(count) for count in (FEW, MANY))
    took: dict[int, list[float]] = {FEW: [], MANY: []}
    for turn in range(ROUNDS):
        for count, ids in ((FEW, few), (MANY, many)):
            seconds = _open(ids[turn])
            if turn >= ROUNDS // 10:  # the first ones warm up templates, plans and connections
                took[count].append(seconds)
    small, large = (statistics.median(took[count]) for count in (FEW, MANY))
    how = f"median of {ROUNDS}: {small * 1000:.1f} ms among {FEW:,}, {large * 1000:.1f} ms among {MANY:,}"
    return [Figure("notice_growth", large / small, "≤ 1.3", "ratio", how)]


def _incident(count: int) -> list[int]:
    """Links of accounts spread evenly over all of it, told already."""
    incident = ready_mailing(count).incident
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE notifications_outbox")
        cursor.execute("ANALYZE")
    first = AffectedAccount.objects.filter(incident=incident).order_by("pk").values_list("pk", flat=True)[0]
    wanted = [first + turn * count // ROUNDS for turn in range(ROUNDS)]
    links = ReaderLink.objects.filter(affected_account__in=wanted).order_by("affected_account")
    found = list(links.values_list("pk", flat=True))
    # What leaves the house is shown; the rows are told from their state alone.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notifications_recipient SET state = 'delivered' WHERE link_id = ANY(%s)", [found])
    return found


def _open(link: int) -> float:
    client = Client()
    client.cookies["notice"] = reading.pass_for(ReaderLink.objects.get(pk=link))
    began = time.perf_counter()
    response = client.get("/notice/")
    took = time.perf_counter() - began
    assert response.status_code == 200, response.status_code
    return took
