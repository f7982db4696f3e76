"""Signs the head of the audit chain now, and writes it outside."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import anchoring, signing


class Command(BaseCommand):
    help = "Signs the head of the log now, and writes it to AUDIT_OFFICERS and AUDIT_ANCHOR_DIR. Beat does so hourly."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--old-key-is-lost", action="store_true",
                            help="take the new key although the one before cannot sign for it")  # fmt: skip

    def handle(self, *, old_key_is_lost: bool, **options) -> None:
        at = timezone.now()
        try:
            made = anchoring.sign(at=at, without_the_old=old_key_is_lost)
        except signing.NoKey as problem:
            raise CommandError(str(problem)) from None
        anchoring.write_outside(at=at)
        if made is None:
            raise CommandError("The log is empty: there is nothing to sign.")
        self.stdout.write(f"Entry {made.number}, signed with {made.key_id} (public key {made.key.public}).")
