"""What is still missing for a real incident, one sentence a line: `manage.py ready` prints them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.models import AuditEntry, Organisation, User
from config.health import redis_state
from notifications.models import DeliveryEvent, Notice

TEST_MESSAGE = "readiness.test_message_sent"
"""The act under which `ready --send-test` records that the provider took a message."""


@dataclass(frozen=True)
class Finding:
    good: bool
    what: str
    remedy: str = ""


def findings() -> Iterator[Finding]:
    """In the order in which somebody would mend them; each with its remedy where it is not good."""
    yield from _database()
    yield Finding(redis_state() == "ok", "Redis answers", "Start it, or correct REDIS_URL; sending is slow without it.")
    yield _site_folder()
    yield from _organisation()
    yield from _provider()
    yield from _people()
    yield from _texts()
    for problem in run_checks(tags=[Tags.security]):
        yield Finding(False, problem.msg, problem.hint or "")


def _database() -> Iterator[Finding]:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        yield Finding(False, "PostgreSQL answers", "Start it, or correct DATABASE_URL.")
        return
    yield Finding(True, "PostgreSQL answers")
    yield Finding(not waiting, "The database is migrated", "Run `manage.py migrate`.")


def _site_folder() -> Finding:
    folder = Path(settings.SITE_FOLDER)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".ready"
        probe.write_text("")
        probe.unlink()
    except OSError:
        return Finding(False, "The site folder can be written", "Give this process the right to write SITE_FOLDER.")
    return Finding(True, "The site folder can be written")


def _organisation() -> Iterator[Finding]:
    organisation = Organisation.get()
    yield Finding(organisation.domain != "example.com", "The organisation is set up", "Fill in /staff/organisation/.")
    yield Finding(
        not organisation.sender_address.endswith("@example.com"),
        "Messages have a sender of your own",
        "Set the sender's address at /staff/organisation/, with SPF, DKIM and DMARC for its domain.",
    )
    yield Finding(
        bool(organisation.security_email),
        "Readers have somebody to ask",
        "Set the security contact at /staff/organisation/.",
    )


def _provider() -> Iterator[Finding]:
    catches = any(word in settings.EMAIL_BACKEND for word in ("locmem", "console", "dummy", "filebased"))
    yield Finding(
        not catches, "Messages leave through a real provider", "Set EMAIL_BACKEND to SMTP or an Anymail backend."
    )
    last = AuditEntry.objects.filter(act=TEST_MESSAGE).first()
    yield Finding(
        last is not None and (timezone.now() - last.at).days < 90,
        "The provider took a test message within 90 days",
        "Run `manage.py ready --send-test you@your-company`.",
    )
    yield Finding(
        bool(settings.ANYMAIL.get("WEBHOOK_SECRET")) and "laptop" not in settings.ANYMAIL["WEBHOOK_SECRET"],
        "Webhooks have a secret of your own",
        "Set ANYMAIL_WEBHOOK_SECRET=user:password and give the provider that URL.",
    )
    yield Finding(
        DeliveryEvent.objects.exists(),
        "A delivery event came back through the webhook",
        "Send a test message through the provider and let it report to /webhooks/<provider>/tracking/.",
    )


def _people() -> Iterator[Finding]:
    guarded = Authenticator.objects.exclude(type=Authenticator.Type.RECOVERY_CODES).values("user")
    staff = User.objects.filter(is_staff=True, is_active=True)
    ready = staff.filter(pk__in=guarded)
    yield Finding(
        ready.count() >= 2, "Two people of staff have a second factor", "Add them with `manage.py add_staff`."
    )
    approvers = [user for user in ready if user.has_perm("accounts.approve")]
    yield Finding(
        len(approvers) >= 1, "Somebody with a second factor may approve", "Give one person the role Approver."
    )
    without = staff.exclude(pk__in=guarded).count()
    yield Finding(not without, "Everybody of staff has a second factor", f"{without} still have to set one up.")


def _texts() -> Iterator[Finding]:
    yield Finding(
        Notice.objects.exists(),
        "A notice has been written before it is needed",
        "Write one in a private incident and let counsel read it.",
    )
