"""What is still missing for a real incident, a line each: `manage.py ready` prints them, a staff page shows them."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.models import AuditEntry, Organisation, User
from config.health import redis_state
from config.readiness import outside
from config.readiness.finding import Finding
from incidents.models import Incident
from notifications import awake
from notifications.models import DeliveryEvent, Notice, SendingPulse

TEST_MESSAGE = "readiness.test_message_sent"
"""The act under which `ready --send-test` records that the provider took a message."""


RESTORE_TESTED = "readiness.restore_tested"
"""The act under which `restore_tested` records that a backup was brought back."""
OFTEN = timedelta(days=183)
"""A restore and a drill are as good as new for so long."""
ROOM = 5 * 1024**3
"""Bytes that must be free: a list of affected accounts may have 2 GB, twice on its way."""


def findings(*, look: bool = False) -> Iterator[Finding]:
    """In the order in which somebody would mend them. look: ask others now; else what they said last."""
    database = list(_database())
    yield from database
    if not database[0].good:
        return
    yield Finding(redis_state() == "ok", "Redis answers", "Start it, or correct REDIS_URL.",
                  "Without it sending is slow and nobody signs in.")  # fmt: skip
    yield _awake()
    yield _site_folder()
    yield from _disk()
    yield from _keys()
    yield from _organisation()
    yield from _provider()
    if look:
        yield from outside.look()
    elif last := outside.looked():
        yield from last[1]
    yield from _people()
    yield from _texts()
    yield _restore()
    yield _drill()
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


def _awake() -> Finding:
    pulse = SendingPulse.objects.filter(pk=1).first()
    return Finding(pulse is not None and timezone.now() - pulse.at <= awake.PATIENCE, "Beat and a worker are awake",
                   "Start beat and the workers.", "Beat's tick runs in a worker and leaves its moment.")  # fmt: skip


def _disk() -> Iterator[Finding]:
    for name, folder in (("site", Path(settings.SITE_FOLDER)), ("temporary files", Path(tempfile.gettempdir()))):
        what = f"There is room on the disk of the {name}"
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            yield Finding(None, what, f"{folder} is not there.")
            continue
        yield Finding(free >= ROOM, what, f"{free / 1024**3:.1f} GB are free; make it 5 or more.",
                      "Lists of affected accounts and pages are written there.")  # fmt: skip


def _keys() -> Iterator[Finding]:
    for name, of in (
        ("SECRET_KEY", "sessions of staff"), ("LINK_KEYS", "links in notices"), ("LOOKUP_KEY", "finding an address"),
        ("INQUIRY_KEYS", "who asks and waits"), ("AUDIT_KEYS", "the signed ends of the log"),
    ):  # fmt: skip
        value = getattr(settings, name)
        said = json.dumps(value)
        yield Finding(bool(value) and "laptop" not in said, f"{name} is your own",
                      f"Set {name}; docs/deployment.md says how to make one.", f"It guards {of}.")  # fmt: skip


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
    passkeys = Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN, user__in=approvers)
    with_passkey = passkeys.values("user").distinct().count()
    yield Finding(
        len(approvers) >= 2, "Two people with a second factor may approve", "Give another person the role Approver.",
        f"Nobody answers what they asked for themselves. {with_passkey} of them have a passkey.",
    )  # fmt: skip
    without = staff.exclude(pk__in=guarded).count()
    yield Finding(not without, "Everybody of staff has a second factor", f"{without} still have to set one up.")


def _texts() -> Iterator[Finding]:
    yield Finding(
        Notice.objects.exists(),
        "A notice has been written before it is needed",
        "Write one in a private incident and let counsel read it.",
    )
    try:
        template = apps.get_model("incidents", "Template")
    except LookupError:  # no templates in this version
        return
    yield Finding(
        template.objects.filter(counsel_at__isnull=False).exists(),
        "Counsel has said yes to a template",
        "Let counsel read one under Templates.",
        "On the day there is no time to agree on words.",
    )


def _restore() -> Finding:
    last = AuditEntry.objects.filter(act=RESTORE_TESTED).order_by("-number").first()
    means = "Nobody has tried yet whether the backup comes back."
    recent = False
    if last is not None:
        day = date.fromisoformat(json.loads(last.body)["facts"]["day"])
        recent, means = timezone.now().date() - day <= OFTEN, f"Last on {day:%d %B %Y}."
    return Finding(recent, "A restore was tried within half a year", "See docs/restore.md.", means)


def _drill() -> Finding:
    last = Incident.objects.filter(drill=True).order_by("-created_at").first()
    means = f"The last began on {last.created_at:%d %B %Y}." if last else "There was none yet."
    recent = last is not None and timezone.now() - last.created_at <= OFTEN
    return Finding(
        recent, "A drill was held within half a year", "Begin an incident as a drill, with real people.", means
    )
