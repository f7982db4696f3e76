"""F16: yesterday's backup comes back, in which the mailing was still going out."""

import os
import subprocess
import time
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
from django.db import connection

from config.embedded import postgres
from config.faults import CannotInject, arranging, fault
from config.faults.house import House, database_url, our_postgres
from notifications.models import Mailing, SendingPulse


@fault("F16", "a dump of yesterday, with the mailing half sent, is restored and its workers start")
def of_yesterday(house: House) -> None:
    _restored(house, aged=timedelta(hours=24))


@fault("F16", "a dump of a minute ago is restored into a new database")
def of_a_minute_ago(house: House) -> None:
    _restored(house, aged=timedelta(0))


def _restored(house: House, *, aged: timedelta) -> None:
    our_postgres()
    people = 200
    house.mail.delay = 0.02
    mailing = house.going_to(arranging.started(people))
    worker = house.worker()
    house.until_arrived(people // 2)
    dump = house.folder / "yesterday.dump"
    _program("pg_dump", "--format=custom", f"--file={dump}", database_url())
    house.until_over()
    house.kill(worker)
    copy = f"{connection.settings_dict['NAME']}_restored"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {copy}")
        cursor.execute(f"CREATE DATABASE {copy}")
    try:
        _program("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={database_url(copy)}", str(dump))
        _look_at_the_copy(house, mailing, copy, aged=aged)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")


def _look_at_the_copy(house: House, mailing: Mailing, copy: str, *, aged: timedelta) -> None:
    with psycopg.connect(database_url(copy), autocommit=True) as restored:
        restored.execute(f"UPDATE {SendingPulse._meta.db_table} SET at = at - %s", [aged])  # noqa: S608
        waiting = _one(restored, "SELECT count(*) FROM notifications_outbox WHERE mailing_id = %s", mailing.pk)
        house.must(waiting > 0, "the dump came too late to say anything")
        before = len(house.arrived)
        house.database_url = database_url(copy)
        house.worker()
        began, state = time.time(), ""
        while time.time() - began < 25 and state != Mailing.State.PAUSED:
            time.sleep(0.5)
            state = _one(restored, "SELECT state FROM notifications_mailing WHERE id = %s", mailing.pk)
        house.healed_at, house.went_on_at = began, time.time()  # until it was held
        time.sleep(5)
        house.must(state == Mailing.State.PAUSED, f"the mailing in the copy is {state}, not paused")
        house.must(len(house.arrived) == before, f"{len(house.arrived) - before} messages went out again")


def _one(restored: psycopg.Connection, sql: LiteralString, given: int) -> Any:
    row = restored.execute(sql, [given]).fetchone()
    return row[0] if row else None


def _program(name: str, *arguments: str) -> None:
    path = postgres.PROGRAMS / name
    if not path.exists():
        raise CannotInject(f"{name} is not among the embedded server's programs")
    # Root reads the dump, so root's own process makes it: only the server itself needs its own user.
    done = subprocess.run([str(path), *arguments], capture_output=True, text=True, env=dict(os.environ))
    if done.returncode:
        raise CannotInject(f"{name} failed: {done.stderr[-200:]}")
