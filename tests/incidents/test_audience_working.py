"""Imports in the background: workers are killed, databases lose rows, two meet. Nothing is lost or done twice."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from accounts.models import Account, Address
from incidents import audience
from incidents.audience import comparing, distrusting, reading, saving, turns, undoing, working
from incidents.audience.claiming import claimed
from incidents.models import AffectedAccount, Finding, ImportBatch, StagedRow, UploadPiece
from tests.factories import make_incident, make_organisation
from tests.journeys.house import database_url

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = 5000
# A worker in a process of its own: slow where it is to be caught, and it says that it is there.
WORKER = """
import sys, time
import django
django.setup()
from incidents import audience
from incidents.audience import {module}
act = {module}.{function}
reading = audience.reading
reading.PART = 500
def slowly(*given):
    done = act(*given)
    print("there", flush=True)
    time.sleep({seconds})
    return done
{module}.{function} = slowly
audience.work()
"""


@pytest.fixture
def incident(transactional_db):
    make_organisation(import_limit=1_000_000)
    return make_incident()


@pytest.fixture
def start_worker():
    """start_worker("reading", "copy_staged") is a process that works and is slow there; killed in the end."""
    started = []

    def start(module: str, function: str, seconds: float) -> subprocess.Popen:
        code = WORKER.format(module=module, function=function, seconds=seconds)
        environment = os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.settings"}
        worker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.wait()
        worker.stdout.close()


def receive(incident, text: str | None = None, **said) -> ImportBatch:
    """Uploaded, and its columns said: a worker may read it."""
    text = text or "id,email\n" + "".join(f"a-{n},owner@a{n}.example\n" for n in range(ROWS))
    batch = audience.receive(
        incident, ContentFile(text.encode()), file_name="list.csv", by=None, source="room", **said
    )  # fmt: skip
    return audience.begin(batch, meanings={"id": "id", "email": "email"}, by=None, at=timezone.now())


def wait_for(worker: subprocess.Popen, times: int = 1) -> None:
    for _ in range(times):
        assert worker.stdout.readline() == b"there\n", "the worker ended before it got there"


def kill(worker: subprocess.Popen) -> None:
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def state(batch: ImportBatch) -> str:
    return ImportBatch.objects.get(pk=batch.pk).state


def until_nobody_works() -> None:
    """PostgreSQL notices a killed client at once, but not at the same moment."""
    until = time.monotonic() + 10
    while audience.worked_on():
        assert time.monotonic() < until
        time.sleep(0.02)


def at_once(act) -> threading.Thread:
    def run():
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_worker_killed_while_reading_leaves_what_another_reads_again(incident, start_worker):
    batch = receive(incident)
    worker = start_worker("reading", "copy_staged", 0.05)
    wait_for(worker, times=4)
    assert audience.worked_on() == {batch.pk}
    kill(worker)

    left = ImportBatch.objects.get(pk=batch.pk)
    assert left.state == "reading"
    assert 0 < left.rows_read < ROWS
    until_nobody_works()
    audience.work()

    read = ImportBatch.objects.get(pk=batch.pk)
    assert (read.state, read.counts["accounts"], read.rows_read) == ("staged", ROWS, ROWS)
    assert StagedRow.objects.count() == ROWS


def test_a_worker_killed_while_saving_wrote_nothing_and_another_writes_all(incident, start_worker, wanda):
    batch = receive(incident)
    audience.work()
    audience.ask_to_save(ImportBatch.objects.get(), by=wanda)
    worker = start_worker("saving", "write", 60)
    wait_for(worker)
    kill(worker)

    until_nobody_works()
    assert state(batch) == "confirming"
    assert not Account.objects.exists() and not AffectedAccount.objects.exists()
    audience.work()

    saved = ImportBatch.objects.get()
    assert (saved.state, saved.confirmed_by) == ("confirmed", wanda)
    assert AffectedAccount.objects.count() == Account.objects.count() == ROWS
    assert not StagedRow.objects.exists() and not UploadPiece.objects.exists()


def test_two_workers_never_work_on_one_import(incident):
    batch = receive(incident, "id,email\na,a@a.example\n")
    there, go_on = threading.Event(), threading.Event()

    def hold():
        with claimed(batch) as ours:
            assert ours
            there.set()
            go_on.wait(10)

    thread = at_once(hold)
    assert there.wait(10)
    assert audience.work() == 0
    assert not working.work_on(batch)
    go_on.set()
    thread.join(10)

    assert audience.work() == 1
    assert state(batch) == "staged"


def test_an_import_that_waits_for_another_says_so(incident, wanda):
    second = receive(incident, "id,email\na,\nb,\n")
    audience.work()
    audience.ask_to_save(ImportBatch.objects.get(pk=second.pk), by=wanda)

    with transaction.atomic():
        turns.take_turn(incident.pk)  # as whoever saves it does
        assert not audience.waits_for_another(second)
        thread = at_once(audience.work)
        until = time.monotonic() + 10
        while not audience.waits_for_another(second):
            assert time.monotonic() < until
            time.sleep(0.02)
    thread.join(10)

    saved = ImportBatch.objects.get(pk=second.pk)
    assert (saved.state, saved.counts["new"]) == ("confirmed", 2)


def test_a_file_that_an_undo_made_new_is_not_put_away(incident, wanda, monkeypatch):
    text = b"id,email\na,\nb,\n"
    first = audience.read(incident, io.BytesIO(text), file_name="1.csv", by=None, source="command")
    audience.save(first, by=wanda)
    receive(incident, text.decode())
    put_away = saving.put_away

    def after_an_undo(batch, **given):
        undoing.undo(ImportBatch.objects.get(pk=first.pk), by=wanda, because="It was of another incident.")
        return put_away(batch, **given)

    monkeypatch.setattr(saving, "put_away", after_an_undo)
    audience.work()

    again = ImportBatch.objects.first()
    assert again.state == "staged", "whoever it names would be on no list"
    assert audience.compare(again).new == 2


def test_nothing_is_compared_with_a_list_that_is_being_changed(incident, wanda):
    batch = audience.read(incident, io.BytesIO(b"id\na\n"), file_name="1.csv", by=None, source="command")
    compared = threading.Event()

    def compare():
        comparing.compare(batch)
        compared.set()

    with transaction.atomic():
        turns.take_turn(incident.pk)
        thread = at_once(compare)
        assert not compared.wait(0.5)
    thread.join(10)

    assert compared.is_set()


def test_an_address_rule_made_during_an_import_is_held_to_what_it_brings(incident, wanda):
    batch = audience.read(incident, io.BytesIO(b"id,email\na,x@a.example\n"), file_name="1.csv", by=None, source="room")
    made = threading.Event()

    def distrust():
        distrusting.distrust(incident, kind="domain", value="a.example", because="Exposed, too.", by=wanda)
        made.set()

    with transaction.atomic():
        audience.save(batch, by=wanda)
        thread = at_once(distrust)
        assert not made.wait(0.5)
    thread.join(10)

    assert made.is_set()
    assert not Address.objects.get().trusted


def test_a_turn_that_is_taken_can_be_seen(incident):
    def another_sees() -> bool:
        seen: list[bool] = []
        at_once(lambda: seen.append(turns.taken(incident.pk))).join(10)
        return seen[0]

    with transaction.atomic():
        turns.hold_list(incident.pk)
        assert not another_sees(), "a look keeps nobody from looking"
        turns.take_turn(incident.pk)
        assert another_sees()
        assert not turns.taken(incident.pk), "nobody waits for themselves"
    assert not another_sees()


def test_rows_that_a_crash_of_the_database_emptied_are_read_again(incident, wanda):
    batch = receive(incident)
    audience.work()
    StagedRow.objects.all().delete()

    audience.work()

    read = ImportBatch.objects.get()
    assert (read.state, StagedRow.objects.count()) == ("staged", ROWS)
    assert "The file was read again." in read.stopped
    assert state(batch) == "staged"


def test_lost_rows_of_an_import_under_way_are_read_again_and_somebody_presses_again(incident, wanda):
    batch = receive(incident)
    audience.work()
    audience.ask_to_save(ImportBatch.objects.get(), by=wanda)
    StagedRow.objects.all().delete()

    audience.work()

    assert state(batch) == "staged"
    assert not AffectedAccount.objects.exists()


def test_lost_rows_without_the_file_are_said_to_be_lost(incident):
    batch = audience.read(incident, io.BytesIO(b"id\na\n"), file_name="l.csv", by=None, source="command")
    StagedRow.objects.all().delete()

    with pytest.raises(audience.RowsLost):
        audience.save(batch, by=None)
    audience.work()

    lost = ImportBatch.objects.get()
    assert lost.state == "refused"
    assert "its rows are lost" in lost.refusal and "Upload it again" in lost.refusal


def test_a_command_that_died_while_reading_is_said_to_be_gone(incident):
    with transaction.atomic():
        batch = reading.new_batch(incident, file_name="l.csv", by=None, source="command")
    audience.work()
    assert state(batch) == "reading"  # it may just have begun

    ImportBatch.objects.update(worked_at=timezone.now() - timedelta(minutes=2))
    with claimed(batch):
        at_once(audience.work).join(10)
    assert state(batch) == "reading"  # it is slow, and alive
    audience.work()

    gone = ImportBatch.objects.get()
    assert gone.state == "refused"
    assert "whoever read this file is gone" in gone.refusal


def test_work_that_breaks_off_again_and_again_is_given_up(incident, monkeypatch):
    receive(incident, "id,email\na,a@a.example\n")

    def fail(batch):
        raise OperationalError("no space left on device")

    monkeypatch.setattr(reading, "fold", fail)
    for _ in range(working.MOST_TRIES):
        assert audience.work() == 1
        assert ImportBatch.objects.get().state == "reading"
    assert audience.work() == 0

    given_up = ImportBatch.objects.get()
    assert given_up.state == "refused"
    assert "It was tried 3 times" in given_up.refusal
    assert not StagedRow.objects.exists()


def test_saving_that_breaks_off_again_and_again_waits_for_a_person(incident, wanda, monkeypatch):
    receive(incident, "id,email\na,a@a.example\n")
    audience.work()
    audience.ask_to_save(ImportBatch.objects.get(), by=wanda)

    def fail(*given):
        raise RuntimeError("out of order")

    with monkeypatch.context() as broken:
        broken.setattr(saving, "write", fail)
        for _ in range(working.MOST_TRIES + 1):
            audience.work()
    batch = ImportBatch.objects.get()
    assert (batch.state, "It was tried 3 times" in batch.stopped) == ("staged", True)

    audience.ask_to_save(batch, by=wanda)
    audience.work()
    assert state(batch) == "confirmed"


def test_an_import_discarded_while_it_is_read_leaves_no_rows(incident, monkeypatch):
    batch = receive(incident)
    monkeypatch.setattr(reading, "PART", 500)
    still_reading = reading._still_reading

    def discard_then(reads, **fields):
        if fields.get("rows_read") == 1000:
            at_once(lambda: audience.discard(ImportBatch.objects.get(pk=reads.pk), by=None)).join(10)
        still_reading(reads, **fields)

    monkeypatch.setattr(reading, "_still_reading", discard_then)
    audience.work()

    assert state(batch) == "discarded"
    assert not StagedRow.objects.exists() and not UploadPiece.objects.exists()


def test_what_a_file_changes_is_listed_with_old_and_new(incident):
    first = audience.read(
        incident, io.BytesIO(b"id,email,name,key\nn,a@n.example,North,k1\nc,,Con,k2\nm,,Missing,\n"),
        file_name="1.csv", by=None, source="command",
    )  # fmt: skip
    audience.save(first, by=None)

    text = b"id,email,name,key\nn,b@n.example,North Ltd,k1\nc,,,k3\nx,,New,\n"
    batch = audience.read(incident, io.BytesIO(text), file_name="2.csv", by=None, source="command")

    changed = Finding.objects.filter(batch=batch, kind="changed").order_by("line", "column")
    assert list(changed.values_list("line", "account", "column", "value", "other")) == [
        (2, "n", "email", "b@n.example", ""), (2, "n", "name", "North Ltd", "North"), (3, "c", "key", "k3", "k2"),
    ]  # fmt: skip
    missing = Finding.objects.get(batch=batch, kind="missing")
    assert (missing.account, missing.other) == ("m", "confirmed")
    assert batch.counts["findings"].items() >= {"changed": 3, "missing": 1}.items()
