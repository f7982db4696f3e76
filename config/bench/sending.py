"""How fast approved messages leave over SMTP, against a bare loop that keeps no account of anything."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import override_settings
from django.utils import timezone

from accounts.addresses import lookup_hash
from accounts.models import Account, Address, Organisation, User
from config.bench import Figure, benchmark
from incidents import casefile
from incidents.models import AffectedAccount
from notifications import composing, dispatch, mailings
from notifications.models import Notice, Recipient

MESSAGES = 2_000


@benchmark("smtp_vs_django_loop")
def over_smtp() -> list[Figure]:
    """The whole protocol in one process, against Django's SMTP backend on one kept-open connection."""
    with _sink() as port, override_settings(
        EMAIL_HOST="127.0.0.1", EMAIL_PORT=port, SENDING_PER_SECOND=1_000_000, SENDING_LANES=1
    ):  # fmt: skip
        mailing_size = _prepare()
        ours = _seconds(_drain)
        sample = Recipient.objects.select_related("mailing__version__notice", "incident", "address", "link")[0]
        message = composing.compose(sample)
        loop = _seconds(lambda: _bare_loop(message, mailing_size))
    return [
        Figure(
            "smtp_vs_django_loop", loop / ours, "≥ 1.5", "ratio",
            f"{mailing_size:,} messages: {mailing_size / ours:,.0f}/s, bare loop {mailing_size / loop:,.0f}/s",
        )
    ]  # fmt: skip


def _seconds(act) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _prepare() -> int:
    """An approved and started mailing to made-up accounts; its number of recipients."""
    organisation = Organisation.get()
    organisation.sign_offs = 0
    organisation.save()
    by = User.objects.create_user("bench@relaypost.example", is_staff=True, is_superuser=True)
    incident = casefile.load(casefile.named("mailgun-2018-01") | {"slug": "bench-sending"}, by=by)
    incident.visibility, incident.first_published_at = "public", timezone.now()
    incident.save()
    segment = incident.segments.filter(receives_notice=True)[0]
    accounts = Account.objects.bulk_create(
        Account(external_id=f"bench-{n}", name=f"Bench {n}") for n in range(MESSAGES)
    )
    values = [f"owner@{account.external_id}.example" for account in accounts]
    Address.objects.bulk_create(
        Address(account=account, value=value, normal=value, lookup=lookup_hash(value))
        for account, value in zip(accounts, values, strict=True)
    )
    affected = AffectedAccount.objects.bulk_create(
        AffectedAccount(incident=incident, account=account, facts={"api_key": "key-…4f2"}) for account in accounts
    )
    for one in affected:
        one.segments.set([segment])
    subject, body = composing.starter(incident)
    notice = Notice.objects.create(incident=incident, name="Bench", subject=subject, body=body)
    mailing = mailings.prepare(notice, by=by)
    mailings.ask(mailing, by=by)
    mailings.start(mailing, by=by)
    return mailing.recipients_count


def _drain() -> None:
    while dispatch.run_lane(seconds=60):
        pass


def _bare_loop(message: composing.Message, times: int) -> None:
    with get_connection("django.core.mail.backends.smtp.EmailBackend") as connection:
        for _ in range(times):
            mail = EmailMultiAlternatives(
                message.subject, message.text, message.from_email, message.to, connection=connection
            )
            mail.attach_alternative(message.html, "text/html")
            mail.send()


@contextmanager
def _sink() -> Iterator[int]:
    """The rehearsal's mail server as a process of its own on a free port."""
    with socket.socket() as probe, socket.socket() as other:
        probe.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, web = probe.getsockname()[1], other.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "config.demo.mailbox", "--smtp-port", str(port), "--web-port", str(web)]
        server = subprocess.Popen([*command, "--file", Path(folder) / "mail.sqlite3"])
        try:
            _until_it_listens(port)
            yield port
        finally:
            server.terminate()
            server.wait()


def _until_it_listens(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the mail server does not listen")
