"""Walks the audit chain from its first entry, and compares it with the heads that were kept outside."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from accounts import anchoring, audit
from accounts.models import AuditEntry


class Command(BaseCommand):
    help = (
        "Says how many entries of the audit chain hold, and its head; ends with 1 at the first that does not. "
        "With heads that were kept outside it also finds an end that was cut off, and a chain written anew."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--anchors", type=Path, nargs="+", default=[], metavar="PATH",
                            help="folders of heads, or mails with them, saved as they came")  # fmt: skip
        parser.add_argument("--key", nargs="+", default=[], metavar="PUBLIC",
                            help="trust this public key and those it leads to, whatever the database says")  # fmt: skip

    def handle(self, *, anchors: list[Path], key: list[str], **options) -> None:
        try:
            outside = [record for path in anchors for record in anchoring.found_in(path)]
        except OSError as problem:
            raise CommandError(f"The heads cannot be read: {problem}", returncode=2) from None
        if anchors and not outside:
            raise CommandError("There is no signed head in what --anchors names.", returncode=2)
        try:
            count, compared = anchoring.verify(outside=outside, keys=key)
        except (audit.BrokenChain, anchoring.Forged) as broken:
            raise CommandError(f"Broken: {broken}.") from None
        head = AuditEntry.objects.order_by("-number").first()
        self.stdout.write(f"{count} entries hold. Head: {head.hash if head else audit.GENESIS}")
        if compared:
            kept = f", {len(outside)} of them from outside" if outside else ", none of them from outside"
            self.stdout.write(f"{compared} signed heads agree with it{kept}.")
