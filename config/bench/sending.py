"""How fast approved messages leave, with full accounting, against loops and queues that keep less of it."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import connection
from django.test import override_settings

from config.bench import Figure, benchmark, peers, sinks
from config.bench.filling import ready_mailing
from notifications import composing, dispatch
from notifications.models import Mailing, Recipient

ROUNDS = 3
A_ROUND = 1_500  # messages
TURNS = 12
SMTP = "notifications.smtp.PhasedBackend"


@benchmark("smtp_vs_django_loop", "smtp_vs_post_office")
def over_smtp() -> list[Figure]:
    """One process each, in turn: the whole protocol; Django's SMTP backend in a bare loop; queues of others."""
    with sinks.smtp() as port, _sending_to(port):
        mailing = ready_mailing(A_ROUND)
        message = composing.compose(_first_of(mailing))
        _drain()  # warm
        ours, bare, alone = [], [], []
        of_peers: dict[str, list[float]] = {"post_office": [], "mailer": []}
        with _peers(message) as peer:
            for _ in range(ROUNDS):
                ready_mailing(A_ROUND)
                ours.append(A_ROUND / _seconds(_drain))
                bare.append(A_ROUND / _seconds(lambda: _bare_loop(message, A_ROUND)))
                if peer:
                    of_peers["post_office"].append(peer("post_office", port, A_ROUND))
            alone.append(300 / _seconds(lambda: _one_by_one(ready_mailing(300))))
            if peer:
                of_peers["mailer"].append(peer("mailer", port, 300))
    size = len(composing.to_email(message).message().as_bytes())
    rates = {"ours": ours, "bare loop": bare, "one task a recipient, without its broker": alone, **of_peers}
    told = ", ".join(f"{name} {statistics.median(rate):,.0f}/s" for name, rate in rates.items() if rate)
    how = f"{size:,} bytes, one process each, {sinks.which()}: {told}"
    figures = [Figure("smtp_vs_django_loop", _ratio(ours, bare), "≥ 1.5", "ratio", how)]
    if of_peers["post_office"]:
        figures.append(Figure("smtp_vs_post_office", _ratio(ours, of_peers["post_office"]), "≥ 3", "ratio", how))
    return figures


@benchmark("send_rate_growth", "worker_memory_mib", "worker_memory_growth")
def growing() -> list[Figure]:
    """A worker in a database with 10,000 rows waiting and in one with 1,000,000, a quarter of a second each in turn."""
    with sinks.smtp() as port, _sending_to(port):
        ready_mailing(10_000)
        with _copy_of_the_database() as small:
            Mailing.objects.update(state=Mailing.State.PAUSED)
            ready_mailing(1_000_000)
            few, many = _in_turns(small, connection.settings_dict["NAME"])
        (memory,) = _run_lanes(1, port, most_seconds=8)
        Mailing.objects.update(state=Mailing.State.PAUSED)
    how = f"medians of {len(few)} turns: {statistics.median(few):,.0f}/s with 10,000, {statistics.median(many):,.0f}/s"
    grown = memory["late_mib"] / memory["early_mib"]
    return [
        Figure("send_rate_growth", _ratio(many, few), "≥ 0.9", "ratio", how),
        Figure("worker_memory_mib", memory["late_mib"], "≤ 120", "MiB", "a worker's process"),
        Figure("worker_memory_growth", grown, "≤ 1.1", "ratio", "its memory at the end, from its first second on"),
    ]


@benchmark("two_workers_vs_one", "pause_seconds")
def side_by_side() -> list[Figure]:
    """Against a server that takes 5 ms for each reply to a final dot, as real ones do."""
    with sinks.smtp(delay=0.005) as port:
        ready_mailing(1_200)
        one = _workers(1, port)
        ready_mailing(2_400)
        two = _workers(2, port)
    return [
        Figure("two_workers_vs_one", two / one, "≥ 1.8", "ratio", f"one {one:,.0f}/s, two {two:,.0f}/s"),
        Figure("pause_seconds", _pause(), "≤ 2", "s", "from the press to the last message a slow server took"),
    ]


@benchmark("batch_recipients_per_s")
def in_batches() -> list[Figure]:
    """Two workers hand over to a stub of Mailgun behind Anymail, 1,000 recipients a call."""
    count = 40_000
    with sinks.mailgun() as url:
        environment = {"EMAIL_BACKEND": "anymail.backends.mailgun.EmailBackend", "MAILGUN_API_URL": url,
                       "MAILGUN_API_KEY": "bench", "MAILGUN_SENDER_DOMAIN": "mg.relaypost.example"}  # fmt: skip
        ready_mailing(count)
        rate = _workers(2, 0, **environment)
    return [Figure("batch_recipients_per_s", rate, "≥ 15000", "1/s", f"{count:,} recipients, two workers")]


# ------------------------------------------------------------------------------------------------------------------


@contextmanager
def _sending_to(port: int) -> Iterator[None]:
    with override_settings(
        EMAIL_BACKEND=SMTP, EMAIL_HOST="127.0.0.1", EMAIL_PORT=port, SENDING_PER_SECOND=1_000_000, SENDING_LANES=1
    ):
        yield


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the rounds' ratios: both sides of a round have met the same machine."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def _first_of(mailing: Mailing) -> Recipient:
    rows = Recipient.objects.select_related("mailing__version__notice", "incident", "address", "link")
    return rows.filter(mailing=mailing)[0]


def _drain(most: int = 10**9) -> None:
    done = 0
    while done < most and (some := dispatch.run_lane(seconds=0.5)):
        done += some


def _bare_loop(message: composing.Message, times: int) -> None:
    with get_connection("django.core.mail.backends.smtp.EmailBackend") as kept:
        for _ in range(times):
            mail = EmailMultiAlternatives(
                message.subject, message.text, message.from_email, message.to, connection=kept, headers=message.headers
            )
            mail.attach_alternative(message.html, "text/html")
            mail.send()


def _one_by_one(mailing: Mailing) -> None:
    """What one Celery task for each recipient does, the broker's part left out: load, compose, send, write down."""
    with get_connection("django.core.mail.backends.smtp.EmailBackend") as kept:
        for pk in mailing.recipients.values_list("pk", flat=True):
            recipient = Recipient.objects.select_related("mailing__version", "address", "link").get(pk=pk)
            kept.send_messages([composing.to_email(composing.compose(recipient))])
            Recipient.objects.filter(pk=pk).update(state=Recipient.State.ACCEPTED)
    Mailing.objects.filter(pk=mailing.pk).update(state=Mailing.State.CANCELLED)


def _in_turns(*databases: str) -> list[list[float]]:
    """Messages a second in each of them. The first turn is left out: it warms up, and logs pages whole."""
    rates: list[list[float]] = [[] for _ in databases]
    for turn in range(TURNS + 1):
        for name, measured in zip(databases, rates, strict=True):
            with _connected_to(name):
                began = time.perf_counter()
                done = dispatch.run_lane(seconds=0.25)
                if turn and done:
                    measured.append(done / (time.perf_counter() - began))
    enough = min(map(len, rates))  # the small one may be through before
    return [measured[:enough] for measured in rates]


@contextmanager
def _copy_of_the_database() -> Iterator[str]:
    name, copy = connection.settings_dict["NAME"], "bench_copy"
    connection.close()  # a template may have no other guest
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")
        cursor.execute(f'CREATE DATABASE {copy} TEMPLATE "{name}"')
    try:
        yield copy
    finally:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")


@contextmanager
def _connected_to(name: str) -> Iterator[None]:
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        connection.ensure_connection()
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def _workers(number: int, port: int, **environment: str) -> float:
    """Messages a second of so many workers, from the moment all begin to the last one's end."""
    begins = time.time() + 6  # by then each has started, on a busy machine, too
    told = _run_lanes(number, port, begins=begins, environment=environment)
    return sum(one["done"] for one in told) / (max(one["ended"] for one in told) - begins)


def _run_lanes(
    number: int, port: int, *, begins: float = 0.0, most_seconds: float = 300,
    environment: dict[str, str] | None = None,
) -> list[dict]:  # fmt: skip
    given = os.environ | {
        "DATABASE_URL": _database_url(connection.settings_dict["NAME"]), "SENDING_PER_SECOND": "1000000",
        "SENDING_LANES": str(number), "EMAIL_BACKEND": SMTP, "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(port),
        "LOG_LEVEL": "ERROR", **(environment or {}),
    }  # fmt: skip
    command = [sys.executable, "-m", "config.bench.lane", "--at", str(begins), "--most", str(most_seconds)]
    running = [subprocess.Popen(command, env=given, stdout=subprocess.PIPE, text=True) for _ in range(number)]
    return [json.loads(one.communicate()[0].splitlines()[-1]) for one in running]


def _database_url(name: str) -> str:
    """Of another database on the same server."""
    held = connection.settings_dict
    host = held["HOST"] or held.get("OPTIONS", {}).get("host", "")
    who = f"{held['USER'] or 'postgres'}:{quote(held['PASSWORD'] or '')}"
    if host.startswith("/"):
        return f"postgresql://{who}@/{name}?host={host}"
    return f"postgresql://{who}@{host}:{held['PORT'] or 5432}/{name}"


def _pause() -> float:
    """Seconds from the pause to the last message taken, by a server that takes 50 ms for each."""
    taken, port = sinks.Taken(), sinks.free_port()
    serve = threading.Thread(target=lambda: asyncio.run(sinks.serve_smtp(port, 0.05, taken)), daemon=True)
    serve.start()
    sinks.until_it_listens(port)
    mailing = ready_mailing(2_000)
    lane = threading.Thread(target=_run_lanes, args=(1, port), kwargs={"most_seconds": 15}, daemon=True)
    lane.start()
    while len(taken.at) < 30:
        time.sleep(0.05)
    pressed = time.time()
    Mailing.objects.filter(pk=mailing.pk).update(state=Mailing.State.PAUSED)
    lane.join()
    return max(0.0, max(taken.at) - pressed)


@contextmanager
def _peers(message: composing.Message) -> Iterator[Callable[[str, int, int], float] | None]:
    """Runs a peer in a database of its own; None where they cannot be installed."""
    folder = Path(settings.VAR) / "bench-peers"
    if not peers.installed(folder):
        yield None
        return
    with tempfile.TemporaryDirectory() as aside:
        text = Path(aside) / "words.json"
        words = {"subject": message.subject, "text": message.text, "html": message.html, "sender": message.from_email}
        text.write_text(json.dumps(words))

        def run(name: str, port: int, count: int) -> float:
            database = f"bench_{name}"
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS {database}")
                cursor.execute(f"CREATE DATABASE {database}")
            try:
                return peers.per_second(
                    name, folder=folder, database=_database_url(database), port=port, text=text, count=count
                )
            finally:
                with connection.cursor() as cursor:
                    cursor.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

        yield run
