"""Says in red and green what is still missing for a real incident."""

import json
import sys

from django.core.mail import EmailMessage, get_connection
from django.core.management import BaseCommand
from django.core.management.base import CommandParser
from django.db import transaction

from accounts import audit
from accounts.models import Organisation
from config import readiness


class Command(BaseCommand):
    help = "What is still missing for a real incident. Exit code 1 while anything is, 2 where something is not known."
    requires_system_checks: list = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--send-test", metavar="ADDRESS", help="Send one test message there through the provider")

        parser.add_argument("--json", action="store_true", dest="as_json", help="for a machine")
        parser.add_argument("--without-asking", action="store_true",
                            help="ask neither DNS nor providers; tell what they said last")  # fmt: skip

    def handle(self, *args, send_test: str | None, as_json: bool, without_asking: bool, **options) -> None:
        if send_test:
            self._send_test(send_test)
        found = list(readiness.findings(look=not without_asking))
        missing, unknown = (sum(one.state == state for one in found) for state in ("missing", "unknown"))
        if as_json:
            said = {"ready": not missing, "findings": [one.as_dict() for one in found]}
            self.stdout.write(json.dumps(said, indent=1, ensure_ascii=False))
        else:
            self._say(found)
            self.stdout.write("Ready for a real incident." if not missing else f"{missing} things are missing.")
        sys.exit(1 if missing else 2 if unknown else 0)

    def _say(self, found: list[readiness.Finding]) -> None:
        style = {"ok": self.style.SUCCESS, "missing": self.style.ERROR, "unknown": self.style.WARNING}
        for finding in found:
            self.stdout.write(style[finding.state](f"{finding.state:9}") + finding.what)
            if not finding.good:
                self.stdout.write(f"         {finding.remedy}")
            if finding.means:
                self.stdout.write(f"         {finding.means}")

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
