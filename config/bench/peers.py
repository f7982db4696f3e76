"""Other queues for mail, each as its documentation says: `python -m config.bench.peers post_office --count 2000`.

They are no dependencies of ours: `installed()` puts them into a folder of their own under VAR, which needs a package
index the first time. The queue is filled first; what is measured is one process sending it over SMTP.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

PINNED = ["django-post-office==3.12.0", "django-mailer==2.3.2", "lockfile==0.12.2"]


def installed(folder: Path) -> bool:
    """Whether the peers are there, now."""
    if not (folder / "post_office").exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *PINNED]
        subprocess.run(command, capture_output=True)
    return (folder / "post_office").exists() and (folder / "mailer").exists()


def per_second(name: str, *, folder: Path, database: str, port: int, text: Path, count: int) -> float:
    """Messages a second of one process of the peer."""
    command = [sys.executable, "-m", "config.bench.peers", name, "--count", str(count), "--text", str(text)]
    given = os.environ | {"PYTHONPATH": f"{os.getcwd()}:{folder}", "PEER_DATABASE": database, "PEER_PORT": str(port)}
    told = subprocess.run(command, env=given, capture_output=True, text=True)
    if told.returncode:
        raise RuntimeError(f"{name} did not run:\n{told.stderr[-1000:]}")
    return json.loads(told.stdout.splitlines()[-1])["per_second"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(PEERS))
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--text", type=Path, required=True, help="JSON: subject, text, html, sender")
    given = parser.parse_args()
    _configure(given.name)
    call_command("migrate", verbosity=0)
    words = json.loads(given.text.read_text())
    send = PEERS[given.name](words, given.count)
    began = time.perf_counter()
    send()
    sys.stdout.write(json.dumps({"per_second": given.count / (time.perf_counter() - began)}) + "\n")


def _configure(name: str) -> None:
    import environ

    smtp = "django.core.mail.backends.smtp.EmailBackend"
    settings.configure(
        DATABASES={"default": environ.Env.db_url_config(os.environ["PEER_DATABASE"])},
        INSTALLED_APPS=["django.contrib.contenttypes", name], EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=int(os.environ["PEER_PORT"]), USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        EMAIL_BACKEND="mailer.backend.DbBackend" if name == "mailer" else smtp, MAILER_EMAIL_BACKEND=smtp,
        MAILER_USE_FILE_LOCK=False, POST_OFFICE={"BACKENDS": {"default": smtp}, "LOG_LEVEL": 1},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}], LOGGING_CONFIG=None,
    )  # fmt: skip
    django.setup()


def _post_office(words: dict, count: int) -> Callable[[], Any]:
    from post_office import mail  # type: ignore[import-not-found]
    from post_office.models import PRIORITY, STATUS, Email  # type: ignore[import-not-found]

    Email.objects.bulk_create(
        Email(from_email=words["sender"], to=[f"owner@bench-{n}.example"], subject=words["subject"],
              message=words["text"], html_message=words["html"], status=STATUS.queued, priority=PRIORITY.medium)
        for n in range(count)
    )  # fmt: skip

    def send() -> None:
        while Email.objects.filter(status=STATUS.queued).exists():
            mail.send_queued(processes=1, log_level=1)

    return send


def _mailer(words: dict, count: int) -> Callable[[], Any]:
    from django.core.mail import EmailMultiAlternatives, get_connection
    from mailer.engine import send_all  # type: ignore[import-not-found]

    messages = []
    for n in range(count):
        message = EmailMultiAlternatives(words["subject"], words["text"], words["sender"], [f"owner@bench-{n}.example"])
        message.attach_alternative(words["html"], "text/html")
        messages.append(message)
    get_connection().send_messages(messages)
    return send_all


PEERS = {"post_office": _post_office, "mailer": _mailer}

if __name__ == "__main__":
    main()
