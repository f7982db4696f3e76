"""No address and no token reaches a log line, by whichever way it comes in."""

import io
import logging

import pytest

from config import logs
from config.logs import Redact, formatter

ADDRESS = "owner@northwind.example"
TOKEN = "kq7Zx_2mV9-4tR8sLw1aBcDeFgHiJkLmNoPqRsTuVwX"


@pytest.fixture
def log():
    """A logger set up as in settings, and what it wrote."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(Redact())
    handler.setFormatter(formatter())
    logger = logging.getLogger("tests.redaction")
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, written
    logger.removeHandler(handler)


def test_an_address_in_the_message_is_taken_out(log):
    logger, written = log

    logger.warning(f"bounce of {ADDRESS}, again")

    assert ADDRESS not in written.getvalue()
    assert "bounce of [address], again" in written.getvalue()


def test_an_address_in_an_argument_is_taken_out(log):
    logger, written = log

    logger.warning("550 5.1.1 <%s>: no such user; %s", ADDRESS, {"to": [ADDRESS]})

    assert ADDRESS not in written.getvalue()
    assert "550 5.1.1 <[address]>" in written.getvalue()


def test_an_address_in_a_traceback_is_taken_out_and_the_place_stays(log):
    logger, written = log

    try:
        raise ValueError(f"duplicate key: Key (normal)=({ADDRESS}) already exists")
    except ValueError:
        logger.exception("it failed")

    assert ADDRESS not in written.getvalue()
    assert "Key (normal)=([value])" in written.getvalue()
    assert "test_logs.py" in written.getvalue()


def test_an_address_in_the_cause_of_an_error_is_taken_out(log):
    logger, written = log

    try:
        try:
            raise KeyError(ADDRESS)
        except KeyError as cause:
            raise RuntimeError("wrapped") from cause
    except RuntimeError:
        logger.exception("it failed")

    assert ADDRESS not in written.getvalue()
    assert "KeyError" in written.getvalue()


@pytest.mark.parametrize(
    "path", [f"/notice/{TOKEN}/", f"https://my.relaypost.example/notice/{TOKEN}", f"/notice/{TOKEN}?x"]
)
def test_a_token_in_a_path_is_taken_out(log, path):
    logger, written = log

    logger.error("Internal Server Error: %s", path)

    assert TOKEN not in written.getvalue()
    assert "/notice/[token]" in written.getvalue()


@pytest.mark.parametrize(
    "path",
    [
        "/account/password/reset/key/1-d3ufs6-2f4a6cbb0d0c3b9c1a55e1f3a2d8e7f0/",
        "/account/confirm-email/1qg2x0sd8f7as6df5as4df3as2df1as0df9as8df7as6df5as4df3as2df1as0df9/",
    ],
)
def test_a_link_that_opens_an_account_is_taken_out_too(log, path):
    logger, written = log

    logger.error("Internal Server Error: %s", path)

    assert path.split("/")[-2] not in written.getvalue()


@pytest.mark.parametrize(
    "address",
    [
        "owner+tag@northwind.example",
        "jörg@müller.example",
        "o'brien@northwind.example",
        "OWNER@NORTHWIND.EXAMPLE",
        "a@b.cd",
    ],
)
def test_odd_addresses_are_taken_out_as_well(log, address):
    logger, written = log

    logger.info("to %s", address)
    logger.warning("to <%s>, %s; %r", address, address, address)

    assert address.partition("@")[2] not in written.getvalue()


def test_a_line_break_in_an_argument_does_not_make_a_second_line(log):
    logger, written = log

    logger.warning("code %s", "x\n2026-01-01 level='info' event='all is well'")

    assert written.getvalue().count("\n") == 1


def test_a_plain_line_stays_as_it_is(log):
    logger, written = log

    logger.warning("window of %d taken in %.1f s", 25, 0.5)

    assert "window of 25 taken in 0.5 s" in written.getvalue()


def test_every_handler_of_the_settings_redacts(settings):
    for name, handler in settings.LOGGING["handlers"].items():
        assert "redact" in handler["filters"], name


def test_a_flood_of_forged_events_is_one_line_with_its_number(monkeypatch):
    clock = iter([0.0, 1.0, 2.0, 61.0])
    monkeypatch.setattr(logs.time, "monotonic", lambda: next(clock))
    once = logs.OncePerWindow()
    records = [logging.makeLogRecord({"name": "django.security.Forged", "msg": "Forged event"}) for _ in range(4)]

    passed = [record.getMessage() for record in records if once.filter(record)]

    assert passed == ["Forged event", "Forged event (2 more like this since the last line)"]


def test_lines_of_the_house_itself_are_never_held_back():
    once = logs.OncePerWindow()

    assert all(once.filter(logging.makeLogRecord({"name": "notifications.dispatch"})) for _ in range(3))
