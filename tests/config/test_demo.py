"""The pieces of the rehearsal. The rehearsal itself is `make demo-once`."""

import csv
import signal
import socket
import subprocess
import sys

import pytest

from config.demo import affected_csv, pages, processes, provider, totp
from config.demo.mailbox import Store
from config.management.commands import demo
from tests.factories import NOON

RFC_6238_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", appendix B
MESSAGE = b"From: a@x.example\r\nTo: b@y.example\r\nSubject: <b>Hello</b>\r\nMessage-ID: <1@x.example>\r\n\r\nhttp://localhost/notice/\r\n"


def test_the_authenticator_shows_the_codes_of_the_standard():
    assert [totp.code(RFC_6238_SECRET, at) for at in (59, 1111111109, 2000000000)] == ["287082", "081804", "279037"]


def test_the_file_of_accounts_is_the_same_every_time_and_has_every_account_once(tmp_path):
    first, again = (affected_csv.write(tmp_path / name).read_bytes() for name in ("a.csv", "b.csv"))
    rows = list(csv.DictReader(first.decode().splitlines()))

    assert first == again
    assert len({row["account_id"] for row in rows}) == affected_csv.ACCOUNTS
    assert len({row["email"] for row in rows}) == len(rows)


def test_a_taken_port_is_found_and_said(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        free = processes._is_free(port)

    assert free is False
    monkeypatch.setattr(processes, "_is_free", lambda port: port != 8000)
    ports, said = processes.choose_ports()
    assert ports.web == 8001
    assert said == ["Port 8000 is taken; the web server uses 8001 instead."]


def test_the_mailbox_keeps_a_message_and_shows_it_harmless(tmp_path):
    store = Store(tmp_path / "mail.sqlite3")
    store.keep("b@y.example", MESSAGE)

    (row,) = store.query("SELECT recipient, subject, message_id FROM mail")
    page = pages.message("1", NOON.isoformat(), "b@y.example", MESSAGE, source=False)
    assert row == ("b@y.example", "<b>Hello</b>", "1@x.example")
    assert "&lt;b&gt;Hello" in page
    assert '<a href="http://localhost/notice/">' in page


def test_each_mailbox_of_the_rehearsal_behaves_as_its_domain_says():
    def types(address):
        return [event["event"] for event in provider.events(address, "1@x.example", NOON)]

    assert types("a@b.example") == ["delivered"]
    assert types(f"a@b.{affected_csv.FULL}") == ["failed"]
    assert types(f"a@b.{affected_csv.GRUDGE}") == ["delivered", "complained"]
    assert types(f"a@b.{affected_csv.SILENT}") == []


@pytest.fixture
def signals_as_they_were():
    before = {number: signal.getsignal(number) for number in demo.STOPS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_second_ctrl_c_does_not_interrupt_the_stopping(signals_as_they_were):
    with pytest.raises(KeyboardInterrupt):
        demo._interrupt()

    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)


def test_a_port_that_another_rehearsal_has_chosen_is_taken_before_it_listens(monkeypatch):
    monkeypatch.setattr(processes, "_can_be_bound", lambda port: True)
    first, _ = processes.choose_ports()
    second, said = processes.choose_ports()

    assert not {first.web, first.smtp, first.mailbox} & {second.web, second.smtp, second.mailbox}
    assert any(f"{first.web} is taken" in sentence or "8000 is taken" in sentence for sentence in said)


def test_a_service_that_ended_is_noticed_and_its_log_named(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    with pytest.raises(processes.Stopped, match="services.log"):
        processes._must_run(ended, tmp_path / "services.log")
