"""Says in red and green what is still missing for a real incident."""

import sys

from django.core.mail import EmailMessage, get_connection
from django.core.management import BaseCommand
from django.core.management.base import CommandParser
from django.db import transaction

from accounts import audit
from accounts.models import Organisation
from config import readiness


class Command(BaseCommand):
    help = "What is still missing for a real incident. Exit code 1 while anything is."
    requires_system_checks: list = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--send-test", metavar="ADDRESS", help="Send one test message there through the provider")

    def handle(self, *args, send_test: str | None, **options) -> None:
        if send_test:
            self._send_test(send_test)
        missing = 0
        for finding in readiness.findings():
            missing += not finding.good
            if finding.good:
                self.stdout.write(self.style.SUCCESS("ok       ") + finding.what)
            else:
                self.stdout.write(self.style.ERROR("missing  ") + finding.what)
                self.stdout.write(f"         {finding.remedy}")
        self.stdout.write("Ready for a real incident." if not missing else f"{missing} things are missing.")
        sys.exit(1 if missing else 0)

    def _send_test(self, address: str) -> None:
        organisation = Organisation.get()
        EmailMessage(
            subject=f"Test message of {organisation.name}",
            body="This message shows that notices can leave. Nothing has happened, and there is nothing to do.\n",
            from_email=organisation.sender,
            to=[address],
            headers={"Auto-Submitted": "auto-generated"},
            connection=get_connection(),
        ).send()
        with transaction.atomic():
            audit.record(act=readiness.TEST_MESSAGE, thing=organisation, by=None)
        self.stdout.write("The provider took the test message.")
