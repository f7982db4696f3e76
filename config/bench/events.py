"""How many delivery events a second are taken, kept and settled, against Anymail's bare view that keeps none."""

import base64
import hashlib
import hmac
import json
import os
import socket
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from django.db import connection

from config.bench import Figure, benchmark, nginx, sinks
from config.bench.filling import ready_mailing
from config.bench.sending import _database_url

ROUNDS = 5
LINES = 8  # connections over which a provider posts at once
SINGLE = 800  # calls of one event
MANY = 500  # events of one call
CALLS = 8
KEY, PASSWORD = "bench-signing-key", "bench:bench-webhook-secret"
NUMBERS = count(1)
SERVERS = ["wsgi", "bench.ordinary", "bench.deaf"]
WHERE = ["", "in an ordinary project", "on our own short way"]


@benchmark("events_vs_bare_view", "events_vs_own_road", "batched_events_vs_bare_view")
def events() -> list[Figure]:
    """Web servers as in production, one worker each: ours; Anymail's view in an ordinary project; and ours with a
    receiver that keeps nothing, which goes the short way to the view as we do.
    """
    mailing = ready_mailing((ROUNDS + 1) * (SINGLE + MANY * CALLS))
    with connection.cursor() as cursor:  # as they stand when events come: handed over
        cursor.execute("DELETE FROM notifications_outbox")
        cursor.execute("UPDATE notifications_recipient SET state = 'accepted'")
        cursor.execute("VACUUM ANALYZE notifications_recipient")
    ids = iter(list(mailing.recipients.order_by("pk").values_list("message_id", flat=True)))
    single, many = [], []
    with ExitStack() as stack:
        servers = [stack.enter_context(_server(f"config.{name}:application")) for name in SERVERS]
        for _ in range(ROUNDS + 1):  # the first one warms
            calls = [_mailgun(next(ids)) for _ in range(SINGLE)]
            single.append([_seconds(port, calls) for port in servers])
            calls = [_sendgrid([next(ids) for _ in range(MANY)]) for _ in range(CALLS)]
            many.append([_seconds(port, calls) for port in servers])
    batches = f"SendGrid, {MANY} events a call"
    return [
        _figure("events_vs_bare_view", single[1:], SINGLE, "≥ 0.5", "Mailgun, one event a call"),
        _figure("events_vs_own_road", single[1:], SINGLE, "reported", "the same", against=2),
        _figure("batched_events_vs_bare_view", many[1:], CALLS * MANY, "reported", batches),
    ]


def _figure(name: str, rounds: list[list[float]], events: int, goal: str, what: str, *, against: int = 1) -> Figure:
    ratio = statistics.median(one[against] / one[0] for one in rounds)
    ours, bare = (f"{events / statistics.median(one[side] for one in rounds):,.0f}/s" for side in (0, against))
    how = (
        f"{what}: {ours}, stored and settled before the answer; Anymail's view {WHERE[against]}, empty receiver {bare}"
    )
    return Figure(name, ratio, goal, "ratio", how)


@contextmanager
def _server(application: str) -> Iterator[int]:
    port = sinks.free_port()
    command = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "--blocking-threads", "8", "--no-ws", "--log-level", "warning"]
    settings = {
        "DATABASE_URL": _database_url(connection.settings_dict["NAME"]), "ANYMAIL_WEBHOOK_SECRET": PASSWORD,
        "MAILGUN_WEBHOOK_SIGNING_KEY": KEY, "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    with nginx.process([*command, application], port, env=os.environ | settings):
        yield port


def _seconds(port: int, calls: Sequence[bytes]) -> float:
    """Until the last of the calls is answered, over several connections at once."""
    with ThreadPoolExecutor(LINES) as hands:
        lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(LINES)]
        began = time.perf_counter()
        list(hands.map(_post, lines, [calls[number::LINES] for number in range(LINES)]))
        took = time.perf_counter() - began
    for line in lines:
        line.close()
    return took


def _post(line: socket.socket, calls: Sequence[bytes]) -> None:
    for call in calls:
        line.sendall(call)
        answer = line.recv(65_536)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"an event was answered {answer[:80]!r}")


def _call(path: str, body: object) -> bytes:
    said = json.dumps(body).encode()
    password = base64.b64encode(PASSWORD.encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Basic {password}\r\nContent-Length: {len(said)}\r\n\r\n"
    )
    return head.encode() + said


def _mailgun(message_id: str) -> bytes:
    token, moment = f"{next(NUMBERS):050d}", "1773489600"
    signature = hmac.new(KEY.encode(), (moment + token).encode(), hashlib.sha256).hexdigest()
    event = {
        "signature": {"timestamp": moment, "token": token, "signature": signature},
        "event-data": {
            "event": "delivered", "id": token[-20:], "timestamp": 1773489600.5, "log-level": "info",
            "recipient": "owner@northwind.example", "recipient-domain": "northwind.example", "tags": [],
            "user-variables": {"recipient": message_id}, "flags": {"is-test-mode": False},
            "message": {"headers": {"message-id": message_id, "to": "owner@northwind.example"}, "size": 9_000},
            "delivery-status": {"code": 250, "message": "OK", "description": "", "attempt-no": 1},
        },
    }  # fmt: skip
    return _call("/webhooks/mailgun/tracking/", event)


def _sendgrid(message_ids: Sequence[str]) -> bytes:
    events = [
        {
            "email": "owner@northwind.example", "timestamp": 1773489600, "event": "delivered", "response": "250 OK",
            "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>", "sg_event_id": f"sg-{next(NUMBERS)}", "category": [],
            "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0", "recipient": message_id,
        }
        for message_id in message_ids
    ]  # fmt: skip
    return _call("/webhooks/sendgrid/tracking/", events)
