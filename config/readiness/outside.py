"""What can be known only by asking others: DNS, the providers, our own address as the world sees it, the workers.

Nothing is sent to anybody. It takes seconds, so pages show what was found last.
"""

import smtplib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.cache import cache
from django.core.mail import get_connection
from django.utils import timezone

from accounts.models import Organisation
from config.celery import app
from config.readiness.finding import Finding
from config.readiness.round_trip import round_trips
from notifications import providers
from notifications.self_check import domain
from notifications.self_check.check import Level

PATIENCE_SECONDS = 4
KEPT_SECONDS = 24 * 3600
KEY = "readiness:outside"
NOWHERE = ("locmem", "console", "dummy", "filebased")
UNSET = "example.com"


def look(*, at: datetime | None = None) -> list[Finding]:
    """Ask them all now; at most some twenty seconds."""
    found = [*_domain(), *_providers(), *round_trips(), _site(), _workers()]
    try:
        cache.set(KEY, (at or timezone.now(), found), KEPT_SECONDS)
    except Exception:  # noqa: BLE001  (Redis away: it is shown this once)
        return found
    return found


def looked() -> tuple[datetime, list[Finding]] | None:
    """What was found last, and when; None: nobody has looked for a day."""
    try:
        return cache.get(KEY)
    except Exception:  # noqa: BLE001  (Redis away: then nobody has looked)
        return None


def _domain() -> Iterator[Finding]:
    organisation = Organisation.get()
    if organisation.sender_address.endswith(UNSET):
        return
    good = {Level.PASSED: True, Level.UNKNOWN: None}
    for check in domain.look_up(organisation.sender, organisation.reply_to):
        yield Finding(good.get(check.level, False), check.words.rstrip("."),
                      "Let whoever keeps the domain's DNS set it as the provider says.",
                      "Mailboxes decide by it whether a notice is believed or put aside.")  # fmt: skip


def _providers() -> Iterator[Finding]:
    for channel in providers.all_channels():
        if any(word in channel.backend for word in NOWHERE):
            continue
        yield Finding(
            *_answers(channel), means="Asked without sending. Only a test message shows that its key is taken, too."
        )
    if not settings.SPARE_EMAIL_BACKEND:
        yield Finding(False, "A second provider stands ready", "Set SPARE_EMAIL_BACKEND and SPARE_SENDER.",
                      "Where the first is part of the breach, nothing else can tell people.")  # fmt: skip


def _answers(channel: providers.Channel) -> tuple[bool | None, str, str]:
    what = f"The provider {channel.name} answers"
    options = dict(channel.options) if channel.adapter.is_anymail else {"timeout": PATIENCE_SECONDS, **channel.options}
    backend: Any = get_connection(channel.adapter.ours or channel.backend, **options)
    try:
        if not channel.adapter.is_anymail:
            backend.open()  # TLS and the sign-in, as for a message
            backend.close()
        elif url := getattr(backend, "api_url", ""):
            requests.get(url, timeout=PATIENCE_SECONDS, allow_redirects=False)
        else:
            return None, what, "It has no address that could be asked: send a test message."
    except (OSError, smtplib.SMTPException, requests.RequestException) as error:
        return (
            False,
            what,
            f"It did not ({type(error).__name__}): look at its settings and at the way out of this host.",
        )
    return True, what, ""


def _site() -> Finding:
    what, means = "The site folder is what readers see", "Compared at the public address, byte for byte."
    front = Path(settings.SITE_FOLDER) / "index.html"
    if not front.exists():
        return Finding(None, what, "Nothing was published yet; look again once something is.", means)
    try:
        seen = requests.get(f"{settings.PUBLIC_BASE_URL}/", timeout=PATIENCE_SECONDS).content
    except requests.RequestException as error:
        return Finding(False, what, f"{settings.PUBLIC_BASE_URL} did not answer ({type(error).__name__}).", means)
    return Finding(
        seen == front.read_bytes(), what, "Let the web server of PUBLIC_BASE_URL serve this SITE_FOLDER.", means
    )


def _workers() -> Finding:
    what, means = "A worker stands at each queue", "Who sends, who follows up, who reads lists of affected accounts."
    try:
        queues = app.control.inspect(timeout=1).active_queues() or {}
    except Exception:  # noqa: BLE001  (the broker is away, in any of its ways)
        return Finding(None, what, "Redis did not answer.", means)
    worked = {queue["name"] for of_one in queues.values() for queue in of_one}
    missing = sorted({queue.name for queue in settings.CELERY_TASK_QUEUES} - worked)
    return Finding(not missing, what, f"Start a worker for {', '.join(missing)}.", means)
