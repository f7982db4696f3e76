"""The embedded servers, as a laptop meets them: joined, killed, rebooted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from config.embedded import postgres, servers, stop, valkey

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def _no_waiting_for_the_disk():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANDOR_PG_FAST", "1")
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One for all tests here, since making a cluster takes a second. Each leaves it stopped."""
    folder = tmp_path_factory.mktemp("embedded")
    yield folder
    stop(folder)


def started_by_another_process(folder, *command):
    """`python -m config.embedded run`, once its command runs; the command says so on a line of its own."""
    # A session of its own: a terminal's Ctrl-C is not what is tested.
    runner = subprocess.Popen(
        [sys.executable, "-m", "config.embedded", "run", "--", *command],
        cwd=PROJECT,
        env=without_servers(folder),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert runner.stdout.readline() == "ready\n"
    return runner


def without_servers(folder):
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return environment | {"CANDOR_VAR": str(folder)}


def query(url, sql):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


def answers(folder):
    return bool(postgres.running_url(folder / "postgres")), bool(valkey.running_url(folder / "valkey"))


def processes_of(folder):
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        told = " ".join(process.info["cmdline"] or ()) + " " + (process.info["cwd"] or "")
        if str(folder) in told and process.pid != os.getpid():
            found.append(process)
    return found


def test_both_servers_answer_and_nothing_is_left_afterwards(folder):
    with servers(folder) as running:
        assert query(running.database_url, "SHOW server_version_num") >= "180000"
        assert redis.Redis.from_url(running.redis_url).ping()

    assert answers(folder) == (False, False)
    assert processes_of(folder) == []


def test_text_is_utf8_and_sorted_alike_on_every_machine(folder):
    with servers(folder, valkey=False) as running:
        found = query(
            running.database_url,
            "SELECT row(pg_encoding_to_char(encoding), datlocprovider, datlocale)::text"
            " FROM pg_database WHERE datname = current_database()",
        )

    assert found == "(UTF8,b,C.UTF-8)"


def test_an_error_does_not_write_the_row_into_the_log(folder):
    with servers(folder, valkey=False) as running, psycopg.connect(running.database_url) as connection:
        connection.execute("CREATE TEMPORARY TABLE told (address text UNIQUE)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO told VALUES ('canary@example.com'), ('canary@example.com')")

    log = (folder / "postgres" / "data" / "server.log").read_text()
    assert "duplicate key" in log
    assert "canary" not in log


def test_a_stranger_on_the_machine_cannot_use_the_broker(folder):
    with servers(folder, postgres=False) as running:
        without_password = redis.Redis.from_url(running.redis_url)
        without_password.connection_pool.connection_kwargs.pop("password")

        with pytest.raises(redis.AuthenticationError):
            without_password.ping()

    assert (folder / "valkey" / "server.log").exists()


def test_whoever_joins_does_not_stop_them_and_whoever_is_last_does(folder):
    first = started_by_another_process(folder, "sh", "-c", "echo ready; exec sleep 60")
    with servers(folder) as joined:
        assert query(joined.database_url, "SELECT 1") == 1
    assert answers(folder) == (True, True)

    with servers(folder):
        first.terminate()
        assert first.wait(20) == 128 + signal.SIGTERM
        assert answers(folder) == (True, True)

    assert answers(folder) == (False, False)


def test_a_killed_holder_leaves_servers_that_the_next_one_takes_over_and_stops(folder):
    holder = started_by_another_process(folder, "sh", "-c", "echo ready; exec sleep 60")
    command = psutil.Process(holder.pid).children()[0]
    holder.kill()
    holder.wait()

    # The command lives on, and what it needs with it.
    with servers(folder):
        pass
    assert answers(folder) == (True, True)

    command.kill()
    gone(command)
    with servers(folder) as running:
        assert query(running.database_url, "SELECT 1") == 1
    assert answers(folder) == (False, False)
    assert processes_of(folder) == []


def test_after_a_power_cut_what_was_committed_is_there(folder):
    with servers(folder) as running:
        query(running.database_url, "CREATE TABLE kept AS SELECT 'still here' AS words")
        for process in processes_of(folder):
            process.kill()
            gone(process)

    with servers(folder) as running:
        assert query(running.database_url, "SELECT words FROM kept") == "still here"
        assert redis.Redis.from_url(running.redis_url).ping()


def test_after_a_reboot_a_stranger_may_have_the_old_process_number(folder):
    stranger = subprocess.Popen(["sleep", "60"], user=(folder / "postgres" / "data").stat().st_uid)
    with servers(folder):
        pass
    (folder / "postgres" / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n{folder}\n1\n5432\n\n\n0 0\nready\n")

    with servers(folder) as running:
        assert query(running.database_url, "SELECT 1") == 1

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_servers_that_are_already_named_are_not_started(folder):
    environment = without_servers(folder) | {"DATABASE_URL": "postgresql://elsewhere/candor"}
    shown = subprocess.run(
        [sys.executable, "-m", "config.embedded", "run", "--", "sh", "-c", "echo $DATABASE_URL; exit 7"],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )

    assert (shown.stdout, shown.returncode) == ("postgresql://elsewhere/candor\n", 7)


def test_stop_spares_servers_in_use(folder):
    with servers(folder, postgres=False):
        refused = subprocess.run(
            [sys.executable, "-m", "config.embedded", "stop"],
            cwd=PROJECT,
            env=without_servers(folder),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert (refused.returncode, valkey.running_url(folder / "valkey") is not None) == (1, True)
        assert "Somebody uses the servers" in refused.stderr


def test_a_path_too_long_for_a_socket_works_all_the_same(tmp_path):
    far = tmp_path / ("a-folder-with-a-long-name-" * 4)
    with servers(far, valkey=False) as running:
        assert query(running.database_url, "SELECT 1") == 1
        short = Path(running.database_url.partition("host=")[2])
        assert short.is_dir()

    assert not short.exists()


def gone(process, seconds=10):
    """Waits until it is dead; a zombie is."""
    deadline = time.monotonic() + seconds
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
