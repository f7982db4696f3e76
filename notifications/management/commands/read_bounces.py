import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from notifications import bounces
from notifications.bounces.reports import LONGEST
from notifications.bounces.taking import in_words

TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: the mail server keeps the message and hands it over again later


class Command(BaseCommand):
    help = "Read bounces and complaints that came as mail, from the IMAP mailbox of the settings or as told here."

    def add_arguments(self, parser: CommandParser) -> None:
        place = parser.add_mutually_exclusive_group()
        place.add_argument("--stdin", action="store_true", help="one message, as a mail server pipes it")
        place.add_argument("--maildir", type=Path, help="a maildir: what was read moves from new to cur")
        place.add_argument("--mbox", type=Path, help="an mbox file: read from end to end, nothing is marked")
        parser.add_argument("--to", default="", help="the envelope's recipient, with --stdin")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["stdin"]:
                raw = sys.stdin.buffer.read(LONGEST)
                while sys.stdin.buffer.read(LONGEST):  # to its end: whoever writes must not meet a closed pipe
                    pass
                said = in_words([bounces.take(raw, to=options["to"], at=timezone.now())])
            else:
                with self._mailbox(options) as mailbox:
                    said = in_words(bounces.empty(mailbox, at=timezone.now()))
        except bounces.MailboxIsAway as error:
            raise CommandError(str(error), returncode=TRY_AGAIN) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError("The database is away; what was not read stays new.", returncode=TRY_AGAIN) from error
        self.stdout.write(f"Read: {said}.")

    def _mailbox(self, options: dict[str, Any]) -> AbstractContextManager[Any]:
        if options["maildir"]:
            return bounces.maildir(options["maildir"])
        if options["mbox"]:
            return bounces.mbox(options["mbox"])
        if not settings.BOUNCE_IMAP_HOST:
            raise CommandError("BOUNCE_IMAP_HOST is not set. Set it, or give --stdin, --maildir or --mbox.")
        return bounces.imap()
