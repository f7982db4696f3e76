"""How fast the published page is served by our own front, against nginx serving the same folder; one core each."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import override_settings

from accounts.models import User
from config.bench import Figure, benchmark, nginx
from config.demo.cast import found_organisation
from incidents import casefile, publishing
from incidents.models import Incident, Update

ROUNDS = 5
SECONDS = 3
PATH = "/incidents/{slug}/"
DRAFT: dict[str, Any] = {"at": None, "precision": "unknown"}


@benchmark("serve_vs_nginx", "serve_while_publishing_vs_nginx")
def serving() -> list[Figure]:
    """The median of alternating runs of wrk; where nginx or wrk is not installed there is no figure.

    The same once more with a publication every second: a wrong answer fails the run.
    """
    if not (nginx.program() and shutil.which("wrk")):
        return []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: S103  (nginx's worker reads it)
        incident, by = _publish(Path(folder))
        path = PATH.format(slug=incident.slug)
        with (
            _front(Path(folder)) as ours,
            nginx.serving(Path(folder), django_port=9, prefix=("taskset", "-c", "0")) as theirs,
        ):
            quiet = [(_per_second(ours, path), _per_second(theirs, path)) for _ in range(ROUNDS)]
            busy = []
            for _ in range(ROUNDS):
                with _publishing_every_second(incident, by, Path(folder)):
                    busy.append((_per_second(ours, path), _per_second(theirs, path)))
    return [
        _figure("serve_vs_nginx", quiet, "≥ 0.6", ""),
        _figure("serve_while_publishing_vs_nginx", busy, "≥ 0.55", ", a publication every second"),
    ]


def _figure(name: str, runs: list[tuple[float, float]], goal: str, beside: str) -> Figure:
    front, theirs = (statistics.median(side) for side in zip(*runs, strict=True))
    how = f"median of {ROUNDS} alternating runs: {front:,.0f}/s, nginx {theirs:,.0f}/s{beside}"
    return Figure(name, front / theirs, goal, "ratio", how)


@contextmanager
def _publishing_every_second(incident: Incident, by: User, folder: Path) -> Iterator[None]:
    """In a thread of this process, which does not serve; its own connection ends with it."""
    over = threading.Event()

    def publish() -> None:
        with override_settings(SITE_FOLDER=folder):
            while not over.wait(1):
                Update.objects.create(incident=incident, body=f"News of {time.time()}.", phase="monitoring", **DRAFT)
                publishing.ask(incident, by=by)
                publishing.publish(incident, by=by)
        connection.close()

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _publish(folder: Path) -> tuple[Incident, User]:
    """The January 2018 incident, published into the folder, and who may publish it again."""
    organisation = found_organisation()  # its steps lead to its own domain
    organisation.sign_offs = 0
    organisation.save()
    by = User.objects.create_user("bench-page@relaypost.example", is_staff=True, is_superuser=True)
    incident = casefile.load(casefile.named("mailgun-2018-01"), by=by)
    incident.visibility = "public"
    incident.save()
    with override_settings(SITE_FOLDER=folder):
        publishing.ask(incident, by=by)
        publishing.publish(incident, by=by)
    return incident, by


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _front(folder: Path) -> Iterator[int]:
    port = _free_port()
    command = ["taskset", "-c", "0", str(Path(sys.executable).parent / "granian"), "--interface", "wsgi"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--blocking-threads", "1", "--no-ws"]
    command += ["--log-level", "warning", "config.wsgi:application"]
    with nginx.process(command, port, env=os.environ | {"SITE_FOLDER": str(folder)}):
        yield port


def _per_second(port: int, path: str) -> float:
    """Requests per second that wrk gets on the other core, compressed as a browser asks for."""
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c64", f"-d{SECONDS}s", "-H", "Accept-Encoding: br"]
    told = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    if "Non-2xx" in told:
        raise RuntimeError(f"wrong answers while measuring:\n{told}")
    return float(told.partition("Requests/sec:")[2].split()[0])
