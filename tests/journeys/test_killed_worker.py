"""Workers are killed in the middle of sending, again and again; counted at the mail server, nobody is told twice."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from django.db import connection

from notifications import dispatch
from notifications.models import Attempt, Mailing, Outbox, Recipient
from tests.factories import make_incident, make_many_affected
from tests.notifications.arrange import make_mailing

ROOT = Path(__file__).resolve().parent.parent.parent
PEOPLE = 600
KILLS = 4
LEASE = 4  # seconds

pytestmark = pytest.mark.django_db(transaction=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def mail_server(tmp_path):
    """A process of its own, slow enough to be caught in the middle: its port, and the file of what it took."""
    port, log = free_port(), tmp_path / "taken"
    command = [sys.executable, "-m", "tests.notifications.smtp_server", "--port", str(port), "--log", str(log)]
    server = subprocess.Popen([*command, "--delay", "0.01"], cwd=ROOT)
    wait_for(lambda: can_connect(port), seconds=10)
    yield port, log
    server.kill()
    server.wait()


@pytest.fixture
def start_worker(mail_server, tmp_path):
    """start_worker() starts a worker with two children and its beat, as a process group of its own."""
    port, _ = mail_server
    database = connection.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{database['USER']}:{database['PASSWORD']}@/{database['NAME']}"
        f"?host={database['HOST'] or database['OPTIONS'].get('host', '')}",
        "EMAIL_BACKEND": "notifications.smtp.PhasedBackend",
        "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(port), "EMAIL_TIMEOUT": "5",
        "SENDING_LEASE_SECONDS": str(LEASE), "SENDING_LANES": "2", "SENDING_PER_SECOND": "10000",
        "CANDOR_VAR": str(tmp_path), "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    started = []

    def start():
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--beat", "--pool", "prefork",
                   "--concurrency", "2", "--loglevel", "WARNING", "--without-gossip", "--without-mingle",
                   "--schedule", str(tmp_path / f"beat-{len(started)}")]  # fmt: skip
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        kill(worker)


def kill(worker: subprocess.Popen, number: int = signal.SIGKILL) -> None:
    """The worker and its children at once, as a power cut would."""
    with suppress(ProcessLookupError):
        os.killpg(worker.pid, number)
    worker.wait()


def taken(log: Path) -> list[str]:
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def can_connect(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(what, *, seconds: float, while_runs: subprocess.Popen | None = None) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert while_runs is None or while_runs.poll() is None, "the worker ended by itself"
        assert time.monotonic() < until, f"waited {seconds} s in vain"
        time.sleep(0.05)


def test_a_killed_worker_tells_nobody_twice_and_forgets_nobody(mail_server, start_worker, broker):
    _, log = mail_server
    incident = make_incident()
    mailing = make_mailing(incident, make_many_affected(incident, PEOPLE))

    for kill_number in range(1, KILLS + 1):
        worker = start_worker()
        # Somewhere within a window, at another place each time.
        part = kill_number * PEOPLE // (KILLS + 2)
        wait_for(lambda part=part: len(taken(log)) >= part or is_over(mailing), seconds=60, while_runs=worker)
        broker.flushdb()  # the bell may be emptied at any moment, too
        time.sleep(0.013 * kill_number)
        kill(worker)
    worker = start_worker()
    wait_for(lambda: is_over(mailing), seconds=60, while_runs=worker)
    kill(worker)

    arrived = Counter(taken(log))
    recipients = dict(mailing.recipients.values_list("message_id", "state"))
    assert Attempt.objects.filter(outcome__in=["unknown", "released"]).exists(), "nothing was caught in the middle"
    assert [message_id for message_id, times in arrived.items() if times > 1] == []
    assert arrived.keys() <= recipients.keys()
    assert Counter(recipients.values()).keys() <= {"accepted", "unknown"}
    # Nobody is missed without being listed, and nobody is said to be told whose message did not arrive.
    for message_id, state in recipients.items():
        assert message_id in arrived or state == Recipient.State.UNKNOWN
    unknown = mailing.recipients.filter(state=Recipient.State.UNKNOWN).count()
    assert unknown <= KILLS * 2 * 25
    assert mailing.recipients.count() == PEOPLE


def test_a_worker_that_is_told_to_stop_leaves_nothing_unknown(mail_server, start_worker):
    _, log = mail_server
    incident = make_incident()
    mailing = make_mailing(incident, make_many_affected(incident, 400))

    for part in (120, 260):
        worker = start_worker()
        wait_for(lambda part=part: len(taken(log)) >= part or is_over(mailing), seconds=60)
        kill(worker, signal.SIGTERM)  # the whole group, as some process runners do
    worker = start_worker()
    wait_for(lambda: is_over(mailing), seconds=60)
    kill(worker, signal.SIGTERM)

    assert set(mailing.recipients.values_list("state", flat=True)) == {"accepted"}
    assert len(taken(log)) == len(set(taken(log))) == 400
    assert not [child for child in psutil.Process().children(recursive=True) if "celery" in " ".join(child.cmdline())]


def is_over(mailing: Mailing) -> bool:
    mailing.refresh_from_db()
    return mailing.state == Mailing.State.FINISHED and not Outbox.objects.exists() and not dispatch.is_work_ready()
