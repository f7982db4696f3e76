"""F4: PostgreSQL restarts, freezes, is full of connections, or commits and cannot say so."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import psycopg
from django.db import connection

from config.embedded import postgres
from config.faults import CannotInject, arranging, fault
from config.faults.house import House, database_url, our_postgres
from config.faults.proxy import Proxy
from notifications.models import Attempt, Recipient

State = Recipient.State


def _in_mid_mailing(house: House, break_it: Callable[[], None], *, people: int = 800, times: int = 1) -> None:
    people = 200 if house.quick else people
    house.mail.delay = 0.02
    house.settings["SENDING_LEASE_SECONDS"] = "20"
    house.going_to(arranging.started(people))
    house.worker()
    accepted: set[int] = set()
    for part in range(1, times + 1):
        house.until_arrived(part * people // (times + 2))
        accepted |= set(house.patiently(_accepted) or ())
        break_it()
        connection.close()
    house.healed()
    house.until_over(seconds=180)
    reverted = accepted - set(_accepted())
    house.must(not reverted, f"{len(reverted)} accepted messages were not accepted any more afterwards")


def _accepted() -> list[int]:
    return list(Recipient.objects.filter(state=State.ACCEPTED).values_list("pk", flat=True))


def _restart(home: Path, mode: str) -> None:
    connection.close()
    postgres._program("pg_ctl", home / "data", "stop", f"--mode={mode}", "--wait", "--timeout=60")
    postgres.start(home)


@fault("F4", "PostgreSQL is restarted (fast) in mid-mailing, twice")
def restarted(house: House) -> None:
    home = our_postgres()
    _in_mid_mailing(house, lambda: _restart(home, "fast"), times=2)


@fault("F4", "PostgreSQL crashes (immediate) in mid-mailing, three times, and recovers", quick=True)
def crashed(house: House) -> None:
    home = our_postgres()
    _in_mid_mailing(house, lambda: _restart(home, "immediate"), times=1 if house.quick else 3)


@fault("F4", "SIGSTOP of every PostgreSQL process for 10 s")
def frozen(house: House) -> None:
    data = our_postgres() / "data"

    def freeze() -> None:
        processes = postgres._processes(data)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)
        time.sleep(10)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    _in_mid_mailing(house, freeze)


@fault("F4", "every connection of PostgreSQL is used up for 8 s, and the workers' own are cut")
def used_up(house: House) -> None:
    our_postgres()

    def use_up() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        held = []
        try:
            while True:
                held.append(psycopg.connect(database_url()))
        except psycopg.OperationalError:
            pass
        end = time.monotonic() + 8
        while time.monotonic() < end:
            with suppress(psycopg.OperationalError):  # one that a worker let go of
                held.append(psycopg.connect(database_url()))
            time.sleep(0.05)
        for one in held:
            one.close()

    _in_mid_mailing(house, use_up)


# What stands in the statement whose answer is lost. `claim` leases, `mark` allows, `record` writes down.
ANSWERS = {"claim": b"INSERT INTO notifications_sendbatch", "mark": b"SET handed_over_at", "record": b"SET done_at"}


@fault("F4", "the answer to the COMMIT of a claim, a mark and a record is lost, four times each")
def answer_lost(house: House) -> None:
    socket = _socket()
    with Proxy(socket) as proxy:
        house.database_url = database_url(port=proxy.port)
        people, rounds = (200, 1) if house.quick else (800, 4)
        house.mail.delay = 0.02
        mailing = house.going_to(arranging.started(people))
        house.worker()
        for number in range(rounds):
            for marker in ANSWERS.values():
                house.until_arrived((number + 1) * people // (rounds + 3))
                proxy.lose_answer_to(marker)
                house.until(partial(_is_lost, house, proxy, proxy.lost, people), seconds=60, words="an answer is lost")
        house.healed()
        house.until_over(seconds=120)
        house.must(proxy.lost >= len(ANSWERS), "too few answers were lost to say anything")
        # Whose claim or mark was lost was never spoken of; whose record was lost is read again.
        unspoken = mailing.recipients.filter(state=State.UNKNOWN).exclude(
            message_id__in=[one.message_id for one in house.arrived]
        )
        house.must(not unspoken.exists(), f"{unspoken.count()} are unknown of whom nothing was ever said")
        house.must(not Attempt.objects.filter(recipient__mailing=mailing, outcome="").exists(), "a try has no outcome")


def _is_lost(house: House, proxy: Proxy, before: int, people: int) -> bool:
    return proxy.lost > before or len(house.arrived) >= people


def _socket() -> str:
    host = database_url().partition("host=")[2]
    if not host.startswith("/"):
        raise CannotInject("PostgreSQL is not reached through a Unix socket here")
    return f"{host}/.s.PGSQL.5432"
