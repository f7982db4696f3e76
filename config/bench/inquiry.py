""" "Was I affected?": what its time gives away, and what a flood of it costs the public page.

The server is ours behind granian, as in production; a worker answers meanwhile. Of three kinds of address (affected,
on no list, known as nobody's) a classifier sees how long each request took, and guesses which kind it was.
"""

import http.client
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.db import connection
from django.test import override_settings

from accounts.addresses import lookup_hash
from accounts.models import Account, Address, Organisation, User
from config.bench import Figure, benchmark, nginx, sinks
from config.bench.filling import ready_mailing
from config.bench.sending import _database_url
from config.bench.serving import PATH, _publish
from incidents.models import Incident
from notifications import dispatch
from notifications.inquiries import answering, sending, texts
from notifications.models import Inquiry, InquiryOutbox, Mailing, Outbox, Recipient

KINDS = ("affected", "unaffected", "unknown")
EACH = 2000
LINES = 4
SLOW = 0.02  # seconds that Redis takes longer for each answer
ABUSE_PER_SECOND = 500
ROUNDS, SECONDS = 5, 4


@benchmark("inquiry_auc")
def inquiry() -> list[Figure]:
    """The worst of all pairs of kinds, in three houses: all well, Redis slow, no mail server."""
    with tempfile.TemporaryDirectory() as folder, sinks.smtp() as mail, override_settings(EMAIL_HOST="127.0.0.1"):
        incident = _told()
        asked = _addresses(incident)
        found = {
            "all well": _worst(incident, asked, folder, mail),
            "Redis slow": _with_slow_redis(lambda url: _worst(incident, asked, folder, mail, redis=url)),
            "no mail server": _worst(incident, asked, folder, 9),
        }
    said = ", ".join(f"{name} {auc:.3f}" for name, auc in found.items())
    how = f"{len(KINDS)} × {EACH:,} interleaved requests in each of three houses; worst pair: {said}"
    return [Figure("inquiry_auc", max(found.values()), "≤ 0.55", "AUC", how)]


def _told() -> Incident:
    """EACH accounts that were sent the first notice, and answers in use for everyone else."""
    mailing = ready_mailing(EACH)
    Outbox.objects.filter(mailing=mailing).delete()
    mailing.recipients.update(state=Recipient.State.ACCEPTED)
    Mailing.objects.filter(pk=mailing.pk).update(state=Mailing.State.FINISHED)
    Organisation.objects.update(sign_offs=0)
    by = mailing.started_by
    assert by is not None
    texts.draft_all(mailing.incident, by=by)
    texts.ask(mailing.incident, by=by)
    texts.put_to_use(mailing.incident, by=by)
    return mailing.incident


def _addresses(incident: Incident) -> list[tuple[str, str]]:
    """(kind, address), as long in each kind as in any other: customers on the list, customers who are not, nobody's."""
    listed = Address.objects.filter(account__affected_in__incident=incident).order_by("pk")
    affected = list(listed.values_list("account_id", "value"))
    others = [value.replace("owner", "admin") for _, value in affected]
    accounts = Account.objects.bulk_create(Account(external_id=f"other-{pk}") for pk, _ in affected)
    Address.objects.bulk_create(
        Address(account=account, value=value, normal=value, lookup=lookup_hash(value))
        for account, value in zip(accounts, others, strict=True)
    )
    unknown = [value.replace("owner", "other") for _, value in affected]
    made = dict(zip(KINDS, ([value for _, value in affected], others, unknown), strict=True))
    asked = [(kind, value) for kind, values in made.items() for value in values]
    random.Random(7).shuffle(asked)  # noqa: S311
    return asked


# Time -------------------------------------------------------------------------------------------------------------


def _worst(incident: Incident, asked: list[tuple[str, str]], folder: str, mail: int, *, redis: str = "") -> float:
    InquiryOutbox.objects.all().delete()
    Inquiry.objects.all().delete()
    given = {"REDIS_URL": redis} if redis else {}
    with _django(folder, given=given) as port, _worker(mail):
        took = _ask_all(port, incident.slug, asked)
    pairs = [(one, other) for one in KINDS for other in KINDS if one < other]
    return max(_auc(took[one], took[other]) for one, other in pairs)


def _auc(one: list[float], other: list[float]) -> float:
    """Of a classifier by time, whichever way it helps: 0.5 is a coin (Mann-Whitney's U over all pairs)."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(rank for rank, (_, side) in enumerate(ranked, start=1) if side == 0)
    share = (ranks - len(one) * (len(one) + 1) / 2) / (len(one) * len(other))
    return max(share, 1 - share)


def _ask_all(port: int, slug: str, asked: list[tuple[str, str]]) -> dict[str, list[float]]:
    """Seconds of each request, interleaved at random over some connections. Any other answer than 303 fails the run."""
    with ThreadPoolExecutor(LINES) as hands:
        parts = list(hands.map(lambda part: _ask(port, slug, part), [asked[n::LINES] for n in range(LINES)]))
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind, seconds in (one for part in parts for one in part):
        took[kind].append(seconds)
    return took


def _ask(port: int, slug: str, asked: list[tuple[str, str]]) -> list[tuple[str, float]]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = []
    for number, (kind, said) in enumerate(asked):
        body = urlencode({"address": said})
        began = time.perf_counter()
        line.request("POST", f"/inquiry/{slug}/", body, _headers(number))
        answer = line.getresponse()
        answer.read()
        found.append((kind, time.perf_counter() - began))
        if answer.status != 303:
            raise RuntimeError(f"an inquiry was answered with {answer.status}")
    return found


def _headers(number: int) -> dict[str, str]:
    return {
        "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin",
        "X-Forwarded-For": f"198.51.{number // 250 % 250}.{number % 250}",
        "Host": urlsplit(settings.PUBLIC_BASE_URL).netloc,
    }  # fmt: skip


@contextmanager
def _django(folder: str, *, prefix: tuple[str, ...] = (), given: dict[str, str] | None = None) -> Iterator[int]:
    port = sinks.free_port()
    command = [*prefix, str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "--blocking-threads", "8", "--no-ws", "--log-level", "warning"]
    env = {
        "DATABASE_URL": _database_url(connection.settings_dict["NAME"]), "SITE_FOLDER": folder, "LOG_LEVEL": "ERROR",
        "TRUSTED_PROXY_COUNT": "1", "INQUIRIES_PER_MINUTE": "10000000", "INQUIRIES_PER_NETWORK": "10000000",
    }  # fmt: skip
    with nginx.process([*command, "config.wsgi:application"], port, env=os.environ | env | (given or {})):
        yield port


@contextmanager
def _worker(mail: int) -> Iterator[None]:
    """Takes up what is asked while it is asked, in a thread of this process, which serves nothing."""
    over = threading.Event()

    def work() -> None:
        with override_settings(EMAIL_PORT=mail):
            while not over.wait(0.05):
                answering.take_up(limit=20)
                dispatch.run_lane(seconds=0.1)
                sending.run_lane(seconds=0.1)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _with_slow_redis(measure: Callable[[str], float]) -> float:
    """Every answer of Redis comes SLOW seconds later."""
    target = urlsplit(settings.REDIS_URL)
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=_let_in, args=(door, target), daemon=True).start()
        ours = target._replace(netloc=f"{target.netloc.rpartition('@')[0]}@127.0.0.1:{door.getsockname()[1]}")
        return measure(ours.geturl())


def _let_in(door: socket.socket, target) -> None:
    while True:
        try:
            client, _ = door.accept()
        except OSError:
            return
        server = (
            socket.create_connection((target.hostname, target.port or 6379))
            if target.hostname
            else socket.socket(socket.AF_UNIX)
        )
        for source, sink, wait in ((client, server, 0.0), (server, client, SLOW)):
            threading.Thread(target=_pass_on, args=(source, sink, wait), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket, wait: float) -> None:
    try:
        while data := source.recv(65536):
            time.sleep(wait)
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for one in (source, sink):
            one.close()


# A flood ----------------------------------------------------------------------------------------------------------


@benchmark("public_under_abuse")
def abuse() -> list[Figure]:
    """Requests of the public page per second, with 500 inquiries and sign-ins a second beside them and without.

    nginx in front as we ship it; Django after it in the queue for the processor, as docker-compose.yml has it.
    """
    if not (nginx.program() and shutil.which("wrk")):
        return []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: S103  (nginx's worker reads it)
        incident, _ = _publish(Path(folder))
        User.objects.create_user("known@relaypost.example")
        with (
            _django(folder, prefix=("nice", "-n", "10")) as django,
            nginx.serving(Path(folder), django_port=django) as port,
        ):
            runs = []
            for _ in range(ROUNDS):
                quiet = _per_second(port, PATH.format(slug=incident.slug))
                with _flood(port, incident.slug) as counted:
                    runs.append((_per_second(port, PATH.format(slug=incident.slug)), quiet))
    with_it, without = (statistics.median(side) for side in zip(*runs, strict=True))
    ratio = statistics.median(one / other for one, other in runs)
    said = ", ".join(f"{count:,} answered {status}" for status, count in sorted(counted.items()))
    how = f"median of {ROUNDS} pairs: {with_it:,.0f}/s with, {without:,.0f}/s without; of the last flood {said}"
    return [Figure("public_under_abuse", ratio, "≥ 0.9", "ratio", how)]


def _per_second(port: int, path: str) -> float:
    command = ["wrk", "-t1", "-c32", f"-d{SECONDS}s", "-H", "Accept-Encoding: br", f"http://127.0.0.1:{port}{path}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told:
        raise RuntimeError(f"wrong answers while measuring:\n{told}")
    return float(told.partition("Requests/sec:")[2].split()[0])


@contextmanager
def _flood(port: int, slug: str) -> Iterator[dict[int, int]]:
    """ABUSE_PER_SECOND, half inquiries, half sign-ins, by a process of its own; counts by status, filled at the end."""
    counted: dict[int, int] = {}
    command = [sys.executable, "-m", "config.bench.flood", str(port), slug, str(ABUSE_PER_SECOND)]
    flood = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    try:
        yield counted
    finally:
        told, _ = flood.communicate("stop\n")
        for line in told.splitlines():
            status, count = line.split()
            counted[int(status)] = int(count)
