"""A backup that comes back, by the real programs: pg_dump of a house that was sending, pg_restore beside it."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEntry, Organisation
from config.embedded import postgres
from config.faults.house import database_url
from notifications import dispatch, mailings
from notifications.models import Mailing, SendingPulse
from tests.factories import make_account, make_affected, make_incident
from tests.notifications.arrange import make_mailing

HAS_PROGRAMS = all((postgres.PROGRAMS / name).exists() for name in ("pg_dump", "pg_restore"))
needs_programs = pytest.mark.skipif(not HAS_PROGRAMS, reason="the embedded server's wheel brings no pg_dump")


def program(name: str, *arguments: str) -> None:
    done = subprocess.run([str(postgres.PROGRAMS / name), *arguments], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr[-500:]


@contextmanager
def restored(dump: str) -> Iterator[None]:
    """Inside, the house works with the copy."""
    ours, copy = connection.settings_dict["NAME"], f"test_restored_{uuid.uuid4().hex[:8]}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {copy}")
    try:
        program("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={database_url(copy)}", dump)
        connection.close()
        connection.settings_dict["NAME"] = copy
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = ours
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {copy} WITH (FORCE)")


@pytest.fixture
def dump(transactional_db, anton, tmp_path) -> str:
    """Of two incidents: a mailing of each goes out, a third waits for its time."""
    for slug in ("first", "second"):
        incident = make_incident(slug)
        people = [make_account(f"{slug}-{number}", f"owner@{slug}-{number}.example") for number in range(3)]
        make_mailing(incident, [make_affected(incident, account) for account in people])
    mailings.watch()
    timed = make_mailing(incident, [], state=Mailing.State.PREPARED)
    at = timezone.now() + timedelta(hours=1)
    Mailing.objects.filter(pk=timed.pk).update(started_at=None, scheduled_for=at, scheduled_by=anton)
    with transaction.atomic():
        audit.record(act="mailing.started", thing=timed, by=None)
    file = tmp_path / "backup.dump"
    program("pg_dump", "--format=custom", f"--file={file}", database_url())
    return str(file)


@needs_programs
def test_a_restored_backup_comes_up_with_every_mailing_paused_and_says_why(dump):
    with restored(dump):
        assert dispatch.run_lane(seconds=1) == 0, "a worker that starts before beat waits for it"
        mailings.watch()

        assert set(Mailing.objects.exclude(scheduled_for=None).values_list("state", flat=True)) == {"prepared"}
        going = Mailing.objects.filter(scheduled_for=None)
        assert set(going.values_list("state", flat=True)) == {"paused"} and len(going) == 2
        for because in going.values_list("paused_because", flat=True):
            assert "restored copy" in because and "provider’s log" in because
        assert dispatch.run_lane(seconds=1) == 0

    assert set(Mailing.objects.filter(scheduled_for=None).values_list("state", flat=True)) == {"running"}


@needs_programs
def test_in_a_restored_backup_no_time_that_was_set_starts_anything(dump):
    with restored(dump):
        mailings.watch()
        mailings.watch(at=timezone.now() + timedelta(minutes=59))
        mailings.watch(at=timezone.now() + timedelta(hours=1, minutes=1))

        timed = Mailing.objects.exclude(scheduled_for=None).get()
        assert timed.state == "prepared" and "restored copy" in timed.schedule_problem


@needs_programs
def test_a_restored_backup_keeps_its_log_whole_and_its_triggers(dump):
    with restored(dump):
        assert audit.verify() == AuditEntry.objects.count() > 0
        with pytest.raises(Exception, match="append-only"), transaction.atomic():
            AuditEntry.objects.update(act="nothing.happened")
        assert SendingPulse.objects.get().database != ""


# That somebody tried it -----------------------------------------------------------------------------------------


def test_a_tried_restore_is_recorded_with_its_day_and_who_did_it(ada):
    Organisation.get()

    call_command("restore_tested", by=ada.email, on="2026-11-02", stdout=StringIO())

    entry = AuditEntry.objects.get(act="readiness.restore_tested")
    assert entry.by == ada and json.loads(entry.body)["facts"] == {"day": "2026-11-02"}
    assert ada.email not in entry.body


@pytest.mark.parametrize(
    ("by", "on"), [("nobody@relaypost.example", "2026-11-02"), ("ada@relaypost.example", "2999-01-01"),
                   ("ada@relaypost.example", "yesterday")],
)  # fmt: skip
def test_who_is_not_of_staff_or_a_day_that_was_not_records_nothing(ada, by, on):
    with pytest.raises(CommandError):
        call_command("restore_tested", by=by, on=on, stdout=StringIO())

    assert not AuditEntry.objects.filter(act="readiness.restore_tested").exists()
